"""Where voxels lie in the patient: shape and affine as one value.

Decided once, here, for the whole package:

- Arrays are indexed ``[i, j, k]`` in the order in which the file stores its voxels fastest axis
  first (the order of nibabel). Nothing is ever reoriented; a result has the axes of its input.
- The affine maps voxel indices to millimetres in RAS+ (x to the patient's Right, y to Anterior,
  z to Superior), as in NIfTI. ITK and DICOM files, which are LPS+, are converted on reading.
- Spacing is in mm, one value per array axis. Channels are a leading axis and no part of geometry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from fewslice.errors import GeometryError
from fewslice.typing import Float64Array

# Files store affines in single precision: two grids are the same when no corner of the volume
# moves by more than this fraction of a voxel.
SAME_GRID_TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class Geometry:
    """The grid of a volume.

    Parameters
    ----------
    shape
        Voxels along each of the three array axes.
    affine
        (4, 4) float64, voxel index to RAS+ mm; invertible. Stored read-only.

    Raises
    ------
    GeometryError
        If an axis is empty, or the affine is not finite, not (4, 4), singular or of zero spacing.
    """

    shape: tuple[int, int, int]
    affine: Float64Array

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise GeometryError(
                f"The volume has shape {tuple(self.shape)}; expected three axes with at least one "
                "voxel each."
            )
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise GeometryError(
                "The affine is not a 4x4 matrix of finite numbers; repair the header of the file."
            )
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        if (spacing == 0).any():
            raise GeometryError(
                f"The spacing is {_numbers(spacing)} mm; expected three positive numbers: repair "
                "the header of the file."
            )
        if abs(np.linalg.det(affine[:3, :3] / spacing)) < 1e-6:
            raise GeometryError(
                "The affine is singular (its axes lie in one plane), so voxels have no place in "
                "space; repair the header of the file."
            )
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @classmethod
    def from_spacing(
        cls, shape: Sequence[int], spacing: Sequence[float] = (1.0, 1.0, 1.0)
    ) -> Geometry:
        """Return a geometry with axes along RAS+ and the given spacing in mm."""
        i, j, k = shape
        return cls((i, j, k), np.diag([*_steps(spacing), 1.0]))

    def with_spacing(self, spacing: Sequence[float]) -> Geometry:
        """Return the same grid with another distance between its voxels.

        Parameters
        ----------
        spacing
            mm per array axis.

        Returns
        -------
        Geometry
            Its axes run in the same directions, and the first voxel stays where it is.

        Raises
        ------
        GeometryError
            Unless the spacing is three positive numbers.
        """
        steps = _steps(spacing)
        affine = self.affine.copy()
        affine[:3, :3] *= steps / np.linalg.norm(affine[:3, :3], axis=0)
        return Geometry(self.shape, affine)

    def cropped(self, start: Sequence[int], stop: Sequence[int]) -> Geometry:
        """Return the grid of the voxels from `start` up to `stop`, which is not in it any more."""
        i, j, k = (int(last) - int(first) for first, last in zip(start, stop, strict=True))
        affine = self.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ np.asarray(start, dtype=np.float64)
        return Geometry((i, j, k), affine)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance in mm between neighbouring voxels along each array axis."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)

    @property
    def axis_codes(self) -> tuple[str, str, str]:
        """Anatomical direction in which each array axis grows, such as ('R', 'A', 'S').

        Oblique axes get the direction they are nearest to; no direction is used twice.
        """
        codes: list[str] = ["", "", ""]
        for axis, world in enumerate(self.world_axes):
            grows = self.affine[world, axis] > 0
            codes[axis] = ("RAS" if grows else "LPI")[world]
        return codes[0], codes[1], codes[2]

    @property
    def world_axes(self) -> tuple[int, int, int]:
        """For each array axis, the world axis (0 x, 1 y, 2 z) it is nearest to, each used once."""
        cosines = np.abs(self.affine[:3, :3]) / np.linalg.norm(self.affine[:3, :3], axis=0)
        nearest = [0, 0, 0]
        for _ in range(3):
            world, axis = np.unravel_index(int(np.argmax(cosines)), cosines.shape)
            nearest[axis] = int(world)
            cosines[world, :] = -1
            cosines[:, axis] = -1
        return nearest[0], nearest[1], nearest[2]

    @property
    def bounds(self) -> tuple[Float64Array, Float64Array]:
        """The smallest and largest world coordinates of voxel centres, (3,) mm each."""
        corners = np.array(list(product(*((0, length - 1) for length in self.shape))))
        places = corners @ self.affine[:3, :3].T + self.affine[:3, 3]
        return places.min(axis=0), places.max(axis=0)

    def same_grid(self, other: Geometry) -> bool:
        """Whether both put every voxel at the same place (to a hundredth of a voxel)."""
        return not self.differences(other)

    def differences(self, other: Geometry) -> tuple[str, ...]:
        """Name the fields in which two grids differ: 'shape', 'spacing', 'direction', 'origin'.

        'direction' and 'origin' are compared by how far they move a corner of the volume.
        """
        found = [] if self.shape == other.shape else ["shape"]
        mine, theirs = np.array(self.spacing), np.array(other.spacing)
        extent = np.maximum(self.shape, other.shape)
        if (np.abs(mine - theirs) * extent > SAME_GRID_TOLERANCE * mine).any():
            found.append("spacing")
        turn = self.affine[:3, :3] / mine - other.affine[:3, :3] / theirs
        if (np.abs(turn) * (extent * mine) > SAME_GRID_TOLERANCE * mine.min()).any():
            found.append("direction")
        shift = np.abs(self.affine[:3, 3] - other.affine[:3, 3])
        if (shift > SAME_GRID_TOLERANCE * mine.min()).any():
            found.append("origin")
        return tuple(found)

    def describe(self, field: str) -> str:
        """Return one field ('shape', 'spacing', 'direction', 'origin') as text."""
        if field == "shape":
            return "x".join(str(n) for n in self.shape)
        if field == "spacing":
            return f"{_numbers(self.spacing)} mm"
        if field == "origin":
            return f"{_numbers(self.affine[:3, 3])} mm"
        unit = self.affine[:3, :3] / np.array(self.spacing)
        return f"{''.join(self.axis_codes)} [{'; '.join(_numbers(column) for column in unit.T)}]"


def inplane_axes(axis: int) -> tuple[int, int]:
    """Return the array axes that span a slice: the rows and the columns of slices across `axis`."""
    rows, columns = (other for other in range(3) if other != axis)
    return rows, columns


def require_same_grid(mine: Geometry, theirs: Geometry, mine_is: str, theirs_is: str) -> None:
    """Raise GeometryError, naming both geometries field by field, if the grids differ.

    mine_is, theirs_is: what the two volumes are, for the message, such as "the image".
    """
    if mine.differences(theirs):
        raise GeometryError(disagreement(mine, theirs, mine_is, theirs_is))


def disagreement(mine: Geometry, theirs: Geometry, mine_is: str, theirs_is: str) -> str:
    """Return the sentence for two grids that are not the same, with what helps in that case."""
    found = "; ".join(
        f"{field}: {mine.describe(field)} against {theirs.describe(field)}"
        for field in mine.differences(theirs)
    )
    return (
        f"{mine_is[0].upper()}{mine_is[1:]} and {theirs_is} do not lie on the same grid ({found}); "
        f"{_advice(mine, theirs, mine_is, theirs_is)}."
    )


def _advice(mine: Geometry, theirs: Geometry, mine_is: str, theirs_is: str) -> str:
    """Return what to do. Resampling goes by the headers, so it helps only if these are right."""
    if sorted(mine.shape) == sorted(theirs.shape):
        return (
            f"as both have the same voxels, the header of one is wrong if they belong together: "
            f"copy the header of {mine_is} to {theirs_is}, and do not resample; otherwise give the "
            "scan it was drawn on"
        )
    low, high = mine.bounds
    their_low, their_high = theirs.bounds
    if (their_low > high).any() or (low > their_high).any():
        return (
            f"they do not even overlap, so {theirs_is} belongs to another scan or has lost its "
            "place: give the scan it was drawn on"
        )
    return (
        f"resample {theirs_is} to {mine_is} with nearest neighbours if it was drawn on a resampled "
        "copy, or give the scan it was drawn on"
    )


def _steps(spacing: Sequence[float]) -> Float64Array:
    """Return a spacing as an array. Raises GeometryError unless it is one."""
    try:
        steps = np.asarray(spacing, dtype=np.float64)
    except (TypeError, ValueError):
        steps = np.zeros(0)
    if steps.shape != (3,) or not np.isfinite(steps).all() or (steps <= 0).any():
        raise GeometryError(
            f"The spacing is {_given(spacing)}; expected three positive numbers in mm, one for "
            "each array axis."
        )
    return steps


def _given(spacing: object) -> str:
    """Return a spacing that is none in a person's words, such as a text or a single number."""
    if isinstance(spacing, str) or not isinstance(spacing, Iterable):
        return repr(spacing)
    return repr(tuple(spacing))


def _numbers(values: Sequence[float] | Float64Array) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
