"""Slightly tilted planes, found from the strips that they leave on slices next to each other."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.annotation.oblique import ObliquePlane
from fewslice.annotation.strips import planes_of_strips
from fewslice.typing import BoolArray


def strips(first: int, *, at: int = 2, falling: bool = False) -> BoolArray:
    """Return (10, 4, 12) with rows 0 to `first` - 1 on slice `at`, the others on the next one."""
    drawn = np.zeros((10, 4, 12), dtype=bool)
    drawn[:first, :, at + falling] = True
    drawn[first:, :, at + (not falling)] = True
    return drawn


def slice_at(plane: ObliquePlane, row: float) -> float:
    return float((plane.offset - plane.normal[0] * row) / plane.normal[2])


def test_the_plane_of_two_strips_is_the_one_that_deviates_least() -> None:
    # Rows 0 to 5 on slice 2, 6 to 9 on slice 3. With slope b the step between rows 5 and 6 leaves
    # (1 - b) / 2, and rows 0 to 5 leave 5 b / 2: b = 1/6, from 2 - 5/12 at row 0 on.
    (plane,) = planes_of_strips(strips(6), np.eye(4), 2)
    assert slice_at(plane, 0) == pytest.approx(2 - 5 / 12, abs=1e-6)
    assert slice_at(plane, 6) - slice_at(plane, 0) == pytest.approx(1, abs=1e-6)
    assert plane.normal[1] == pytest.approx(0, abs=1e-6)
    assert np.linalg.norm(plane.normal) == pytest.approx(1)  # 1 mm voxels


def test_planes_are_tilted_in_mm() -> None:
    # A slice of 4 mm in 6 rows of 1 mm: arctan(4/6). One slice is 4 mm times its cosine away.
    (plane,) = planes_of_strips(strips(6), np.diag([1.0, 1.0, 4.0, 1.0]), 2)
    cosine = np.cos(np.arctan(4 / 6))
    assert plane.normal[2] == pytest.approx(4 * cosine, abs=1e-5)
    heights = plane.heights(np.array([[3, 1, 2], [3, 1, 3]]))
    assert heights[1] - heights[0] == pytest.approx(4 * cosine, abs=1e-5)


def test_a_row_on_the_next_slice_tells_a_tilt() -> None:
    # Rows 0 to 8 on slice 2, 9 on slice 3: the same reckoning gives b = 1/9.
    (plane,) = planes_of_strips(strips(9), np.eye(4), 2)
    assert slice_at(plane, 9) - slice_at(plane, 0) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_each_run_of_slices_is_a_plane_with_the_same_normal(axis: int) -> None:
    drawn = strips(6) | strips(4, at=7)
    turned = np.moveaxis(drawn, 2, axis)
    one, other = planes_of_strips(turned, np.eye(4), axis)
    assert one.axis() == other.axis() == axis
    assert one.parallel(other)
    for plane in (one, other):
        near = plane.voxels((turned.shape[0], turned.shape[1], turned.shape[2]))
        assert np.abs(plane.heights(near)).max() <= plane.half
    voxels = np.argwhere(turned)
    nearest = np.min([np.abs(plane.heights(voxels)) for plane in (one, other)], axis=0)
    assert (nearest <= 0.5).all()


def test_slices_drawn_next_to_each_other_are_no_strips() -> None:
    drawn = np.zeros((10, 4, 12), dtype=bool)
    drawn[:, :, 4:6] = True
    assert planes_of_strips(drawn, np.eye(4), 2) == ()


def test_slices_that_share_one_row_are_no_strips() -> None:
    drawn = strips(6)
    drawn[5, :, 3] = True
    assert planes_of_strips(drawn, np.eye(4), 2) == ()


def test_a_ring_around_the_outline_below_is_no_strip() -> None:
    # The end of a shell: no plane has a slice's number in the middle and the next one all around.
    drawn = np.zeros((9, 9, 4), dtype=bool)
    drawn[1:8, 1:8, 2] = True
    drawn[3:6, 3:6, 2] = False
    drawn[3:6, 3:6, 1] = True
    assert planes_of_strips(drawn, np.eye(4), 2) == ()


def test_strips_that_rise_and_fall_lie_in_no_parallel_planes() -> None:
    drawn = strips(5) | strips(5, at=7, falling=True)
    assert planes_of_strips(drawn, np.eye(4), 2) == ()


def test_single_slices_tell_nothing_of_a_tilt() -> None:
    drawn = np.zeros((10, 4, 12), dtype=bool)
    drawn[:, :, [2, 6]] = True
    assert planes_of_strips(drawn, np.eye(4), 2) == ()
