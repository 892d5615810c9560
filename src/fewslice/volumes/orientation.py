"""Turning a volume so that its axes run as those of another one, without resampling."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array
from fewslice.volumes.region import Region, Triple


@dataclass(frozen=True)
class Turn:
    """A change of the order and directions of the array axes.

    axes: for each axis of the turned volume, the axis it was. flipped: whether it runs backwards.
    """

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @property
    def changes_nothing(self) -> bool:
        """Whether every axis stays where it is."""
        return self.axes == (0, 1, 2) and not any(self.flipped)

    @property
    def inverse(self) -> Turn:
        """The turn that takes this one back."""
        axes, flipped = [0, 0, 0], [False, False, False]
        for to, axis in enumerate(self.axes):
            axes[axis], flipped[axis] = to, self.flipped[to]
        return Turn((axes[0], axes[1], axes[2]), (flipped[0], flipped[1], flipped[2]))

    def array(self, array: Array) -> Array:
        """Return an array (..., i, j, k) turned: a contiguous copy, or itself if nothing moves."""
        if self.changes_nothing:
            return array
        return np.ascontiguousarray(self.view(array))

    def view(self, array: Array) -> Array:
        """Return an array (..., i, j, k) turned, every voxel where it lies in memory."""
        leading = array.ndim - 3
        turned = array.transpose(*range(leading), *(leading + axis for axis in self.axes))
        backwards = tuple(leading + axis for axis in range(3) if self.flipped[axis])
        return np.flip(turned, backwards)

    def slice_index(self, axis: int, index: int, shape: Triple) -> tuple[int, int]:
        """Return axis and index of a slice once a volume of that shape is turned."""
        to = self.axes.index(axis)
        return to, shape[axis] - 1 - index if self.flipped[to] else index

    def region(self, region: Region, shape: Triple) -> Region:
        """Return where a box lies once a volume of that shape is turned."""
        start, stop = [0, 0, 0], [0, 0, 0]
        for to, axis in enumerate(self.axes):
            first, last = region.start[axis], region.stop[axis]
            start[to] = shape[axis] - last if self.flipped[to] else first
            stop[to] = shape[axis] - first if self.flipped[to] else last
        return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def geometry(self, geometry: Geometry) -> Geometry:
        """Return the grid turned: every voxel stays at its place in the patient."""
        shape = np.array(geometry.shape)[list(self.axes)]
        affine = geometry.affine.copy()
        affine[:3, :3] = geometry.affine[:3, list(self.axes)]
        for axis in np.flatnonzero(self.flipped):
            affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
            affine[:3, axis] *= -1
        i, j, k = (int(length) for length in shape)
        return Geometry((i, j, k), affine)


def turn_towards(geometry: Geometry, like: Geometry) -> Turn:
    """Return the turn after which the axes of one grid run as nearly as can be as those of `like`.

    Of the 48 ways to turn a box it is the one with the smallest angles: whole axes are exchanged
    and reversed, so up to 45 degrees between oblique grids remain.
    """
    cosines = (like.affine[:3, :3] / like.spacing).T @ (geometry.affine[:3, :3] / geometry.spacing)
    i, j, k = max(
        permutations(range(3)),
        key=lambda axes: sum(abs(cosines[to, axis]) for to, axis in enumerate(axes)),
    )
    flipped = [bool(cosines[to, axis] < 0) for to, axis in enumerate((i, j, k))]
    return Turn((i, j, k), (flipped[0], flipped[1], flipped[2]))
