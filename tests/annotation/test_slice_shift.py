"""Slices out of place: found, and slid into place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.slice_shift import displacement, slid
from tests.support.phantoms import two_organs
from tests.support.shifted_slices import textured, zigzag


def test_slid_by_hand() -> None:
    array = np.arange(2 * 2 * 3).reshape(2, 3, 2)  # slices across the last axis
    ways = np.array([[0, 0], [1, -1]])
    found = slid(array, 2, ways)
    np.testing.assert_array_equal(found[..., 0], array[..., 0])
    # One row down, the first repeated; one column to the left, the last repeated.
    assert array[..., 1].tolist() == [[1, 3, 5], [7, 9, 11]]
    assert found[..., 1].tolist() == [[3, 5, 5], [3, 5, 5]]


def jagged(ways: npt.NDArray[np.int64]) -> float:
    """Return twice how far slices lie from the middle of their neighbours, on average."""
    return float(np.abs(np.diff(ways, 2, axis=0)).mean())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_that_were_moved_are_found_and_put_back(axis: int) -> None:
    volume = np.moveaxis(textured(), 2, axis)
    moved = slid(volume, axis, zigzag())
    found = displacement(moved, axis)
    assert found.dtype == np.int64
    assert found.shape == (12, 2)
    assert found[2, 0] < 0 < found[5, 1]
    # What runs on evenly over some slices is taken for anatomy, so that a part stays.
    assert jagged(zigzag() + found) < 0.25 * jagged(zigzag())
    if axis == 2:  # rows and columns are the other axes in their order
        np.testing.assert_array_equal(found, displacement(np.moveaxis(moved, 2, 0), 0))


def test_slices_that_lie_in_place_are_left_alone() -> None:
    for volume in (textured(), two_organs(noise=0.05).image):
        for axis in range(3):
            assert not displacement(volume, axis).any()


def test_what_goes_on_evenly_is_anatomy() -> None:
    ways = np.arange(12)[:, None] * np.array([[1, -2]])
    assert not displacement(slid(textured(), 2, ways), 2).any()


def test_one_slice_out_of_many_is_no_reason_to_touch_a_scan() -> None:
    ways = np.zeros((12, 2), dtype=np.int64)
    ways[6] = 2
    assert not displacement(slid(textured(), 2, ways), 2).any()


def test_noise_and_nothing_are_left_alone() -> None:
    rng = np.random.default_rng(0)
    assert not displacement(rng.standard_normal((30, 30, 10)), 2).any()
    assert not displacement(np.ones((30, 30, 10)), 2).any()
    assert displacement(np.ones((30, 30, 2)), 2).tolist() == [[0, 0], [0, 0]]
    assert not displacement(np.ones((1, 30, 10)), 2).any()


@pytest.mark.parametrize(("factor", "offset"), [(1e15, 0.0), (1e-12, 0.0), (300.0, -1000.0)])
def test_the_scale_of_intensities_makes_no_difference(factor: float, offset: float) -> None:
    moved = slid(textured(), 2, zigzag()).astype(np.float64)
    np.testing.assert_array_equal(displacement(factor * moved + offset, 2), displacement(moved, 2))


def test_large_slices_are_compared_at_a_lower_resolution() -> None:
    volume = np.kron(textured(), np.ones((4, 4, 1), dtype=np.float32))  # 384 by 320
    ways = 4 * zigzag()
    assert jagged(ways + displacement(slid(volume, 2, ways), 2)) < 0.25 * jagged(ways)
