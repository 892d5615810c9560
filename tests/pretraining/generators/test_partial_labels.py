"""Slices of which only a part is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import binary_erosion

from fewslice.pretraining.generators.partial_labels import dots, partly_known, patches, scribbles
from fewslice.volumes.image import UNKNOWN

Way = Callable[[npt.NDArray[np.uint8], np.random.Generator], npt.NDArray[np.uint8]]
WAYS = (patches, scribbles, dots)


def two_squares() -> npt.NDArray[np.uint8]:
    labels = np.zeros((40, 44), dtype=np.uint8)
    labels[8:22, 8:22] = 2
    labels[26:34, 12:30] = 5
    return labels


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_said_that_is_not_so(way: Way) -> None:
    labels = two_squares()
    for seed in range(12):
        found = way(labels, np.random.default_rng(seed))
        assert found.dtype == np.uint8
        seen = found != UNKNOWN
        assert seen.any()
        assert not seen.all()
        np.testing.assert_array_equal(found[seen], labels[seen])
    np.testing.assert_array_equal(labels, two_squares())


def test_patches_show_some_of_the_structure() -> None:
    labels = np.minimum(two_squares(), 2)
    for seed in range(8):
        found = patches(labels, np.random.default_rng(seed))
        share = (found == 2).sum() / (labels == 2).sum()
        assert 0.15 < share < 0.75


def test_scribbles_are_thin_and_lie_inside_and_around_every_structure() -> None:
    labels = two_squares()
    for seed in range(12):
        found = scribbles(labels, np.random.default_rng(seed))
        assert {0, 2, 5} <= set(np.unique(found).tolist())
        assert 0.005 < (found != UNKNOWN).mean() < 0.25
        # The middle of a square, not its rim.
        rows, columns = np.nonzero(found == 2)
        assert abs(rows.mean() - 14.5) < 4
        assert abs(columns.mean() - 14.5) < 4


def test_a_structure_of_one_pixel_gets_a_scribble() -> None:
    labels = np.zeros((20, 20), dtype=np.uint8)
    labels[9, 11] = 1
    found = scribbles(labels, np.random.default_rng(0))
    assert found[9, 11] == 1
    assert (found == 0).any()


def test_a_structure_that_fills_the_slice_has_no_line_around() -> None:
    labels = np.full((12, 12), 3, dtype=np.uint8)
    found = scribbles(labels, np.random.default_rng(0))
    assert set(np.unique(found).tolist()) == {3, UNKNOWN}


def test_dots_lie_on_a_lattice_and_show_every_structure() -> None:
    labels = two_squares()
    labels[38, 2] = 7
    for seed in range(12):
        found = dots(labels, np.random.default_rng(seed))
        assert {0, 2, 5, 7} <= set(np.unique(found).tolist())
        background = np.argwhere(found == 0)
        steps = np.unique(np.diff(np.unique(background[:, 0])))
        assert set(steps.tolist()) <= {2, 3, 4, 5, 6, 8, 10}
        assert (found != UNKNOWN).mean() < 0.3


def test_a_person_marks_all_slices_in_one_way_and_empty_ones_in_whole() -> None:
    filled, empty = two_squares(), np.zeros((40, 44), dtype=np.uint8)
    ways = set()
    for seed in range(20):
        found = partly_known([filled, empty, filled], np.random.default_rng(seed))
        np.testing.assert_array_equal(found[1], empty)
        # Patches are the only way that leaves squares of 5 pixels known.
        thin = [
            not binary_erosion(one != UNKNOWN, iterations=2, structure=np.ones((3, 3))).any()
            for one in (found[0], found[2])
        ]
        assert thin[0] == thin[1]
        ways.add(thin[0])
    assert ways == {True, False}


def test_the_same_seed_marks_the_same() -> None:
    one, other = (partly_known([two_squares()], np.random.default_rng(5))[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)
