"""The grid an engine works on: a region at fewer voxels, and the way exactly back.

Resampling is a linear map along each axis, written as a small matrix: averaging over the area of a
coarse voxel on the way down (no aliasing), linear interpolation between voxel centres on the way
up. Where an axis is not resampled nothing is multiplied, so values come back bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.typing import Float32Array
from fewslice.volumes.region import Region, Triple

FloatArray = npt.NDArray[np.floating[Any]]


def averaging_matrix(fine: int, coarse: int) -> Float32Array:
    """Return the (coarse, fine) matrix that averages over each coarse voxel; rows sum to 1."""
    edges = np.arange(coarse + 1) * (fine / coarse)
    voxels = np.arange(fine)
    overlap = np.minimum(edges[1:, None], voxels + 1) - np.maximum(edges[:-1, None], voxels)
    overlap = np.clip(overlap, 0.0, None)
    weights = overlap / overlap.sum(axis=1, keepdims=True)
    return np.asarray(weights, dtype=np.float32)


def interpolating_matrix(coarse: int, fine: int) -> Float32Array:
    """Return the (fine, coarse) matrix of linear interpolation between voxel centres.

    Beyond the outermost centres the nearest value is repeated; rows sum to 1.
    """
    position = (np.arange(fine) + 0.5) * (coarse / fine) - 0.5
    position = np.clip(position, 0, coarse - 1)
    below = np.minimum(np.floor(position).astype(int), max(coarse - 2, 0))
    weight = position - below
    matrix = np.zeros((fine, coarse))
    rows = np.arange(fine)
    matrix[rows, below] += 1 - weight
    matrix[rows, np.minimum(below + 1, coarse - 1)] += weight
    return matrix.astype(np.float32)


def resizing_matrix(old: int, new: int) -> Float32Array:
    """Return the (new, old) matrix that averages where there is less room, else interpolates."""
    return averaging_matrix(old, new) if new <= old else interpolating_matrix(old, new)


def nearest_matrix(old: int, new: int) -> Float32Array:
    """Return the (new, old) matrix that takes the voxel in which each new centre lies."""
    nearest = ((np.arange(new) + 0.5) * old / new).astype(int)
    return np.asarray(np.eye(old, dtype=np.float32)[nearest])


def apply_along(array: FloatArray, matrix: Float32Array, axis: int) -> Float32Array:
    """Multiply the matrix (new, old) onto one axis of the array."""
    moved = np.moveaxis(array, axis, -2)
    product: Float32Array = np.matmul(matrix, moved)
    return np.moveaxis(product, -2, axis)


@dataclass(frozen=True)
class WorkingGrid:
    """A region of a volume, seen with possibly fewer voxels.

    region: the box in the volume. shape: voxels along each axis, at most those of the region.
    native_spacing: mm per voxel of the volume.
    """

    region: Region
    shape: Triple
    native_spacing: tuple[float, float, float]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance in mm between neighbouring voxels of this grid."""
        i, j, k = (
            step * fine / coarse
            for step, fine, coarse in zip(
                self.native_spacing, self.region.shape, self.shape, strict=True
            )
        )
        return i, j, k

    @property
    def voxels_per_voxel(self) -> float:
        """How many voxels of the volume one of this grid is as large as."""
        return math.prod(self.region.shape) / math.prod(self.shape)

    @property
    def is_native(self) -> bool:
        """Whether this grid has all of the voxels of its region."""
        return self.shape == self.region.shape

    def centres(self, axis: int) -> npt.NDArray[np.float64]:
        """Return where this grid's voxels lie along an axis, in voxel indices of the volume."""
        fine, coarse = self.region.shape[axis], self.shape[axis]
        first = self.region.start[axis] - 0.5
        return np.asarray((np.arange(coarse) + 0.5) * (fine / coarse) + first, dtype=np.float64)

    def index_of(self, axis: int, index: int) -> int | None:
        """Return which voxel of this grid holds a slice of the volume; None if outside."""
        inside = index - self.region.start[axis]
        if not 0 <= inside < self.region.shape[axis]:
            return None
        return int((inside + 0.5) * self.shape[axis] / self.region.shape[axis])

    def down(self, array: FloatArray, axes: Sequence[int] = (0, 1, 2)) -> Float32Array:
        """Average an array of the region's shape (leading axes allowed) onto this grid.

        axes: the volume's axes that the last axes of the array stand for, for 2-D slices.
        """
        return self._along(array, axes, up=False)

    def up(self, array: FloatArray, axes: Sequence[int] = (0, 1, 2)) -> Float32Array:
        """Interpolate an array of this grid's shape (leading axes allowed) back to the region."""
        return self._along(array, axes, up=True)

    def _along(self, array: FloatArray, axes: Sequence[int], *, up: bool) -> Float32Array:
        result = np.asarray(array, dtype=np.float32)
        for place, axis in enumerate(reversed(axes), start=1):
            fine, coarse = self.region.shape[axis], self.shape[axis]
            if fine == coarse:
                continue
            weights = interpolating_matrix(coarse, fine) if up else averaging_matrix(fine, coarse)
            result = apply_along(result, weights, result.ndim - place)
        return result

    def pick(self, axis: int) -> npt.NDArray[np.intp]:
        """Return, for each voxel along an axis, the volume index nearest to its centre."""
        return np.floor(self.centres(axis) + 0.5).astype(np.intp)


def working_grid(
    region: Region,
    spacing: tuple[float, float, float],
    *,
    finest: float,
    most: int,
    runs: tuple[float, float, float],
) -> WorkingGrid:
    """Choose a grid for a region: as fine as needed, all slices kept.

    finest: no voxel needs to be smaller than this in the slices, in mm. most: the greatest number
    of voxels; where `finest` asks for more, voxels become coarser. runs: mean length in mm of a
    straight line through what was drawn, along each axis, or infinity along the axis that is never
    resampled (the one the slices lie across). The axis with most voxels to a run is coarsened
    first: a wide thin layer keeps its resolution across, where it needs it.
    """
    inplane = [axis for axis in range(3) if np.isfinite(runs[axis])]
    steps = {axis: max(finest, spacing[axis]) for axis in inplane}
    shape = _shape_at(steps, region, spacing)
    while np.prod(shape) > most and max(shape[axis] for axis in inplane) > _FEWEST:
        free = [axis for axis in inplane if shape[axis] > _FEWEST]
        longest = max(free, key=lambda axis: runs[axis] / steps[axis])
        steps[longest] *= 1.1
        shape = _shape_at(steps, region, spacing)
    return WorkingGrid(region, shape, spacing)


# A side of a working grid is never made shorter than this by resampling.
_FEWEST = 16


def _shape_at(
    steps: dict[int, float], region: Region, spacing: tuple[float, float, float]
) -> Triple:
    shape = list(region.shape)
    for axis, step in steps.items():
        wanted = round(region.shape[axis] * spacing[axis] / step)
        shape[axis] = min(max(wanted, _FEWEST), region.shape[axis])
    return shape[0], shape[1], shape[2]
