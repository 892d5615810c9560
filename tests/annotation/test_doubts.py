"""Annotated slices whose zeros are in doubt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.along import Along
from fewslice.annotation.annotation import SliceIndex
from fewslice.annotation.doubts import find_absences, find_rims, find_slips
from tests.support.drawings import Labels, brushed, on_slices, two_bodies

LABELS = two_bodies()


def along(labels: Labels, named: set[SliceIndex] | None = None) -> Along:
    """Return the touched slices across the last axis."""
    touched = np.flatnonzero(((labels > 0) & (labels != 255)).any(axis=(0, 1)))
    values = tuple(int(v) for v in np.unique(labels) if v not in (0, 255))
    return Along.of(labels, tuple((2, int(k)) for k in touched), 2, values, named or set())


def marked(labels: Labels, found: npt.NDArray[np.bool_]) -> set[tuple[int, int]]:
    """Return (index, label) of what was found."""
    lines = along(labels)
    return {
        (int(lines.indices[number]), lines.values[column]) for number, column in np.argwhere(found)
    }


def slips_of(labels: Labels) -> set[tuple[int, int]]:
    return marked(labels, find_slips(along(labels)))


def absences_of(labels: Labels) -> set[tuple[int, int]]:
    lines = along(labels)
    return marked(labels, find_absences(lines, find_slips(lines)))


def rims_of(labels: Labels) -> set[int]:
    lines = along(labels)
    return {int(index) for index in lines.indices[find_rims(lines)]}


def test_voxels_are_counted_without_those_of_crossing_slices() -> None:
    labels = np.zeros((6, 6, 6), dtype=np.uint8)
    labels[1:5, 1:5, 3] = 1
    labels[2, :, :] = 2
    lines = Along.of(labels, ((0, 2), (2, 3)), 2, (1, 2), set())
    # Three of the four rows of 1 are left, and the crossing row of 2 is not this slice's.
    assert lines.areas.tolist() == [[12, 0]]


@pytest.mark.parametrize("index", [12, 14, 16])
@pytest.mark.parametrize("voxels", [[(2, 2)], [(2, 2), (37, 33)], [(13, 20)]])
def test_stray_voxels_between_drawn_slices_are_slips(
    index: int, voxels: list[tuple[int, int]]
) -> None:
    labels = on_slices(LABELS, (8, 18, 24))
    for row, column in voxels:
        labels[row, column, index] = 1
    assert slips_of(labels) == {(index, 1)}


def test_scattered_voxels_are_slips_even_if_they_are_many() -> None:
    labels = on_slices(LABELS, (8, 18, 24))
    labels[1:36:4, 1:5:4, 13] = 1  # nine single voxels
    labels[1:36:4, 33, 13] = 1
    assert slips_of(labels) == {(13, 1)}


def test_a_stray_voxel_beside_a_drawn_slice_is_a_slip() -> None:
    labels = on_slices(LABELS, (8, 18, 24))
    labels[2, 2, 9] = 1
    assert slips_of(labels) == {(9, 1)}


def test_beyond_the_drawn_slices_only_what_lies_astray_is_a_slip() -> None:
    labels = on_slices(LABELS, (8, 16, 22), 1)
    labels[2, 2, 29] = 1
    labels[13, 20, 26] = 1  # may be the tip
    assert slips_of(labels) == {(29, 1)}


def test_stray_voxels_of_one_structure_leave_the_others_on_the_slice() -> None:
    labels = on_slices(LABELS, (10, 14, 18, 22))
    labels[:, :, 14][labels[:, :, 14] == 1] = 0
    labels[2, 2, 14] = 1
    assert slips_of(labels) == {(14, 1)}


def test_small_structures_are_no_slips() -> None:
    labels = np.zeros_like(LABELS)
    for index, side in ((6, 1), (10, 2), (14, 3), (18, 1)):
        labels[12 : 12 + side, 12 : 12 + side, index] = 1
    assert slips_of(labels) == set()


def test_a_structure_of_one_voxel_is_no_slip() -> None:
    labels = on_slices(LABELS, (8, 18, 24))
    labels[13, 20, 13] = 3
    assert slips_of(labels) == set()


def test_one_more_small_piece_among_many_is_no_slip() -> None:
    labels = np.zeros_like(LABELS)
    labels[2:12, 2:12, 6] = 1
    labels[20:23, 20, 14] = 1
    labels[25:35, 25:35, 22] = 1
    assert slips_of(labels) == set()


@pytest.mark.parametrize("named", [{(2, 13)}, set()])
def test_named_slices_and_those_with_unknown_voxels_are_not_in_doubt(
    named: set[SliceIndex],
) -> None:
    labels = on_slices(LABELS, (8, 18, 24))
    labels[2, 2, 13] = 1
    if not named:
        labels[30:, :, 13] = 255
    assert not find_slips(along(labels, named)).any()


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_rims_of_a_sphere_brush_are_no_drawn_slices(radius: int) -> None:
    drawn = on_slices(LABELS, (7, 15, 23))
    labels = brushed(drawn, (7, 15, 23), radius)
    touched = {k + d for k in (7, 15, 23) for d in range(-radius, radius + 1)}
    assert rims_of(labels) == touched - {7, 15, 23}


def test_rims_that_meet_are_told_from_a_whole_body() -> None:
    labels = brushed(on_slices(LABELS, (9, 14, 19)), (9, 14, 19), 2)
    assert rims_of(labels) == set(range(7, 22)) - {9, 14, 19}


def test_rims_of_one_of_several_slices_are_found() -> None:
    labels = brushed(on_slices(LABELS, (7, 15, 23)), (15,), 1)
    assert rims_of(labels) == {14, 16}


def test_slices_drawn_side_by_side_are_no_rims() -> None:
    assert rims_of(on_slices(LABELS, (6, 7, 8, 20, 21, 22))) == set()
    assert rims_of(LABELS) == set()


def test_one_small_body_is_no_rim() -> None:
    labels = brushed(on_slices(LABELS, (15,)), (15,), 2)
    assert rims_of(labels) == set()


def test_balls_above_each_other_are_no_rims() -> None:
    i, j, k = np.indices(LABELS.shape)
    labels = np.zeros_like(LABELS)
    for middle in (8, 22):
        labels[(i - 15) ** 2 + (j - 15) ** 2 + (k - middle) ** 2 <= 9] = 1
    assert rims_of(labels) == set()


def test_structures_drawn_in_turns_are_in_doubt_on_the_slices_of_the_others() -> None:
    labels = on_slices(LABELS, (8, 16, 24), 1) + on_slices(LABELS, (12, 20, 28), 2)
    # 1 on 12 and 20 lies between its slices; 28 shows what those show. So does 8 for 2.
    assert absences_of(labels) == {(12, 1), (20, 1), (28, 1), (8, 2), (16, 2), (24, 2)}


def test_a_structure_left_out_between_slices_that_hold_it_is_in_doubt() -> None:
    labels = on_slices(LABELS, (12, 16, 20, 24))
    labels[:, :, 16][labels[:, :, 16] == 2] = 0
    assert absences_of(labels) == {(16, 2)}


def test_a_structure_that_has_ended_is_absent() -> None:
    labels = on_slices(LABELS, (6, 14, 22, 29))  # 2 begins at 10, 1 ends at 26
    assert absences_of(labels) == set()


def test_a_structure_in_two_places_is_absent_between_them() -> None:
    labels = on_slices(LABELS, (8, 15, 22), 1)
    labels[25:35, 2:10, 8] = 3
    labels[25:35, 25:35, 22] = 3
    assert absences_of(labels) == set()


def test_where_another_structure_lies_nobody_left_one_out() -> None:
    labels = on_slices(LABELS, (8, 15, 22), 1)
    labels[25:35, 2:12, [8, 22]] = 3
    labels[24:36, 1:13, 15] = 4
    assert absences_of(labels) == set()


def test_slices_in_a_row_are_complete() -> None:
    labels = on_slices(LABELS, range(12, 25))
    labels[:, :, 17][labels[:, :, 17] == 2] = 0
    labels[2, 2, 19] = 1
    assert (slips_of(labels), absences_of(labels)) == (set(), set())
