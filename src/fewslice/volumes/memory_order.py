"""How arrays lie in memory: of large ones, slices that lie apart take many times as long."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.volumes.geometry import inplane_axes

Array = npt.NDArray[Any]


def zeros_by_slice(shape: tuple[int, int, int], dtype: npt.DTypeLike, axis: int) -> Array:
    """Return zeros (i, j, k) that lie in memory slice after slice across `axis`.

    Slices that nobody writes on take no memory, as long as they are only read.
    """
    order = (axis, *inplane_axes(axis))
    return np.moveaxis(np.zeros([shape[one] for one in order], dtype), 0, axis)


def zeros_laid_like(array: Array, dtype: npt.DTypeLike | None = None) -> Array:
    """Return zeros of an array's shape whose axes have the same order in memory.

    dtype: the array's, if none is given.

    Not numpy's zeros_like, which writes each zero: here what is never written takes no memory.
    """
    order = slowest_first(array)
    zeros = np.zeros([array.shape[axis] for axis in order], array.dtype if dtype is None else dtype)
    return zeros.transpose(np.argsort(order))


def by_memory(array: Array) -> Array:
    """Return a view whose first axis is the slowest in memory, and so on."""
    return array.transpose(slowest_first(array))


def slowest_first(array: Array) -> list[int]:
    """Return an array's axes, the slowest in memory first, and last those of one voxel.

    The step along these is anything, and differs between arrays that lie alike.
    """
    long = [axis for axis, length in enumerate(array.shape) if length != 1]
    single = [axis for axis, length in enumerate(array.shape) if length == 1]
    return sorted(long, key=lambda axis: -abs(array.strides[axis])) + single
