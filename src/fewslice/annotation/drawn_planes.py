"""Whether outlines were drawn in oblique planes or on slices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, SliceIndex, on_slice
from fewslice.annotation.oblique import ObliquePlane
from fewslice.annotation.plane_search import WIDE, WIDE_OF_STRIPS, find_planes
from fewslice.annotation.strips import planes_of_strips
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import UNKNOWN, LabelArray
from fewslice.volumes.region import bounding_region

_STRIPS = 0.5  # of a slice at most lies over the one below where strips run as steep as slices
_APART = 0.1  # the same where there can be no doubt
_ENOUGH = 60  # voxels, to tell strips from small bodies by
_SLIP, _SLIP_SHARE = 12, 0.34  # voxels, and part of an outline, that slips of the hand are at most
_EXACTLY = 0.88  # of the drawn voxels reach to the middle of their plane
_FULL = 0.75  # of a slice lies over the one below where both were drawn in full, not in strips


def drawn_planes(
    annotation: Annotation, geometry: Geometry, fixed: set[SliceIndex], drawn: BoolArray
) -> tuple[tuple[ObliquePlane, ...], npt.NDArray[np.intp]]:
    """Return the oblique planes that explain the drawn voxels; none where slices do as well.

    Outlines in oblique planes cross slices next to each other. 255 says that a person thinks in
    slices.
    """
    nothing: tuple[tuple[ObliquePlane, ...], npt.NDArray[np.intp]] = ((), np.zeros((0, 3), np.intp))
    places = [place for place in annotation.slices if place not in fixed]
    beside = sum((axis, index + 1) in places for axis, index in places)
    if not beside:
        return nothing
    if any((annotation.labels[on_slice(*place)] == UNKNOWN).any() for place in places):
        return nothing
    overlap = _overlaps(drawn)
    parallel = _strips(annotation, geometry, drawn, places, overlap)
    if parallel:
        return parallel, nothing[1]
    if min(overlap) > _STRIPS and max(overlap[axis] for axis in annotation.axes) > _FULL:
        return nothing
    runs = len(places) - beside  # of slices next to each other
    sure = min(overlap) < _APART and int(np.count_nonzero(drawn)) >= _ENOUGH
    most = len(places) - 1 if sure else max(len(places) // 2, runs)
    wide = WIDE_OF_STRIPS if sure else WIDE
    planes, loose = find_planes(drawn, geometry.affine, most, wide)
    if not planes or _within(drawn, planes) < _EXACTLY:
        return nothing
    crossing = _crossing(annotation.labels, drawn, planes, loose)
    sure = sure and bool(crossing.any())
    enough = sure or 3 * int(crossing.sum()) >= len(crossing)
    if len(planes) > len(places) // 2:  # tilted so little that many touch a single slice
        enough = enough and all(plane.parallel(planes[0]) for plane in planes)
        enough = enough and (sure or len(planes) == runs)
    return (planes, loose) if enough else nothing


def _within(drawn: BoolArray, planes: Sequence[ObliquePlane]) -> float:
    """Return which part of the drawn voxels reaches to one of the planes."""
    voxels = np.argwhere(drawn)
    away = [np.abs(plane.heights(voxels)) / np.abs(plane.normal).sum() for plane in planes]
    return float((np.min(away, axis=0) <= 0.5).mean())


def _strips(
    annotation: Annotation,
    geometry: Geometry,
    drawn: BoolArray,
    places: Sequence[SliceIndex],
    overlap: tuple[float, ...],
) -> tuple[ObliquePlane, ...]:
    """Return the slightly tilted planes whose strips are drawn; none if slips explain as much."""
    axes = {axis for axis, _ in places}
    if len(axes) > 1 or overlap[next(iter(axes))] > _APART:
        return ()
    planes = planes_of_strips(drawn, geometry.affine, axes.pop())
    nowhere = np.zeros((0, 3), np.intp)
    if not planes or not _crossing(annotation.labels, drawn, planes, nowhere).any():
        return ()
    return planes


def _overlaps(drawn: BoolArray) -> tuple[float, ...]:
    """Return, for each axis, how far slices next to each other lie over one another across it.

    That is which part of the smaller one the larger one covers. Strips of a plane may lie over one
    another across all axes but one.
    """
    inside = drawn[bounding_region(drawn).slices]
    found = []
    for axis in range(3):
        across = np.moveaxis(inside, axis, 0)
        areas = np.count_nonzero(across, axis=(1, 2))
        least = np.minimum(areas[1:], areas[:-1]).sum()
        both = np.count_nonzero(across[1:] & across[:-1])
        found.append(float(both / least) if least else 1.0)
    return tuple(found)


def _crossing(
    labels: LabelArray,
    drawn: BoolArray,
    planes: tuple[ObliquePlane, ...],
    loose: npt.NDArray[np.intp],
) -> BoolArray:
    """Return which outlines, of each structure in each plane, go on from slice to slice.

    With more than a slip of the hand leaves. Different structures on slices next to each other
    happen to lie in a common plane.
    """
    flat = drawn.copy()
    flat[tuple(loose.T)] = False
    voxels = np.argwhere(flat)
    nearest = np.abs([plane.heights(voxels) for plane in planes]).argmin(axis=0)
    found = []
    for number in range(len(planes)):
        own = voxels[nearest == number]
        values = labels[tuple(own.T)]
        for value in np.unique(values):
            outline = own[values == value]
            fullest = max(int(np.bincount(numbers).max()) for numbers in outline.T)
            aside = len(outline) - fullest
            found.append(aside > min(_SLIP, _SLIP_SHARE * len(outline)))
    return np.array(found, dtype=bool)
