"""What was answered along one plane, kept so that only the planes that changed are asked again.

A slice drawn across one axis tells answers along the others little: they are surest near their own
slices, and count little near that one. So they are kept on the coarse grid they were answered on,
and averaged anew with what is answered along the plane that got the slice
(`fewslice.segmentation.update`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fewslice.typing import BoolArray, Float32Array, Float64Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid, apply_along


@dataclass(frozen=True, eq=False)
class KeptAnswer:
    """What was answered along one plane.

    axis: array axis across its slices. alone: whether slices of the other planes were left out.
    values: labels of the structures. slices: (array axis, index) of all annotated slices that it
    knows. indices: of the plane's slices that show a structure. grid: a working grid of the scan.
    share: float32 (structure, i, j, k) on it, probabilities.
    """

    axis: int
    alone: bool
    values: tuple[int, ...]
    slices: frozenset[tuple[int, int]]
    indices: tuple[int, ...]
    grid: WorkingGrid
    share: Float32Array

    def on(self, grid: WorkingGrid) -> Float32Array:
        """Return the probability of each structure on another grid.

        Outside of the region that was answered there is nothing (see `covers`). float32
        (structure, i, j, k).
        """
        return resampled(self.share, self.grid, grid)

    def volume(self) -> Float64Array:
        """Return how many voxels of the scan each structure has, (structure,)."""
        return volume(self.share, self.grid)

    def covers(self, grid: WorkingGrid) -> BoolArray:
        """Return where another grid lies in the region that was answered, (i, j, k)."""
        i, j, k = (_inside(self.grid, grid, axis) for axis in range(3))
        return np.asarray(i[:, None, None] & j[:, None] & k)

    def moved(self, axis: int, by: int) -> KeptAnswer:
        """Return the same of a scan that begins so many slices earlier along an axis."""
        start, stop = list(self.grid.region.start), list(self.grid.region.stop)
        start[axis] += by
        stop[axis] += by
        region = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
        slices = {(one, at + by if one == axis else at) for one, at in self.slices}
        shift = by if axis == self.axis else 0
        indices = tuple(at + shift for at in self.indices)
        grid = replace(self.grid, region=region)
        return replace(self, slices=frozenset(slices), indices=indices, grid=grid)

    def pasted(self, answer: KeptAnswer, axis: int, first: int, last: int) -> KeptAnswer:
        """Return this with another answer along the same plane on some slices, both included.

        It knows all that either does. Where those slices reach farther along the axis, so does its
        grid, with voxels no larger; not along the others, where all other slices would be without
        an answer.
        """
        reached = answer.grid.region
        ends = max(reached.start[axis], first), min(reached.stop[axis], last + 1)
        grid = _grown(self.grid, axis, *ends)
        share = self.share.copy() if grid == self.grid else self.on(grid)
        centres = grid.centres(axis)
        inside = (centres > first - 0.5) & (centres < last + 0.5)
        np.moveaxis(share, 1 + axis, 0)[inside] = np.moveaxis(answer.on(grid), 1 + axis, 0)[inside]
        indices = tuple(sorted({*self.indices, *answer.indices}))
        slices = self.slices | answer.slices
        return replace(self, slices=slices, indices=indices, grid=grid, share=share)


def resampled(share: Float32Array, source: WorkingGrid, target: WorkingGrid) -> Float32Array:
    """Return probabilities (structure, i, j, k) of a grid on another one of the same scan.

    Outside of the region of the first there is nothing.
    """
    for axis in range(3):
        share = apply_along(share, _sampling_matrix(source, target, axis), 1 + axis)
    return share


def resampled_slices(
    share: npt.NDArray[np.float16], source: WorkingGrid, target: WorkingGrid, axis: int
) -> Float32Array:
    """Return what `resampled` does of one structure, (i, j, k), slice by slice across an axis.

    Quicker where voxels are many, and never all of them at once in 32 bits.
    """
    rows, columns = inplane_axes(axis)
    down, across = (_sampling_matrix(source, target, other) for other in (rows, columns))
    slices = [down @ one.astype(np.float32) @ across.T for one in np.moveaxis(share, axis, 0)]
    coarse = apply_along(np.stack(slices), _sampling_matrix(source, target, axis), 0)
    return np.moveaxis(coarse, 0, axis)


def volume(share: npt.NDArray[np.floating], grid: WorkingGrid) -> Float64Array:
    """Return how many voxels of the scan each structure has, (structure,).

    share: (structure, i, j, k) on the grid, probabilities.
    """
    inside = np.count_nonzero(share > 0.5, axis=(1, 2, 3))
    return np.asarray(inside * grid.voxels_per_voxel, dtype=np.float64)


def _grown(grid: WorkingGrid, axis: int, first: int, end: int) -> WorkingGrid:
    """Return a grid that reaches from one slice up to another as well, with voxels no larger."""
    start, stop, shape = list(grid.region.start), list(grid.region.stop), list(grid.shape)
    start[axis], stop[axis] = min(start[axis], first), max(stop[axis], end)
    fine, coarse = grid.region.shape[axis], grid.shape[axis]
    shape[axis] = -(-(stop[axis] - start[axis]) * coarse // fine)
    region = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    return WorkingGrid(region, (shape[0], shape[1], shape[2]), grid.native_spacing)


def _sampling_matrix(source: WorkingGrid, target: WorkingGrid, axis: int) -> Float32Array:
    """Return the (target, source) matrix that brings values along an axis to another grid.

    It averages over larger voxels, and interpolates linearly at the centres of smaller ones, as
    `WorkingGrid` does. Rows sum to 1, those of centres outside of the source's region to 0.
    """
    coarse = source.shape[axis]
    step = source.region.shape[axis] / coarse
    size = target.region.shape[axis] / target.shape[axis] / step
    along = (target.centres(axis) - (source.region.start[axis] - 0.5)) / step
    if size > 1:
        edges = np.clip([along - size / 2, along + size / 2], 0, coarse)[..., None]
        voxels = np.arange(coarse)
        shared = np.minimum(edges[1], voxels + 1) - np.maximum(edges[0], voxels)
        weights = np.maximum(shared, 0) / np.maximum(edges[1] - edges[0], 1e-9)
    else:
        position = np.clip(along - 0.5, 0, coarse - 1)
        weights = np.maximum(1 - np.abs(position[:, None] - np.arange(coarse)), 0)
    return np.asarray(weights * _inside(source, target, axis)[:, None], dtype=np.float32)


def _inside(source: WorkingGrid, target: WorkingGrid, axis: int) -> BoolArray:
    """Return which of another grid's centres lie in a grid's region along an axis."""
    centres, region = target.centres(axis), source.region
    return (centres > region.start[axis] - 0.5) & (centres < region.stop[axis] - 0.5)
