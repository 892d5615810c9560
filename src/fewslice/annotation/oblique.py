"""Planes oblique to the voxel grid, as the oblique views of viewers have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fewslice.volumes.orientation import Turn
from fewslice.volumes.region import Triple

Float64Array = npt.NDArray[np.float64]


SURE = 0.85  # of that thickness: a plane is known to a fraction of a voxel only


@dataclass(frozen=True)
class ObliquePlane:
    """A plane in voxel coordinates: `normal` @ (i, j, k) - `offset` is the height above it in mm.

    half: mm on either side within which voxels count as lying in the plane.
    """

    normal: tuple[float, float, float]
    offset: float
    half: float

    def heights(self, voxels: npt.NDArray[np.number]) -> Float64Array:
        """Return the height in mm of voxels (n, 3) above the plane."""
        found: Float64Array = np.asarray(voxels @ np.array(self.normal) - self.offset)
        return found

    def axis(self) -> int:
        """Return the array axis that runs most nearly across the plane, counted in voxels."""
        return int(np.abs(self.normal).argmax())

    def voxels(self, shape: Triple) -> npt.NDArray[np.intp]:
        """Return the voxels (n, 3) of a volume that lie in the plane."""
        axis = self.axis()
        rows, columns = (other for other in range(3) if other != axis)
        row, column = np.ogrid[: shape[rows], : shape[columns]]
        middle = self.offset - self.normal[rows] * row - self.normal[columns] * column
        ends = sorted(((-self.half) / self.normal[axis], self.half / self.normal[axis]))
        first = np.ceil(middle / self.normal[axis] + ends[0])
        found = []
        for step in range(1 + int(np.ceil(ends[1] - ends[0]))):
            at = first + step
            inside = (at <= middle / self.normal[axis] + ends[1]) & (at >= 0) & (at < shape[axis])
            places = np.argwhere(inside)
            found.append(np.insert(places, axis, at[inside].astype(np.intp), axis=1))
        return np.concatenate(found)

    def moved(self, by: Sequence[int]) -> ObliquePlane:
        """Return the plane in the coordinates of a part of the volume that starts there."""
        return replace(self, offset=self.offset - float(np.dot(self.normal, by)))

    def turned(self, turn: Turn, shape: Triple) -> ObliquePlane:
        """Return the plane in the coordinates of a volume of that shape once it is turned."""
        normal, offset = [0.0, 0.0, 0.0], self.offset
        for to, axis in enumerate(turn.axes):
            normal[to] = self.normal[axis]
            if turn.flipped[to]:
                normal[to] *= -1
                offset -= self.normal[axis] * (shape[axis] - 1)
        return replace(self, normal=(normal[0], normal[1], normal[2]), offset=offset)

    @classmethod
    def of_slice(cls, axis: int, index: int, affine: Float64Array) -> ObliquePlane:
        """Return the plane of a slice across an array axis. affine: to mm."""
        apart = 1.0 / float(np.linalg.norm(np.linalg.inv(affine[:3, :3])[axis]))
        normal = [0.0, 0.0, 0.0]
        normal[axis] = apart
        return cls((normal[0], normal[1], normal[2]), index * apart, 0.25 * apart)

    def parallel(self, other: ObliquePlane) -> bool:
        """Whether two planes have one normal."""
        return bool(np.allclose(self.normal, other.normal, atol=1e-9))
