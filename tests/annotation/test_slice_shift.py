"""Slices out of place: found, and shifted into place."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation import slice_shift
from fewslice.annotation.slice_shift import _reduced, _straight, shift_slices, slice_shifts
from tests.support.phantoms import two_organs
from tests.support.shifted_slices import textured, zigzag


def test_slid_by_hand() -> None:
    array = np.arange(2 * 2 * 3).reshape(2, 3, 2)  # slices across the last axis
    shifts = np.array([[0, 0], [1, -1]])
    found = shift_slices(array, 2, shifts)
    np.testing.assert_array_equal(found[..., 0], array[..., 0])
    # One row down, the first repeated; one column to the left, the last repeated.
    assert array[..., 1].tolist() == [[1, 3, 5], [7, 9, 11]]
    assert found[..., 1].tolist() == [[3, 5, 5], [3, 5, 5]]


def test_of_many_slices_a_quarter_tells_that_all_lie_in_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[int] = []
    really = slice_shift._step

    def counted(*given: Any) -> Any:
        compared.append(1)
        return really(*given)

    monkeypatch.setattr(slice_shift, "_step", counted)
    straight = np.repeat(textured()[..., :1], 72, axis=2)
    assert not slice_shifts(straight, 2).any()
    assert len(compared) == 18
    shifts = np.tile(zigzag(), (6, 1))
    assert slice_shifts(shift_slices(straight, 2, shifts), 2).any()


def test_blocks_are_averaged_within_slices_of_any_axis() -> None:
    volume = np.arange(4 * 5 * 2, dtype=np.int16).reshape(4, 5, 2)
    # Rows 0 and 1, columns 0 and 1 of slice 0: 0, 2, 10 and 12. The fifth column is left out.
    across_last = _reduced(volume, 2, (2, 2))
    assert across_last[..., 0].tolist() == [[6, 10], [26, 30]]
    across_first = _reduced(np.moveaxis(volume, 2, 0), 0, (2, 2))
    np.testing.assert_array_equal(across_first, np.moveaxis(across_last, 2, 0))


def test_straight_lines_are_fitted_around_each_point() -> None:
    way = np.array([[0.0, 1.0], [3.0, 3.0], [0.0, 5.0], [9.0, 7.0]])
    # Windows of three: means 1 and 4, slopes 0 and 3; the second column is straight already.
    expected = [[1, 1], [1, 3], [4, 5], [7, 7]]
    np.testing.assert_allclose(_straight(way, 3), expected)


def jagged(shifts: npt.NDArray[np.int64]) -> float:
    """Return twice how far slices lie from the middle of their neighbours, on average."""
    return float(np.abs(np.diff(shifts, 2, axis=0)).mean())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_that_were_moved_are_found_and_put_back(axis: int) -> None:
    volume = np.moveaxis(textured(), 2, axis)
    moved = shift_slices(volume, axis, zigzag())
    found = slice_shifts(moved, axis)
    assert found.dtype == np.int64
    assert found.shape == (12, 2)
    assert found[2, 0] < 0 < found[5, 1]
    # What runs on evenly over some slices is taken for anatomy, so that a part stays.
    assert jagged(zigzag() + found) < 0.25 * jagged(zigzag())
    if axis == 2:  # rows and columns are the other axes in their order
        np.testing.assert_array_equal(found, slice_shifts(np.moveaxis(moved, 2, 0), 0))


def test_a_voxel_of_1e20_hides_no_other_slice() -> None:
    moved = shift_slices(textured(), 2, zigzag()).astype(np.float32)
    usual = slice_shifts(moved, 2)
    moved[0, 0, 0] = 1e20
    np.testing.assert_array_equal(slice_shifts(moved, 2)[5:], usual[5:])


def test_slices_that_lie_in_place_are_left_alone() -> None:
    for volume in (textured(), two_organs(noise=0.05).image):
        for axis in range(3):
            assert not slice_shifts(volume, axis).any()


def test_what_goes_on_evenly_is_anatomy() -> None:
    shifts = np.arange(12)[:, None] * np.array([[1, -2]])
    assert not slice_shifts(shift_slices(textured(), 2, shifts), 2).any()


def test_one_slice_out_of_many_is_no_reason_to_touch_a_scan() -> None:
    shifts = np.zeros((12, 2), dtype=np.int64)
    shifts[6] = 2
    assert not slice_shifts(shift_slices(textured(), 2, shifts), 2).any()


def test_noise_and_nothing_are_left_alone() -> None:
    rng = np.random.default_rng(0)
    assert not slice_shifts(rng.standard_normal((30, 30, 10)), 2).any()
    assert not slice_shifts(np.ones((30, 30, 10)), 2).any()
    assert not slice_shifts(np.full((30, 30, 10), 7, dtype=np.float32), 2).any()
    assert slice_shifts(np.ones((30, 30, 2)), 2).tolist() == [[0, 0], [0, 0]]
    assert not slice_shifts(np.ones((1, 30, 10)), 2).any()


@pytest.mark.parametrize(("factor", "offset"), [(1e15, 0.0), (1e-12, 0.0), (300.0, -1000.0)])
def test_the_scale_of_intensities_makes_no_difference(factor: float, offset: float) -> None:
    moved = shift_slices(textured(), 2, zigzag()).astype(np.float64)
    np.testing.assert_array_equal(slice_shifts(factor * moved + offset, 2), slice_shifts(moved, 2))


def test_large_slices_are_compared_at_a_lower_resolution() -> None:
    volume = np.kron(textured(), np.ones((4, 4, 1), dtype=np.float32))  # 384 by 320
    shifts = 4 * zigzag()
    assert jagged(shifts + slice_shifts(shift_slices(volume, 2, shifts), 2)) < 0.25 * jagged(shifts)
