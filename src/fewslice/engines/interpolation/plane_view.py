"""A working grid as one plane sees it: rows and columns, and windows of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.engines.interpolation.centreline import HARDLY, shifted
from fewslice.typing import BoolArray, Float32Array
from fewslice.volumes.distance import signed_distance
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.working_grid import WorkingGrid

Window = tuple[slice, slice]
"""Rows and columns of a slice."""


@dataclass(frozen=True, eq=False)
class PlaneView:
    """The grid as a plane sees it. plane: the array axis across it."""

    grid: WorkingGrid
    plane: int

    @property
    def step(self) -> float:
        """Distance in mm from slice to slice of the volume."""
        return self.grid.native_spacing[self.plane]

    @property
    def finest(self) -> float:
        """Smallest side of a voxel of the grid, mm."""
        return min(self.grid.spacing)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        row, column = inplane_axes(self.plane)
        return self.grid.shape[row], self.grid.shape[column]

    def moved(self, still: Float32Array, by: npt.NDArray[np.float64]) -> Float32Array:
        """Return distances (rows, columns) moved by so many mm."""
        steps = [self.grid.spacing[other] for other in inplane_axes(self.plane)]
        return shifted(still, by / steps, HARDLY)

    def around(self, inside: BoolArray, margin: float) -> Window:
        """Return the pixels of the volume that are at most `margin` mm from an outline's box."""
        steps = [self.grid.native_spacing[other] for other in inplane_axes(self.plane)]
        found = []
        for axis, step in enumerate(steps):
            touched = np.flatnonzero(inside.any(axis=1 - axis))
            more = int(np.ceil(min(margin / step, inside.shape[axis]))) + 1
            found.append(slice(max(int(touched[0]) - more, 0), int(touched[-1]) + 1 + more))
        return found[0], found[1]

    def on_grid(self, window: Window) -> Window:
        """Return the voxels of the grid that pixels of the volume touch."""
        found = []
        for part, axis in zip(window, inplane_axes(self.plane), strict=True):
            ratio = self.grid.shape[axis] / self.grid.region.shape[axis]
            found.append(slice(int(part.start * ratio), int(np.ceil(part.stop * ratio))))
        return found[0], found[1]

    def distances(self, inside: BoolArray, window: Window) -> Float32Array:
        """Return the signed distance, mm, of an outline of the volume in a window of the grid."""
        steps = [self.grid.native_spacing[other] for other in inplane_axes(self.plane)]
        farthest = float(
            np.linalg.norm(np.array(self.grid.region.shape) * self.grid.native_spacing)
        )
        whole = np.full(inside.shape, -farthest, dtype=np.float32)
        whole[window] = signed_distance(inside[window], ~inside[window], steps, farthest)
        return self.grid.down(whole, inplane_axes(self.plane))[self.on_grid(window)]
