"""From a sparse label map to an annotation: which slices are annotated, and what is known there.

This is the one place that decides what a zero means. Everything else asks the `Annotation`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from fewslice.annotation.along import Along
from fewslice.annotation.annotation import (
    Annotation,
    SliceIndex,
    drawn_voxels,
    on_slice,
    whole_place,
)
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
    Doubt,
    find_absences,
    find_rims,
    find_slips,
    lone_rims,
)
from fewslice.annotation.drawn_planes import drawn_planes
from fewslice.annotation.few_voxels import few_voxels, few_voxels_remarks
from fewslice.annotation.oblique import ObliquePlane
from fewslice.annotation.planes import annotation_axis, plane_name
from fewslice.annotation.slivers import find_strips
from fewslice.errors import InputError
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.ignore_label import nothing_drawn
from fewslice.volumes.image import UNKNOWN, LabelArray

_NEAR = 0.5  # of a structure's radius, around its outlines, that it may take where it was not drawn
_NEAREST = 3  # voxels, at least


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
    at most half as many slices as one plane. `remarks` also name structures of hardly any voxels,
    which change nothing.

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
    few = few_voxels_remarks(few_voxels(annotation))
    if not strict and not annotation.blank:
        annotation = _plausible(annotation, geometry, fixed, drawn)
    if few:
        annotation = replace(annotation, remarks=(*annotation.remarks, *few))
    return annotation.with_values(extra_values)


def _checked(item: SliceIndex, geometry: Geometry) -> SliceIndex:
    axis, index = whole_place(item)
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
    planes, loose = drawn_planes(annotation, geometry, fixed, drawn)
    if planes:
        return _in_planes(annotation, geometry, planes, fixed, tuple(map(tuple, loose)))
    for axis in annotation.axes:
        annotation = plausible_slices(annotation, geometry, axis, fixed)
    return annotation


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
        rims_told = lone_rims_remark(along, lone, geometry) if lone is not None else ()
        told = (*rims_told, *strips_remark(along, find_strips(along, slips), geometry))
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
