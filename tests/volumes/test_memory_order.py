"""Which axis of an array is the slowest in memory."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.volumes.memory_order import (
    by_memory,
    slowest_first,
    zeros_by_slice,
    zeros_laid_like,
)


@pytest.mark.parametrize(("axis", "steps"), [(0, (12, 4, 1)), (1, (4, 8, 1)), (2, (3, 1, 6))])
def test_zeros_lie_slice_after_slice(axis: int, steps: tuple[int, int, int]) -> None:
    zeros = zeros_by_slice((2, 3, 4), np.uint16, axis)
    assert zeros.shape == (2, 3, 4)
    assert not zeros.any()
    assert zeros.strides == tuple(2 * step for step in steps)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_zeros_have_the_memory_order_of_another_array(order: tuple[int, int, int]) -> None:
    shape = np.array([5, 3, 4])
    array = np.ones(shape[list(order)], dtype=np.uint8).transpose(np.argsort(order))
    zeros = zeros_laid_like(array)
    assert (zeros.shape, zeros.strides, zeros.dtype) == (array.shape, array.strides, array.dtype)
    assert not zeros.any()
    assert zeros_laid_like(array, bool).dtype == bool


@pytest.mark.parametrize("single", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_axes_of_one_voxel_come_last(single: tuple[int, ...], order: tuple[int, int, int]) -> None:
    shape = np.array([5, 3, 4])
    shape[list(single)] = 1
    array = np.ones(shape[list(order)], dtype=np.uint8).transpose(np.argsort(order))
    part = np.ones(np.array([5, 3, 4])[list(order)]).transpose(np.argsort(order))
    part = part[tuple(slice(length) for length in shape)]  # the steps of the whole
    expected = [axis for axis in order if axis not in single] + sorted(single)
    for laid in (array, part, zeros_laid_like(array), zeros_laid_like(part)):
        assert slowest_first(laid) == expected
        assert by_memory(laid).shape == tuple(shape[expected])


def test_the_slowest_axis_comes_first_and_nothing_is_copied() -> None:
    array = np.zeros((2, 3, 4), dtype=np.uint8, order="F")
    view = by_memory(array)
    assert view.shape == (4, 3, 2)
    view[3, 1, 0] = 7
    assert array[0, 1, 3] == 7
