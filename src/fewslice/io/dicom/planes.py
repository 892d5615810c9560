"""Where the pixels of a DICOM frame lie in a grid of voxels: exactly on them, or nowhere.

Frames of other objects of the same scan hold its voxels turned, mirrored, cropped or in another
order. They are moved by whole voxels, never resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import GeometryError
from fewslice.io.dicom.frames import frame_positions
from fewslice.io.itk import LPS_TO_RAS
from fewslice.typing import Float64Array
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array

OFF_VOXELS = 0.2
"""So far, in voxels, a pixel of a frame may lie from the voxel that it stands for."""

Dataset = Any  # pydicom's elements have no static types


@dataclass(frozen=True, eq=False)
class Plane:
    """The pixels of one frame, in LPS+ and mm.

    position: (3,) centre of the first pixel. orientation: (6,) direction of the rows and of the
    columns. spacing: between rows, between columns. matrix: rows, columns.
    """

    position: Float64Array
    orientation: Float64Array
    spacing: tuple[float, float]
    matrix: tuple[int, int]

    @property
    def normal(self) -> Float64Array:
        """Unit vector across the plane, LPS+."""
        return np.cross(self.orientation[:3], self.orientation[3:])

    @property
    def steps(self) -> Float64Array:
        """(3, 2) mm LPS+ from a pixel to the next column, and to the next row."""
        between_rows, between_columns = self.spacing
        return np.column_stack(
            [self.orientation[:3] * between_columns, self.orientation[3:] * between_rows]
        )

    def points(self, pixels: Float64Array) -> Float64Array:
        """Return (n, 3) mm LPS+ of (n, 2) pixels (column, row), which may be fractions."""
        points: Float64Array = self.position + pixels @ self.steps.T
        return points


@dataclass(frozen=True)
class Placement:
    """How a plane lies in a grid: column c, row r is the voxel with these indices.

    `axes[0]`: first[0] + c steps[0]; `axes[1]`: first[1] + r steps[1]; `axes[2]`: index.
    """

    axes: tuple[int, int, int]
    first: tuple[int, int]
    steps: tuple[int, int]
    index: int

    def cut(self, array: Array, matrix: tuple[int, int]) -> Array:
        """Return the (row, column) pixels of an array (i, j, k), 0 outside of it."""
        pixels = np.zeros(matrix, array.dtype)
        if 0 <= self.index < array.shape[self.axes[2]]:
            rows, columns, place = self._inside(array.shape, matrix)
            pixels[np.ix_(rows, columns)] = self._turned(array)[place]
        return pixels

    def paste(self, pixels: Array, mask: Array, value: int) -> bool:
        """Set voxels (i, j, k) under the pixels that are not 0; return whether all were inside."""
        drawn = pixels != 0
        if not 0 <= self.index < mask.shape[self.axes[2]]:
            return not drawn.any()
        rows, columns, place = self._inside(mask.shape, pixels.shape)
        inside = drawn[np.ix_(rows, columns)]
        turned = self._turned(mask)  # a view
        turned[place] = np.where(inside, value, turned[place])
        return bool(np.count_nonzero(inside) == np.count_nonzero(drawn))

    def _turned(self, array: Array) -> Array:
        """Return the slice as a view with the axis of the rows first."""
        across = self.axes[2]
        plane = array[(slice(None),) * across + (self.index,)]
        return plane if self.axes[1] < self.axes[0] else plane.T

    def _inside(
        self, shape: tuple[int, ...], matrix: tuple[int, ...]
    ) -> tuple[Array, Array, tuple[Array, Array]]:
        """Return the rows and columns within a grid, and where they lie in the turned slice."""
        columns, rows = np.arange(matrix[1]), np.arange(matrix[0])
        at_columns = self.first[0] + self.steps[0] * columns
        at_rows = self.first[1] + self.steps[1] * rows
        fits_columns = (at_columns >= 0) & (at_columns < shape[self.axes[0]])
        fits_rows = (at_rows >= 0) & (at_rows < shape[self.axes[1]])
        place = np.ix_(at_rows[fits_rows], at_columns[fits_columns])
        return rows[fits_rows], columns[fits_columns], (place[0], place[1])


def placement_of(plane: Plane, geometry: Geometry) -> Placement | None:
    """Return where a plane lies in a grid, also beyond its ends; None if not on its voxels."""
    inverse = np.linalg.inv(geometry.affine)
    start = inverse[:3, :3] @ (LPS_TO_RAS * plane.position) + inverse[:3, 3]
    steps = inverse[:3, :3] @ (LPS_TO_RAS[:, np.newaxis] * plane.steps)
    axes = [int(axis) for axis in np.abs(steps).argmax(axis=0)]
    if axes[0] == axes[1]:
        return None
    across = 3 - sum(axes)
    whole_steps, whole_start = np.rint(steps), np.rint(start)
    if (np.abs(whole_steps).sum(axis=0) != 1).any():
        return None
    rows, columns = plane.matrix
    corners = np.array([(0, columns - 1, 0, columns - 1), (0, 0, rows - 1, rows - 1)])
    off = (steps - whole_steps) @ corners + (start - whole_start)[:, np.newaxis]
    if np.abs(off).max() > OFF_VOXELS:
        return None
    return Placement(
        axes=(axes[0], axes[1], across),
        first=(int(whole_start[axes[0]]), int(whole_start[axes[1]])),
        steps=(int(whole_steps[axes[0], 0]), int(whole_steps[axes[1], 1])),
        index=int(whole_start[across]),
    )


def planes_of(dataset: Dataset) -> list[Plane | None]:
    """Return the plane of each frame of a dataset, None where it does not say one."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])[:1]
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    matrix = (int(dataset.Rows), int(dataset.Columns))
    if not per_frame and frames > 1:
        return _laid_out(dataset, frames, matrix)
    if not per_frame:
        return [_plane([dataset, *_groups(shared)], matrix)]
    common = [*_groups(shared), dataset]
    return [_plane([*_groups([group]), *common], matrix) for group in per_frame]


def _laid_out(dataset: Dataset, frames: int, matrix: tuple[int, int]) -> list[Plane | None]:
    """Return the planes of frames that follow from what the file says of the first; [] if none do.

    So it is in dose grids and in reconstructions of nuclear medicine.
    """
    spacing = _numbers([dataset], "PixelSpacing", 2)
    with suppress(GeometryError):
        layout = frame_positions(Path("the source"), dataset, frames)
        if spacing is not None and spacing.min() > 0 and not layout.assumed:
            between = (float(spacing[0]), float(spacing[1]))
            return [Plane(position, way, between, matrix) for position, way in layout.places]
    return []


def _groups(items: Sequence[Dataset]) -> list[Dataset]:
    return [
        element.value[0]
        for item in items
        for element in item
        if element.VR == "SQ" and len(element.value)
    ]


def _plane(places: list[Dataset], matrix: tuple[int, int]) -> Plane | None:
    position = _numbers(places, "ImagePositionPatient", 3)
    orientation = _numbers(places, "ImageOrientationPatient", 6)
    spacing = _numbers(places, "PixelSpacing", 2)
    if position is None or orientation is None or spacing is None or spacing.min() <= 0:
        return None
    return Plane(position, orientation, (float(spacing[0]), float(spacing[1])), matrix)


def _numbers(places: list[Dataset], tag: str, count: int) -> Float64Array | None:
    found = next((place[tag].value for place in places if tag in place), None)
    values = np.array([float(value) for value in found or []])
    return values if len(values) == count and np.isfinite(values).all() else None
