"""What a person annotated in a label map: which slices, across which axes, and which voxels.

A slice counts as annotated if it holds a structure's label, or if it is named. Inside an annotated
slice 0 means "background" and 255 "not looked at"; outside of annotated slices a label map says
nothing at all. Where other scans say what the structures are, a scan may have no annotated slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.annotation.planes import annotation_axis, plane_name
from fewslice.errors import InputError
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.image import UNKNOWN, LabelArray, structure_values
from fewslice.volumes.region import Region

SliceIndex = tuple[int, int]
"""(array axis, index) of one slice."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """A sparse label map and the slices of it that were annotated.

    labels: (i, j, k) unsigned integers, 0 background where known, 255 not looked at.
    slices: (array axis, index) of every annotated slice, ascending; none if there is nothing but
    support scans to go by. main_axis: the main axis where there is no slice, or where slices of
    several planes are to be seen from one of them. extra_values: labels
    to answer for even if they are not drawn here, because a support scan holds them; ascending.
    """

    labels: LabelArray
    slices: tuple[SliceIndex, ...]
    main_axis: int | None = None
    extra_values: tuple[int, ...] = ()

    @cached_property
    def values(self) -> tuple[int, ...]:
        """Labels of the structures to answer for, drawn here or not, ascending."""
        return tuple(sorted({*self.drawn_values, *self.extra_values}))

    @cached_property
    def drawn_values(self) -> tuple[int, ...]:
        """Labels of the structures drawn here, ascending."""
        drawn = (structure_values(self.labels[on_slice(*place)]) for place in self.slices)
        return tuple(sorted(set().union(*drawn)))

    @cached_property
    def drawn_slices(self) -> tuple[SliceIndex, ...]:
        """The annotated slices that show a structure, ascending."""
        return tuple(
            place for place in self.slices if drawn_voxels(self.labels[on_slice(*place)]).any()
        )

    def drawn_along(self, axis: int) -> tuple[int, ...]:
        """Indices of the slices across one axis that show a structure, ascending."""
        return tuple(index for other, index in self.drawn_slices if other == axis)

    @property
    def blank(self) -> bool:
        """True if no structure is drawn here; slices may still be known not to hold any."""
        return not self.drawn_values

    @property
    def axes(self) -> tuple[int, ...]:
        """Array axes across which there are annotated slices, ascending."""
        return tuple(sorted({axis for axis, _ in self.slices}))

    @property
    def axis(self) -> int:
        """The main axis: as told, or the one across which most slices are annotated."""
        if self.main_axis is not None and (not self.slices or self.main_axis in self.axes):
            return self.main_axis
        return max(self.axes, key=lambda axis: len(self.along(axis)))

    def along(self, axis: int) -> tuple[int, ...]:
        """Indices of the slices annotated across one axis, ascending."""
        return tuple(index for other, index in self.slices if other == axis)

    def known(self, region: Region | None = None) -> BoolArray:
        """Return where a person said what a voxel is: bool, the shape of the region."""
        place = region.slices if region is not None else (slice(None),) * 3
        labels = self.labels[place]
        known = np.zeros(labels.shape, dtype=bool)
        start = region.start if region is not None else (0, 0, 0)
        for axis, index in self.slices:
            if start[axis] <= index < start[axis] + labels.shape[axis]:
                known[on_slice(axis, index - start[axis])] = True
        known &= labels != UNKNOWN
        return known

    def without(self, left_out: SliceIndex) -> Annotation:
        """Return the annotation as if one slice had never been looked at.

        Voxels that another annotated slice (of another plane) holds as well stay known. Without
        the last slice the main axis stays, and `values` is what `extra_values` says.
        """
        kept = tuple(item for item in self.slices if item != left_out)
        labels = self.labels.copy()
        forgotten = np.zeros(labels.shape, dtype=bool)
        forgotten[on_slice(*left_out)] = True
        for axis, index in kept:
            forgotten[on_slice(axis, index)] = False
        labels[forgotten] = 0
        main = self.main_axis if kept else self.axis
        return Annotation(labels, kept, main, self.extra_values)

    def seen_along(self, axis: int) -> Annotation:
        """Return the same with another main axis; across it there must be annotated slices."""
        return replace(self, main_axis=axis)

    def cropped(self, region: Region) -> Annotation:
        """Return what was annotated in a region, whose first voxel becomes (0, 0, 0)."""
        slices = tuple(
            (axis, index - region.start[axis])
            for axis, index in self.slices
            if region.start[axis] <= index < region.stop[axis]
        )
        return replace(self, labels=self.labels[region.slices], slices=slices)

    def with_values(self, extra: Sequence[int]) -> Annotation:
        """Return the annotation with these labels, and no others, to answer for beside those drawn.

        The array of labels becomes uint16 if one of them does not fit otherwise.
        """
        labels = _holding(self.labels, extra)
        return replace(self, labels=labels, extra_values=tuple(sorted(set(extra))))


def blank_annotation(labels: LabelArray, axis: int, values: Sequence[int]) -> Annotation:
    """Return the annotation of a scan on which no slice was annotated.

    labels: (i, j, k), nothing drawn. axis: the main axis. values: the labels to answer for.
    """
    return Annotation(_holding(labels, values), (), axis, tuple(sorted(set(values))))


def _holding(labels: LabelArray, values: Sequence[int]) -> LabelArray:
    """Return the labels in a type that can hold these values as well."""
    fits = max(values, default=0) <= np.iinfo(labels.dtype).max
    return labels if fits else labels.astype(np.uint16)


def drawn_voxels(labels: LabelArray) -> BoolArray:
    """Return where a structure is drawn: the labels that are neither 0 nor 255."""
    drawn: BoolArray = labels != 0
    drawn &= labels != UNKNOWN
    return drawn


def holds_structure(labels: LabelArray) -> bool:
    """Return whether a structure is drawn anywhere in a label map (i, j, k)."""
    return any(drawn_voxels(part).any() for part in labels)


def on_slice(axis: int, index: int) -> tuple[Any, ...]:
    """Return the numpy index of one slice: array[on_slice(axis, index)] is 2-D."""
    place: list[Any] = [slice(None)] * 3
    place[axis] = index
    return tuple(place)


def find_annotation(
    labels: LabelArray,
    geometry: Geometry,
    named: Sequence[SliceIndex] = (),
    extra_values: Sequence[int] = (),
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

    Raises InputError if a named slice is outside of the volume and if there is no label at all:
    `blank_annotation` is for scans that have nothing but support scans to go by.
    """
    fixed = {_checked(item, geometry) for item in named}
    drawn = drawn_voxels(labels)
    if not drawn.any() and not (fixed and extra_values):
        raise InputError(
            "The label map holds no annotated slice (every voxel is 0 or 255); outline the "
            "structure on at least one slice."
        )
    for axis, index in fixed:
        drawn[on_slice(axis, index)] = False
    axes = tuple(sorted({axis for axis, _ in fixed})) or (0, 1, 2)
    found = fixed | _cover(drawn, axes, annotation_axis(geometry))
    slices = tuple(sorted(found | _looked_at(labels, found)))
    return Annotation(labels, slices).with_values(extra_values)


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


