"""Oblique planes that drawn voxels lie in.

Each outline touches several slices, of each only a strip. Strips that continue one another lie
within half a voxel of one plane; slices that were drawn next to each other do not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.oblique import SURE, Float64Array, ObliquePlane
from fewslice.annotation.parallel_sheets import parallel_sheets
from fewslice.annotation.sheet import Sheet
from fewslice.annotation.sheets_at_angles import sheets_at_angles
from fewslice.typing import BoolArray
from fewslice.volumes.region import bounding_region

WIDE = 3.0  # times as far as across, at least, do outlines reach in a plane
WIDE_OF_STRIPS = 1.8  # the same where slices next to each other show no voxel in common
_LONGEST_RUN = 2.2  # voxels on average from one side of a sheet to the other
_MOST_POINTS = 3000
_MOST_PLANES = 40
_FILLED = 0.99  # of the voxels inside of an outline, within the thickness of its plane


def find_planes(
    drawn: BoolArray, affine: Float64Array, most: int, wide: float = WIDE
) -> tuple[tuple[ObliquePlane, ...], npt.NDArray[np.intp]]:
    """Return the planes that drawn voxels lie in, and the voxels (n, 3) that lie in none.

    drawn: (i, j, k), something must be. affine: to mm. most: planes that may be needed. wide: how
    many times as far as across outlines have to reach in a plane. Planes that are parallel within
    half a voxel get the same normal. No plane if the drawn voxels are no thin flat sheets.
    """
    nothing: tuple[tuple[ObliquePlane, ...], npt.NDArray[np.intp]] = ((), np.zeros((0, 3), np.intp))
    box = bounding_region(drawn)
    if most < 1 or not _thin(drawn[box.slices]):
        return nothing
    voxels = np.argwhere(drawn[box.slices]) + np.array(box.start)
    steps = np.asarray(affine[:3, :3], dtype=np.float64)
    points = voxels @ steps.T
    sheets = _sheets(points, steps, min(most, _MOST_PLANES), wide)
    if not sheets:
        return nothing
    distance = np.abs([sheet.heights(points) / sheet.voxel for sheet in sheets])
    loose = distance.min(axis=0) > 1.0
    nearest = distance.argmin(axis=0)
    planes = tuple(
        _as_plane(sheet, steps, voxels[(nearest == number) & ~loose], drawn)
        for number, sheet in enumerate(sheets)
    )
    return planes, voxels[loose]


def _thin(drawn: BoolArray) -> bool:
    """Whether straight runs through what is drawn are short along some axis, as through a sheet."""
    total = np.count_nonzero(drawn)
    for axis in range(3):
        before = np.moveaxis(drawn, axis, 0)
        starts = np.count_nonzero(before[1:] & ~before[:-1]) + np.count_nonzero(before[0])
        if total <= _LONGEST_RUN * starts:
            return True
    return False


def _sheets(points: Float64Array, steps: Float64Array, most: int, wide: float) -> list[Sheet]:
    """Return parallel sheets that hold nearly all points, else sheets at several angles."""
    rng = np.random.default_rng(0)
    chosen = points
    if len(points) > _MOST_POINTS:
        chosen = points[rng.choice(len(points), _MOST_POINTS, replace=False)]
    return parallel_sheets(chosen, steps, most, wide, rng) or sheets_at_angles(
        chosen, steps, most, wide, rng
    )


def _as_plane(
    sheet: Sheet, steps: Float64Array, own: npt.NDArray[np.intp], drawn: BoolArray
) -> ObliquePlane:
    """Return a sheet in voxel coordinates, as thick as its outlines are filled."""
    normal = sheet.normal @ steps
    if normal[np.abs(normal).argmax()] < 0:
        normal, offset = -normal, -sheet.offset
    else:
        offset = sheet.offset
    i, j, k = (float(part) for part in normal)
    plane = ObliquePlane((i, j, k), offset, 0.5 * sheet.voxel)
    return replace(plane, half=_filled_half(plane, sheet.voxel, own, drawn))


def _filled_half(
    plane: ObliquePlane, voxel: float, own: npt.NDArray[np.intp], drawn: BoolArray
) -> float:
    """Return within how many mm of a plane nearly every voxel inside of its outlines is drawn.

    Voxels farther away than that say nothing where they are 0.
    """
    least = 0.3 * voxel
    if not len(own):
        return least
    axis = plane.axis()
    others = [other for other in range(3) if other != axis]
    start = own.min(axis=0)
    shape = own.max(axis=0) - start + 1
    outline = np.zeros(shape[others], dtype=bool)
    outline[tuple((own - start)[:, others].T)] = True
    for side in (0, 1):  # without its rim, where a voxel may well be outside
        outline &= np.roll(outline, 1, side) & np.roll(outline, -1, side)
    moved = plane.moved([int(part) for part in start])
    near = moved.voxels((int(shape[0]), int(shape[1]), int(shape[2])))
    near = near[outline[tuple(near[:, others].T)]]
    if not len(near):
        return least
    heights = np.abs(moved.heights(near))
    there = drawn[tuple((near + start).T)]
    halves = [part * voxel for part in (0.5, 0.45, 0.4, 0.35)]
    for half in halves:
        inside = heights <= half
        if inside.any() and there[inside].mean() >= _FILLED:
            return SURE * half
    return least
