"""Voxels and facts as one image: where the B-scans of a raster lie in the patient.

Fundus images are shown as an examiner sees them who faces the patient: x grows to the patient's
left, y to the feet. Depth grows to the back of the head.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from fewslice.errors import ReadError, Remark
from fewslice.io.oct.info import KIND, OctInfo
from fewslice.typing import Float64Array
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array, Image, StoredGeometry

_PARALLEL = 0.999  # cosine between B-scans of a raster: within 2.6 degrees
_EVEN = 0.1  # of a step, by which a B-scan may lie out of its row
_AGREES = 0.05  # of a length, by which header and positions may differ


def image_of(path: Path, array: Array, spacing: tuple[float, float, float], info: OctInfo) -> Image:
    """Return voxels (A-scan, depth, B-scan) with their grid and what else the file says.

    spacing: mm per axis. Raises ReadError if B-scans lie as in no raster.
    """
    if not all(np.isfinite(step) and step > 0 for step in spacing):
        raise ReadError(
            f"{path} says that voxels are {', '.join(f'{step:g}' for step in spacing)} mm apart; "
            "expected positive numbers: export the file again."
        )
    along, across = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    origin = np.zeros(2)
    if info.positions is not None:
        along, across, origin = _directions(path, info.positions)
        doubts = _doubts(info.positions, array.shape, spacing)
        info = replace(info, remarks=(*info.remarks, *doubts))
    i, j, k = array.shape
    geometry = Geometry((i, j, k), _affine(along, across, origin, spacing))
    guessed = info.spacing_guessed
    stored = StoredGeometry(KIND, {"info": info}, spacing_guessed=guessed)
    return Image(np.ascontiguousarray(array), geometry, stored, info.remarks)


def raster_step(positions: Float64Array) -> float:
    """Return the mean distance in mm between B-scans, by their positions."""
    middles = positions.mean(axis=1)
    return float(np.linalg.norm(middles[-1] - middles[0])) / max(len(middles) - 1, 1)


def _directions(
    path: Path, positions: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return unit vectors along and across B-scans in the fundus image, and where the first starts.

    Raises ReadError unless B-scans are parallel and evenly spaced.
    """
    along = positions[:, 1] - positions[:, 0]
    lengths = np.linalg.norm(along, axis=1)
    if not np.isfinite(positions).all() or (lengths == 0).any():
        raise _no_raster(path, "B-scans without a length, as circular scans have")
    along /= lengths[:, np.newaxis]
    if (along @ along[0] < _PARALLEL).any():
        raise _no_raster(path, "B-scans that are not parallel, as radial scans have")
    first: Float64Array = along[0]
    square = np.array([-first[1], first[0]])  # a quarter turn from right to down
    middles = positions.mean(axis=1)
    ways = (middles - middles[0]) @ square
    if len(positions) > 1:
        step = ways[-1] / (len(positions) - 1)
        off = np.abs(ways - step * np.arange(len(positions)))
        if step == 0 or (off > _EVEN * abs(step)).any():
            raise _no_raster(path, "B-scans that are not evenly spaced")
        square = square * np.sign(step)
    return first, square, positions[0, 0]


def _affine(
    along: Float64Array,
    across: Float64Array,
    origin: Float64Array,
    spacing: tuple[float, float, float],
) -> Float64Array:
    """Return the affine to RAS+ mm: the fundus image's x is the patient's left, its y the feet."""
    affine = np.eye(4)
    for column, (x, y) in ((0, along), (2, across)):
        affine[[0, 2], column] = -x * spacing[column], -y * spacing[column]
        affine[1, column] = 0.0
    affine[:3, 1] = 0.0, -spacing[1], 0.0
    affine[[0, 2], 3] = -origin
    return affine + 0.0


def _doubts(
    positions: Float64Array, shape: tuple[int, ...], spacing: tuple[float, float, float]
) -> tuple[Remark, ...]:
    """Say where positions contradict the spacing, which is used nevertheless."""
    length = float(np.linalg.norm(positions[0, 1] - positions[0, 0]))
    told = [("A-scans", spacing[0], length / max(shape[0] - 1, 1), length / shape[0])]
    if shape[2] > 1:
        step = raster_step(positions)
        told.append(("B-scans", spacing[2], step, step))
    return tuple(
        Remark(
            "oct-positions-disagree",
            f"{what} lie {used:.4g} mm apart by their spacing, but {high:.4g} mm by the positions "
            "of the B-scans; the spacing is used: give another one (--spacing) if it is wrong.",
        )
        for what, used, high, low in told
        if not low * (1 - _AGREES) <= used <= high * (1 + _AGREES)
    )


def _no_raster(path: Path, found: str) -> ReadError:
    return ReadError(
        f"{path} has {found}; expected a raster of parallel B-scans: export a volume scan."
    )
