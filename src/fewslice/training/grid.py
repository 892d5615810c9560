"""How a task's model sees scans: turned to one orientation, slice by slice, at one pixel size.

Every scan is first turned (whole axes exchanged and reversed, nothing resampled) until its axes
run as nearly as can be to the right, front and head. So the way a file stores its axes makes no
difference, and left stays left. Slices across the model's plane are never resampled across it:
the neighbours a slice is seen with are interpolated at the model's step in mm instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Prediction
from fewslice.training.scan import TaskScan
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.orientation import Turn, turn_towards
from fewslice.volumes.working_grid import apply_along, averaging_matrix, interpolating_matrix

_LONGEST = 256  # pixels along a side of a slice, beyond which the pixels become larger
_FEWEST = 8
_SAME_STEP = 0.15  # steps that differ by less are taken as one slice


@dataclass(frozen=True)
class TaskGrid:
    """The plane and the sizes at which a model works.

    plane: 0 sagittal, 1 coronal, 2 axial, which is also the array axis across the slices once a
    scan is turned. step: mm from a slice to the neighbours it is seen with. pixel: mm per row and
    per column (the other two axes in their order). extent: mm that scans cover across slices, along
    rows and along columns, by which places in them are scaled.
    """

    plane: int
    step: float
    pixel: tuple[float, float]
    extent: tuple[float, float, float] = (200.0, 200.0, 200.0)

    @property
    def inplane(self) -> tuple[int, int]:
        """The array axes of rows and columns of a turned scan."""
        rows, columns = inplane_axes(self.plane)
        return rows, columns

    def size(self, geometry: Geometry) -> tuple[int, int]:
        """Return how many rows and columns a turned scan's slices have on this grid."""
        rows, columns = (
            max(_FEWEST, round(geometry.shape[axis] * geometry.spacing[axis] / mm))
            for axis, mm in zip(self.inplane, self.pixel, strict=True)
        )
        return rows, columns


@dataclass(frozen=True, eq=False)
class Turned:
    """A scan turned to the orientation all models work in. geometry: its grid after `turn`."""

    turn: Turn
    geometry: Geometry


def turned(geometry: Geometry) -> Turned:
    """Return how a scan must be turned so that its axes run to the right, front and head."""
    turn = turn_towards(geometry, Geometry.from_spacing((1, 1, 1)))
    return Turned(turn, turn.geometry(geometry))


def as_stored(prediction: Prediction, how: Turned) -> Prediction:
    """Return the answer for a turned scan with the axes of the scan as it is stored."""
    back = how.turn.inverse
    region = back.region(prediction.region, how.geometry.shape)
    probability = back.view(prediction.probability)
    return Prediction(region, prediction.values, probability, prediction.remarks)


def choose_grid(scans: Sequence[TaskScan]) -> TaskGrid:
    """Choose plane, step and pixels for scans: the plane most slices were drawn in, their medians.

    Pixels are those of the scans, larger if a slice would have more than 256 along a side. On a
    tie between planes axial comes before coronal before sagittal.
    """
    drawn: Counter[int] = Counter()
    for scan in scans:
        along = turned_axes(scan.geometry)
        drawn.update(along[axis] for axis, _ in scan.annotation.slices)
    plane = max(drawn, key=lambda axis: (drawn[axis], axis))
    grids = [turned(scan.geometry).geometry for scan in scans]
    spacing = np.median([grid.spacing for grid in grids], axis=0)
    extent = np.median([np.multiply(grid.shape, grid.spacing) for grid in grids], axis=0)
    rows, columns = inplane_axes(plane)
    coarser = max(1.0, max(extent[axis] / spacing[axis] for axis in (rows, columns)) / _LONGEST)
    pixel = (float(spacing[rows] * coarser), float(spacing[columns] * coarser))
    across, down, right = (float(extent[axis]) for axis in (plane, rows, columns))
    return TaskGrid(plane, float(spacing[plane]), pixel, (across, down, right))


def turned_axes(geometry: Geometry) -> tuple[int, int, int]:
    """Return, for each array axis, the axis it becomes once the scan is turned."""
    axes = turned(geometry).turn.axes
    first, second, third = (axes.index(axis) for axis in range(3))
    return first, second, third


def on_pixels(array: npt.NDArray[Any], size: tuple[int, int]) -> Float32Array:
    """Return (..., rows, columns) brought to another size: averaged down, interpolated up."""
    result = np.asarray(array, dtype=np.float32)
    for axis, wanted in zip((-2, -1), size, strict=True):
        length = result.shape[axis]
        if length > wanted:
            result = apply_along(result, averaging_matrix(length, wanted), result.ndim + axis)
        elif length < wanted:
            result = apply_along(result, interpolating_matrix(length, wanted), result.ndim + axis)
    return result


def beside(images: Float32Array, at: npt.NDArray[np.intp], offset: float) -> Float32Array:
    """Return slices `offset` slices away from some, between two slices by linear interpolation.

    images: (slice, ...). Beyond the ends the last slice is repeated.
    """
    place = np.clip(at + offset, 0, len(images) - 1)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, len(images) - 1)
    weight = (place - below).astype(np.float32).reshape(-1, *(1,) * (images.ndim - 1))
    between: Float32Array = images[below]
    if weight.any():
        between = between * (1 - weight) + images[above] * weight
    return between


def slices_apart(grid: TaskGrid, geometry: Geometry) -> float:
    """Return the model's step in slices of a turned scan; a whole number where it nearly is one."""
    apart = grid.step / geometry.spacing[grid.plane]
    whole = max(1.0, round(apart))
    return whole if abs(apart - whole) <= _SAME_STEP * whole else apart
