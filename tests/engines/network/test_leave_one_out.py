"""Lessons: what they hold, what they must not hold, and which there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines.network.leave_one_out import Fold, folds, slice_dice
from tests.support.drawn_phantoms import scan_of
from tests.support.phantoms import Phantom, two_organs
from tests.support.quick_features import QUICK

DRAWN = ((2, 5), (2, 8), (2, 11), (2, 14))


def annotated(phantom: Phantom, *extra: tuple[int, int]) -> Annotation:
    labels = phantom.sparse(2, *(index for _, index in DRAWN))
    return Annotation(labels, tuple(sorted((*DRAWN, *extra))))


def found(annotation: Annotation, most: int = 8) -> list[Fold]:
    scan = scan_of(two_organs())
    return list(folds(scan, annotation, QUICK, most))


@pytest.mark.slow
def test_what_was_left_out_is_nowhere_in_the_features() -> None:
    annotation = annotated(two_organs())
    for fold in found(annotation):
        seeds, truth = fold.features.seeds, fold.truth
        assert (seeds[fold.target] == -1).all()
        assert (truth[fold.target] > 0).any()
        assert fold.target not in fold.features.positions
        others = [at for at in range(len(seeds)) if at != fold.target]
        np.testing.assert_array_equal(seeds[others], truth[others])
        assert len(fold.features.positions) == len(fold.features.outlines) == 3


@pytest.mark.slow
def test_a_lesson_follows_from_the_other_slices_alone() -> None:
    """Whatever is drawn on the slice that is left out, the features are the same."""
    phantom = two_organs()
    annotation = annotated(phantom)
    labels = annotation.labels.copy()
    labels[:, :, 8] = np.flip(labels[:, :, 8], 1)
    other = found(replace(annotation, labels=labels))[0]
    (first, *_) = found(annotation)
    assert first.index == other.index == 8
    for name in ("images", "seeds", "shape", "appearance", "walk", "outlines", "radii"):
        np.testing.assert_array_equal(getattr(first.features, name), getattr(other.features, name))
    assert (first.truth != other.truth).any()


@pytest.mark.slow
def test_inner_slices_come_first_and_may_be_all() -> None:
    annotation = annotated(two_organs(), (2, 1), (2, 20))
    assert annotation.drawn_along(annotation.axis) == (5, 8, 11, 14)
    indices = [(fold.index, fold.inner) for fold in found(annotation)]
    # Without an outer slice the region may not reach to it any more; here it does.
    assert indices == [(8, True), (11, True), (5, False), (14, False)]
    assert [fold.index for fold in found(annotation, most=1)] == [8]


@pytest.mark.slow
def test_a_structure_on_that_slice_only_gives_no_lesson() -> None:
    annotation = annotated(two_organs())
    labels = annotation.labels.copy()
    labels[2:5, 2:5, 8] = 3
    indices = [fold.index for fold in found(replace(annotation, labels=labels))]
    assert 8 not in indices
    assert 11 in indices


@pytest.mark.parametrize("slices", [(), ((2, 8),)])
def test_with_hardly_anything_drawn_there_are_none(slices: tuple[tuple[int, int], ...]) -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, *(index for _, index in slices))
    assert found(Annotation(labels, slices, main_axis=2, extra_values=(1, 2))) == []


@pytest.mark.slow
def test_unknown_voxels_stay_unknown_in_the_truth() -> None:
    annotation = annotated(two_organs())
    labels = annotation.labels.copy()
    labels[:, 17:, 8] = 255
    fold = found(replace(annotation, labels=labels))[0]
    truth = fold.truth[fold.target]
    assert (truth == -1).any()
    assert (truth >= 0).any()


def dice_of(answer: list[int], truth: list[int]) -> float:
    shape: npt.NDArray[np.int8] = np.array([truth], dtype=np.int8)
    return slice_dice(np.array([answer]), shape)


def test_dice_of_a_slice_by_hand() -> None:
    assert dice_of([1, 1, 0, 0], [1, 1, 0, 0]) == 1
    assert dice_of([1, 0, 0, 0], [1, 1, 0, 0]) == pytest.approx(2 / 3)
    assert dice_of([1, 1, 1, 1], [1, 1, -1, -1]) == 1  # unknown voxels do not count
    assert dice_of([0, 0, 2, 2], [1, 1, 2, 2]) == 0.5
    assert dice_of([1, 0], [0, 0]) == 1  # nothing there to score
