"""From a sparse label map to an annotation: which slices are annotated, and what is known there.

This is the one place that decides what a zero means. Everything else asks the `Annotation`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, SliceIndex, drawn_voxels, on_slice
from fewslice.annotation.assumptions import (
    absence_remarks,
    lone_rims_remark,
    plane_remark,
    rim_remark,
    slip_remarks,
    strips_remark,
)
from fewslice.annotation.cover import covering_slices, looked_at
from fewslice.annotation.doubts import (
    Along,
    Doubt,
    find_absences,
    find_rims,
    find_slips,
    find_strips,
    lone_rims,
)
from fewslice.annotation.oblique import WIDE, WIDE_OF_STRIPS, ObliquePlane, find_planes
from fewslice.annotation.planes import annotation_axis, plane_name
from fewslice.annotation.strips import planes_of_strips
from fewslice.errors import InputError
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.ignore_label import nothing_drawn
from fewslice.volumes.image import UNKNOWN, LabelArray
from fewslice.volumes.region import bounding_region

_NEAR = 0.5  # of a structure's radius, around its outlines, that it may take where it was not drawn
_NEAREST = 3  # voxels, at least
_STRIPS = 0.5  # of a slice at most lies over the one below where strips run as steep as slices
_APART = 0.1  # the same where there can be no doubt
_ENOUGH = 60  # voxels, to tell strips from small bodies by
_SLIP, _SLIP_SHARE = 12, 0.34  # voxels, and part of an outline, that slips of the hand are at most
_FULL = 0.75  # of a slice lies over the one below where both were drawn in full, not in strips


def find_annotation(
    labels: LabelArray,
    geometry: Geometry,
    named: Sequence[SliceIndex] = (),
    extra_values: Sequence[int] = (),
    *,
    strict: bool = False,
) -> Annotation:
    """Find the annotated slices of a sparse label map.

    labels: (i, j, k) on the grid of `geometry`. named: slices that a person named as annotated,
    (array axis, index); a negative index counts from the end. extra_values: labels that support
    scans hold; with them named slices alone are an annotation, too.

    Across which axes: those that were named; labels elsewhere are attributed to the named axis in
    which they touch fewest slices. With nothing named, the axis in which the labelled voxels touch
    fewest slices (on a tie, the one people would draw across, see `annotation_axis`). Slices of
    several planes mixed in one map are recognised, named or not, where they explain the labels with
    at most half as many slices as one plane.

    strict: whether every zero on every slice that holds a label is background. Otherwise only what
    seems to have been looked at is known: not the slices where a brush left rims or a slip left a
    few voxels, not the place of a structure that is drawn on slices on either side, and of planes
    oblique to the grid the voxels in them. `remarks` say so. Named slices are always known.

    Raises InputError if a named slice is outside of the volume and if there is no label at all:
    `blank_annotation` is for scans that have nothing but support scans to go by.
    """
    fixed = {_checked(item, geometry) for item in named}
    drawn = drawn_voxels(labels)
    if not drawn.any() and not (fixed and extra_values):
        raise InputError(nothing_drawn(labels))
    for axis, index in fixed:
        drawn[on_slice(axis, index)] = False
    axes = tuple(sorted({axis for axis, _ in fixed})) or (0, 1, 2)
    found = fixed | covering_slices(drawn, axes, annotation_axis(geometry))
    slices = tuple(sorted(found | looked_at(labels, found)))
    annotation = Annotation(labels, slices)
    if not strict and not annotation.blank:
        annotation = _plausible(annotation, geometry, fixed, drawn)
    return annotation.with_values(extra_values)


def _checked(item: SliceIndex, geometry: Geometry) -> SliceIndex:
    axis, index = int(item[0]), int(item[1])
    if axis not in (0, 1, 2):
        raise InputError(f"There is no array axis {axis}; choose 0, 1 or 2.")
    length = geometry.shape[axis]
    if not -length <= index < length:
        raise InputError(
            f"Slice {index} of the {plane_name(geometry, axis)} plane (array axis {axis}) does not "
            f"exist; this volume has slices 0 to {length - 1} there."
        )
    return axis, index % length


def _plausible(
    annotation: Annotation, geometry: Geometry, fixed: set[SliceIndex], drawn: BoolArray
) -> Annotation:
    """Return the annotation with what was plausibly looked at as known, and no more.

    fixed: named slices. drawn: the voxels of structures outside of those.
    """
    if not drawn.any():
        return annotation
    planes, loose = _oblique(annotation, geometry, fixed, drawn)
    if planes:
        return _in_planes(annotation, geometry, planes, fixed, tuple(map(tuple, loose)))
    for axis in annotation.axes:
        annotation = plausible_slices(annotation, geometry, axis, fixed)
    return annotation


def _oblique(
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
    if not planes:
        return nothing
    crossing = _crossing(annotation.labels, drawn, planes, loose)
    sure = sure and bool(crossing.any())
    enough = sure or 3 * int(crossing.sum()) >= len(crossing)
    if len(planes) > len(places) // 2:  # tilted so little that many touch a single slice
        enough = enough and all(plane.parallel(planes[0]) for plane in planes)
        enough = enough and (sure or len(planes) == runs)
    return (planes, loose) if enough else nothing


def _strips(
    annotation: Annotation, geometry: Geometry, drawn: BoolArray, places: Sequence[SliceIndex], overlap: tuple[float, ...]
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


def _in_planes(
    annotation: Annotation,
    geometry: Geometry,
    planes: tuple[ObliquePlane, ...],
    fixed: set[SliceIndex],
    loose: tuple[tuple[int, ...], ...],
) -> Annotation:
    """Return the annotation with the voxels of oblique planes, and named slices, as known.

    loose: drawn voxels that lie in none of the planes.
    """
    drawn = annotation.labels
    axes = [plane.axis() for plane in planes]
    axis = max(set(axes), key=lambda axis: (axes.count(axis), -axis))
    labels = np.full_like(drawn, UNKNOWN)
    for plane in planes:
        labels[tuple(plane.voxels(geometry.shape).T)] = 0
    for place in fixed:
        labels[on_slice(*place)] = 0
    np.copyto(labels, drawn, where=drawn_voxels(drawn))
    for voxel in loose:
        labels[voxel] = UNKNOWN
    known = (labels != UNKNOWN).any(axis=inplane_axes(axis))
    slices = {(axis, int(index)) for index in np.flatnonzero(known)} | fixed
    return replace(
        annotation,
        labels=labels,
        slices=tuple(sorted(slices)),
        as_drawn=drawn,
        planes=planes,
        remarks=(plane_remark(planes, geometry, axis, len(loose)),),
    )


def plausible_slices(
    annotation: Annotation,
    geometry: Geometry,
    axis: int,
    fixed: Collection[SliceIndex] = (),
) -> Annotation:
    """Return the annotation without what nobody seems to have looked at across one axis.

    fixed: slices that are known whatever they hold.
    """
    along = Along.of(annotation.labels, annotation.slices, axis, annotation.drawn_values, fixed)
    rims = find_rims(along)
    left = along.kept(~rims)
    slips = find_slips(left)
    absences = find_absences(left, slips)
    if not (rims.any() or slips.any() or absences.any()):
        lone = lone_rims(along)
        told = lone_rims_remark(along, lone, geometry) if lone is not None else ()
        told += strips_remark(along, find_strips(along, slips), geometry)
        return replace(annotation, remarks=(*annotation.remarks, *told)) if told else annotation
    meant = ((left.areas > 0) & ~slips).any(axis=1) | left.settled
    given_up = {along.place(number) for number in np.flatnonzero(rims).tolist()}
    given_up |= {left.place(number) for number in np.flatnonzero(~meant).tolist()}
    doubts = tuple(
        (left.place(number), left.values[column])
        for number, column in np.argwhere((slips | absences) & meant[:, None])
    )
    remarks = (
        *rim_remark(along, rims, geometry),
        *slip_remarks(left, slips, geometry),
        *absence_remarks(left, absences, geometry),
        *strips_remark(left, find_strips(left, slips), geometry),
    )
    slices = tuple(place for place in annotation.slices if place not in given_up)
    return replace(
        annotation,
        labels=_known_labels(annotation, slices, doubts, left, slips),
        slices=slices,
        as_drawn=annotation.labels if annotation.as_drawn is None else annotation.as_drawn,
        doubts=tuple(sorted({*annotation.doubts, *doubts})),
        remarks=(*annotation.remarks, *remarks),
    )


def _known_labels(
    annotation: Annotation,
    slices: tuple[SliceIndex, ...],
    doubts: tuple[Doubt, ...],
    along: Along,
    slips: BoolArray,
) -> LabelArray:
    """Return labels that are 0 outside of the slices, and 255 where a structure is in doubt."""
    labels = np.zeros_like(annotation.labels)
    for place in slices:
        labels[on_slice(*place)] = annotation.labels[on_slice(*place)]
    column_of = {value: column for column, value in enumerate(along.values)}
    number_of = {along.place(number): number for number in range(len(along.indices))}
    for place, value in doubts:
        column = column_of[value]
        held = (along.areas[:, column] > 0) & ~slips[:, column]
        near = _near(along, number_of[place], value, held)
        one = labels[on_slice(*place)]
        one[(one == 0) & near] = UNKNOWN
        one[one == value] = UNKNOWN
    return labels


def _near(along: Along, number: int, value: int, held: BoolArray) -> BoolArray:
    """Return where a structure may lie on a slice: near its outlines on the slices around."""
    from scipy.ndimage import distance_transform_edt

    holding = np.flatnonzero(held)
    below, above = holding[holding < number][-1:], holding[holding > number][:1]
    mask = np.any([along.mask(int(other), value) for other in (*below, *above)], axis=0)
    radius = np.sqrt(np.count_nonzero(mask) / np.pi)
    near: BoolArray = distance_transform_edt(~mask) <= max(_NEAREST, _NEAR * radius)
    return near