def _touched(drawn: BoolArray, axis: int) -> set[SliceIndex]:
    others = inplane_axes(axis)
    return {(axis, int(index)) for index in np.flatnonzero(drawn.any(axis=others))}


def _voxels_per_slice(drawn: BoolArray, axis: int) -> npt.NDArray[np.intp]:
    others = inplane_axes(axis)
    return np.asarray(np.count_nonzero(drawn, axis=others), dtype=np.intp)


def _cover(drawn: BoolArray, axes: tuple[int, ...], preferred: int) -> set[SliceIndex]:
    """Return the slices that explain the drawn voxels.

    Those of one of the axes (the one with fewest slices, in doubt the preferred one), unless
    slices of several planes explain the voxels with at most half as many.
    """
    if not drawn.any():
        return set()
    touched = {axis: _touched(drawn, axis) for axis in axes}
    one = min(axes, key=lambda axis: (len(touched[axis]), axis != preferred, axis))
    mixed = _greedy_cover(drawn, most=len(touched[one]) // 2)
    return mixed if mixed is not None else touched[one]


def _greedy_cover(drawn: BoolArray, most: int) -> set[SliceIndex] | None:
    """Cover the drawn voxels by slices, fullest first; None if more than `most` are needed."""
    fullest = max(int(_voxels_per_slice(drawn, axis).max()) for axis in range(3))
    if np.count_nonzero(drawn) > most * fullest:  # a whole organ: not worth listing its voxels
        return None
    voxels = np.argwhere(drawn)
    chosen: set[SliceIndex] = set()
    while len(voxels):
        counts = [np.bincount(voxels[:, axis]) for axis in range(3)]
        axis = max(range(3), key=lambda axis: int(counts[axis].max()))
        index = int(counts[axis].argmax())
        if len(voxels) > (most - len(chosen)) * int(counts[axis][index]):
            return None
        chosen.add((axis, index))
        voxels = voxels[voxels[:, axis] != index]
    return chosen


def _looked_at(labels: LabelArray, found: set[SliceIndex]) -> set[SliceIndex]:
    """Return further slices without a structure that somebody nevertheless looked at, in part.

    In a map that is 0 where nobody looked they hold 255; in a map that is 255 where nobody looked
    (as scribbles often are) they hold 0. They lie across the axis found in which they are fewest.
    """
    marks: BoolArray = labels == UNKNOWN
    unknown = np.count_nonzero(marks)
    if not unknown:
        return set()
    if 2 * unknown > labels.size:
        marks = labels == 0
    for axis, index in found:
        marks[on_slice(axis, index)] = False
    axes = sorted({axis for axis, _ in found})
    return min((_touched(marks, axis) for axis in axes), key=len)
