"""Where the voxels of one grid lie in another, if they are the same voxels in other words.

Nothing is resampled: axes may be exchanged and reversed, and the grid may be cropped or padded by
whole voxels.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from fewslice.typing import Float64Array
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array
from fewslice.volumes.orientation import Turn, turn_towards

# Voxels by which a corner may be off. Of two grids of one shape, half a voxel still leaves no doubt
# which voxel is which; where one is cropped, its place must follow from the headers alone.
OFF_ALIKE = 0.5
OFF_CROPPED = 0.2

_ROUNDING = 1e-6  # voxels, so that exactly half a voxel counts


@dataclass(frozen=True)
class Placement:
    """How a grid lies in another one.

    turn: after which its axes run as those of the other. offset: index, in the other, of its first
    voxel after the turn. shape: of the other. off: voxels by which its corners are off at most.
    """

    turn: Turn
    offset: tuple[int, int, int]
    shape: tuple[int, int, int]
    off: float

    def is_identity(self, shape: tuple[int, int, int]) -> bool:
        """Whether every voxel of a grid of that shape has the index it has in the other one."""
        return self.turn.changes_nothing and self.offset == (0, 0, 0) and shape == self.shape

    def is_whole(self, shape: tuple[int, int, int]) -> bool:
        """Whether a grid of that shape covers all of the other one, and no more."""
        return self.offset == (0, 0, 0) and _turned_shape(shape, self.turn) == self.shape

    def taken(self, array: Array, shape: tuple[int, int, int], fill: float = 0) -> Array:
        """Return the voxels of a grid of that shape from an array (..., i, j, k) of the other one.

        fill: what is beyond the other one.
        """
        turned = _turned_shape(shape, self.turn)
        inside, outside = self._overlap(turned)
        cut = array[_of_space(inside)]
        if cut.shape[-3:] != turned:
            padded = np.full((*array.shape[:-3], *turned), fill, array.dtype)
            padded[_of_space(outside)] = cut
            cut = padded
        return self.turn.inverse.array(cut)

    def covered(self, shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
        """Return the part of a grid of that shape that lies in the other one."""
        _, outside = self._overlap(_turned_shape(shape, self.turn))
        parts = [slice(0), slice(0), slice(0)]
        for to, axis in enumerate(self.turn.axes):
            part, length = outside[to], shape[axis]
            backwards = slice(length - part.stop, length - part.start)
            parts[axis] = backwards if self.turn.flipped[to] else part
        return parts[0], parts[1], parts[2]

    def geometry(self, other: Geometry, shape: tuple[int, int, int]) -> Geometry:
        """Return the grid of that shape, as it lies in the other one by that one's own affine."""
        turned = _turned_shape(shape, self.turn)
        stop = [first + length for first, length in zip(self.offset, turned, strict=True)]
        return self.turn.inverse.geometry(other.cropped(self.offset, stop))

    def _overlap(self, turned: tuple[int, int, int]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        inside, outside = [], []
        for first, length, whole in zip(self.offset, turned, self.shape, strict=True):
            start = max(first, 0)
            stop = max(min(first + length, whole), start)
            inside.append(slice(start, stop))
            outside.append(slice(start - first, stop - first))
        return tuple(inside), tuple(outside)


def _of_space(parts: tuple[slice, ...]) -> tuple[Any, ...]:
    return (..., *parts)


def find_placement(grid: Geometry, other: Geometry) -> Placement | None:
    """Return how a grid lies in another one, or None if its voxels are not the other one's."""
    turn = turn_towards(grid, other)
    turned = turn.geometry(grid)
    to_other = np.linalg.inv(other.affine) @ turned.affine
    if turned.shape == other.shape:
        offset, allowed = np.zeros(3), OFF_ALIKE
    else:
        centre = (np.array(turned.shape) - 1) / 2
        offset, allowed = np.rint(_away(to_other, centre)), OFF_CROPPED
        if not _overlaps(offset, turned.shape, other.shape):
            return None
    off = max(
        float(np.abs(_away(to_other, corner) - offset).max()) for corner in _corners(turned.shape)
    )
    if off > allowed + _ROUNDING:
        return None
    i, j, k = (int(first) for first in offset)
    return Placement(turn, (i, j, k), other.shape, off)


def farthest_apart(grid: Geometry, other: Geometry) -> float:
    """Return the largest distance in mm between a voxel of a grid and that of another's affine."""
    change = grid.affine - other.affine
    corners = np.column_stack([_corners(grid.shape), np.ones(8)])
    return float(np.linalg.norm(corners @ change[:3].T, axis=1).max())


def _corners(shape: tuple[int, int, int]) -> Float64Array:
    """Return the indices of the eight corners, (8, 3)."""
    return np.array(list(product(*((0.0, length - 1.0) for length in shape))))


def _away(matrix: Float64Array, index: Float64Array) -> Float64Array:
    away: Float64Array = matrix[:3, :3] @ index + matrix[:3, 3] - index
    return away


def _overlaps(
    offset: Float64Array, shape: tuple[int, int, int], other: tuple[int, int, int]
) -> bool:
    return bool(((offset < np.array(other)) & (offset + np.array(shape) > 0)).all())


def _turned_shape(shape: tuple[int, int, int], turn: Turn) -> tuple[int, int, int]:
    i, j, k = (shape[axis] for axis in turn.axes)
    return i, j, k
