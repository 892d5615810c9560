"""Slivers of outlines on the next slice, and strips that share no voxel."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.annotation.along import Along
from fewslice.annotation.slivers import find_strips, is_sliver

NOTHING = np.zeros((2, 1), dtype=bool)


def along(**rows: tuple[int, int]) -> Along:
    """Return slices of (20, 10, 8) that hold rows from, to of label 1; slices are named s4."""
    labels = np.zeros((20, 10, 8), dtype=np.uint8)
    for name, (start, stop) in rows.items():
        labels[start:stop, :, int(name[1:])] = 1
    slices = tuple((2, int(name[1:])) for name in rows)
    return Along.of(labels, slices, 2, (1,), ())


def test_few_voxels_beside_an_outline_are_a_sliver() -> None:
    drawn = along(s4=(0, 10), s5=(10, 11))  # 100 voxels, and 10 right beside
    assert is_sliver(drawn, 1, 0)
    assert not is_sliver(drawn, 0, 0)


def test_the_tip_of_a_structure_lies_over_the_next_slice() -> None:
    assert not is_sliver(along(s4=(0, 10), s5=(4, 5)), 1, 0)


def test_a_sliver_lies_on_the_very_next_slice() -> None:
    assert not is_sliver(along(s4=(0, 10), s6=(10, 11)), 1, 0)


@pytest.mark.parametrize(("rows", "expected"), [(2, True), (3, False)])
def test_more_than_a_fifth_of_the_outline_is_no_sliver(rows: int, expected: bool) -> None:
    assert is_sliver(along(s4=(0, 10), s5=(10, 10 + rows)), 1, 0) is expected


def test_slices_that_share_nothing_are_strips() -> None:
    assert find_strips(along(s4=(0, 5), s5=(5, 10)), NOTHING).tolist() == [True, True]


def test_slices_that_lie_over_one_another_are_no_strips() -> None:
    assert not find_strips(along(s4=(0, 6), s5=(5, 10)), NOTHING).any()


def test_slices_with_a_gap_between_them_are_no_strips() -> None:
    assert not find_strips(along(s4=(0, 5), s6=(5, 10)), NOTHING).any()


def test_three_slices_in_a_row_are_a_complete_label_map() -> None:
    drawn = along(s4=(0, 5), s5=(5, 10), s6=(10, 15))
    assert not find_strips(drawn, np.zeros((3, 1), dtype=bool)).any()
