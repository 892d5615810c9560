"""Scans a model brings along: completed, cut out, kept in a file, asked."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.annotation.finding import find_annotation
from fewslice.engines.base import Prediction, Scan
from fewslice.errors import WeightsError
from fewslice.metrics.overlap import dice
from fewslice.training.choice import Choice
from fewslice.training.scan import TaskScan
from fewslice.training.support import (
    ModelSupport,
    from_bytes,
    kept_scans,
    mean_of,
    to_bytes,
    unanswered,
)
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.orientation import Turn
from fewslice.volumes.region import Region
from tests.support.kept_scans import kept, phantom_scan
from tests.support.phantoms import two_organs


@pytest.mark.slow
def test_labels_are_completed_and_what_was_drawn_stays() -> None:
    truth = two_organs(seed=0).truth
    scan = phantom_scan(0, 8, 10, 13)
    (found,) = kept_scans([scan])
    assert found.axis == 2
    low = np.rint(np.linalg.inv(scan.geometry.affine) @ found.geometry.affine[:, 3])[:3].astype(int)
    part = tuple(slice(a, a + n) for a, n in zip(low, found.labels.shape, strict=True))
    assert np.array_equal(found.channels, scan.channels[(slice(None), *part)])
    drawn = scan.annotation.labels[part]
    for index in (8, 10, 13):
        at = index - int(low[2])
        assert np.array_equal(found.labels[:, :, at], drawn[:, :, at])
    for value in (1, 2):
        assert dice(found.labels == value, truth[part] == value) > 0.8


@pytest.mark.slow
def test_kept_scans_answer_another_one_on_which_nothing_is_drawn() -> None:
    support = ModelSupport(
        kept_scans([phantom_scan(0, 8, 10, 13), phantom_scan(1, 8, 10, 13)]), Choice("support")
    )
    other = two_organs(seed=2)
    geometry = Geometry.from_spacing(other.image.shape, other.spacing)
    scan = Scan(other.image[None], geometry)
    found = support.answer(scan, unanswered(scan, 2, (1, 2)))
    answer = np.zeros(other.truth.shape, int)
    best = found.probability.astype(np.float32).argmax(axis=0)
    answer[found.region.slices] = np.array(found.values)[best]
    assert dice(answer == 1, other.truth == 1) > 0.7


def test_scans_without_a_structure_are_not_kept() -> None:
    scan = phantom_scan(0, 8)
    empty = np.zeros_like(scan.annotation.labels)
    none = TaskScan("b", scan.scan, find_annotation(empty, scan.geometry, [(2, 3)], (1,)))
    assert kept_scans([none]) == ()


def test_a_scan_comes_back_from_its_file_as_it_was() -> None:
    one, other = kept(5, 6, 7), kept(4, 5, 6)
    again = from_bytes(to_bytes([one, other]))
    assert len(again) == 2
    for before, after in zip((one, other), again, strict=True):
        assert np.array_equal(before.channels, after.channels)
        assert np.array_equal(before.labels, after.labels)
        assert np.array_equal(before.geometry.affine, after.geometry.affine)
        assert before.axis == after.axis


def test_a_damaged_file_is_one_sentence() -> None:
    data = to_bytes([kept(5, 6, 7)])
    with pytest.raises(WeightsError, match="support scans of the model are damaged"):
        from_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError, match="support scans of the model are damaged"):
        from_bytes(b"")


def test_kept_scans_are_turned_with_all_their_slices_annotated() -> None:
    one = kept(5, 6, 7)
    like = Turn((2, 0, 1), (False, True, False)).geometry(one.geometry)
    found = one.turned(like)
    assert found.scan.shape == (7, 5, 6)
    assert found.annotation.axis == 0  # which was the last
    assert len(found.annotation.slices) == 7
    # (1:3, 1:4, 2) becomes (2, reversed 1:3, 1:4) of 7 x 5 x 6.
    assert set(zip(*np.nonzero(found.annotation.labels), strict=True)) == {
        (2, j, k) for j in (2, 3) for k in (1, 2, 3)
    }


def test_a_part_is_known_again_in_its_scan_however_that_is_stored() -> None:
    scan, other = phantom_scan(0, 8, 10, 13), phantom_scan(1, 8, 10, 13)
    (part,) = kept_scans([scan])
    assert part.part_of(scan.scan)
    assert not part.part_of(other.scan)  # on the same grid
    turn = Turn((2, 0, 1), (False, True, False))
    turned = Scan(turn.array(scan.channels), turn.geometry(scan.geometry))
    assert part.part_of(turned)
    region = Region((0, 0, 1), scan.geometry.shape)  # a slice shorter
    assert not part.part_of(scan.scan.cropped(region))


@pytest.mark.slow
def test_support_without_a_scan_is_what_the_others_are() -> None:
    scans = [phantom_scan(seed, 8, 10, 13) for seed in range(2)]
    support = ModelSupport(kept_scans(scans), Choice("support"))
    left = support.without(scans[0].scan)
    assert left is not None
    assert left.scans == support.scans[1:]
    assert left.without(scans[1].scan) is None
    both = support.without(phantom_scan(2, 8).scan)
    assert both is not None
    assert both.scans == support.scans


def test_the_mean_of_two_answers_counts_what_one_does_not_know_as_half() -> None:
    def answer(start: int, stop: int, values: tuple[int, ...], rows: list[float]) -> Prediction:
        region = Region((0, 0, start), (1, 1, stop))
        probability = np.array(rows, np.float16).reshape(len(values), 1, 1, stop - start)
        return Prediction(region, values, probability)

    one = answer(0, 2, (0, 4), [0.5, 0.25, 0.5, 0.75])
    other = answer(1, 3, (0, 7), [0.5, 0.0, 0.5, 1.0])
    found = mean_of(one, other, 2)
    assert found.values == (0, 4, 7)
    assert found.region == Region((0, 0, 0), (1, 1, 3))
    # Where only one of them looked, the other is sure of background.
    expected = [[0.75, 0.375, 0.5], [0.25, 0.375, 0.0], [0.0, 0.25, 0.5]]
    assert found.probability[:, 0, 0].tolist() == expected
