"""What a person annotated in a label map: which slices, across which axes, and which voxels.

A slice counts as annotated if it holds a structure's label, or if it is named. Inside an annotated
slice 0 means "background" and 255 "not looked at"; outside of annotated slices a label map says
nothing at all. Where other scans say what the structures are, a scan may have no annotated slice.

Not every zero was looked at: `fewslice.annotation.finding` decides which ones count as known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import index as as_index
from typing import Any

import numpy as np

from fewslice.annotation.oblique import ObliquePlane
from fewslice.errors import InputError, Remark
from fewslice.typing import BoolArray
from fewslice.volumes.image import UNKNOWN, LabelArray, structure_values
from fewslice.volumes.memory_order import by_memory, zeros_laid_like
from fewslice.volumes.orientation import Turn
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
    as_drawn: the labels as the person drew them, where `labels` leaves out what was not looked at;
    None where both are the same. doubts: (slice, label) where nobody seems to have looked for that
    structure, ascending; 255 stands there where it may lie. planes: oblique ones that were drawn
    in; `slices` are then all that they cross, and `labels` is 255 aside of them. remarks: how the
    labels were understood, where that is not plain.
    """

    labels: LabelArray
    slices: tuple[SliceIndex, ...]
    main_axis: int | None = None
    extra_values: tuple[int, ...] = ()
    as_drawn: LabelArray | None = None
    doubts: tuple[tuple[SliceIndex, int], ...] = ()
    planes: tuple[ObliquePlane, ...] = ()
    remarks: tuple[Remark, ...] = ()

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

    @cached_property
    def whole_slices(self) -> tuple[SliceIndex, ...]:
        """The annotated slices, ascending, without those that oblique planes merely cross."""
        if not self.planes:
            return self.slices
        return tuple(
            place for place in self.slices if (self.labels[on_slice(*place)] != UNKNOWN).all()
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

    def put_drawing(self, labels: LabelArray) -> None:
        """Write what the person said into labels (i, j, k): known voxels, and all that is drawn."""
        for place in self.slices:
            said = self.labels[on_slice(*place)]
            np.copyto(labels[on_slice(*place)], said, where=said != UNKNOWN)
        if self.as_drawn is not None:
            np.copyto(labels, self.as_drawn, where=drawn_voxels(self.as_drawn))

    def parts(self) -> tuple[Annotation, ...]:
        """Return what is known of the structures, those in doubt on the same slices together.

        Each part has the slices on which its structures are not in doubt, and no other structures.
        """
        if not self.doubts:
            return (self,)
        places_of = {
            value: frozenset(place for place, other in self.doubts if other == value)
            for value in self.drawn_values
        }
        return tuple(
            self._part([value for value, those in places_of.items() if those == places], places)
            for places in dict.fromkeys(places_of.values())
        )

    def _part(self, values: Sequence[int], doubtful: frozenset[SliceIndex]) -> Annotation:
        drawn = self.labels if self.as_drawn is None else self.as_drawn
        kept = tuple(place for place in self.slices if place not in doubtful)
        labels = np.zeros_like(drawn)
        for place in kept:
            one = drawn[on_slice(*place)]
            own = np.isin(one, [*values, UNKNOWN])
            labels[on_slice(*place)] = np.where(own, one, 0)
        return Annotation(labels, kept)

    def without(self, left_out: SliceIndex) -> Annotation:
        """Return the annotation as if one slice had never been looked at.

        Voxels that another annotated slice (of another plane) holds as well stay known. Without
        the last slice the main axis stays, and `values` is what `extra_values` says.
        """
        return self._without((left_out,))

    def only(self, axis: int) -> Annotation:
        """Return the annotation as if only the slices across one axis had been looked at.

        Voxels of them that other slices hold as well stay known.
        """
        return self._without(tuple(place for place in self.slices if place[0] != axis))

    def _without(self, left_out: tuple[SliceIndex, ...]) -> Annotation:
        kept = tuple(item for item in self.slices if item not in left_out)
        labels = self.labels.copy()
        forgotten = np.zeros(labels.shape, dtype=bool)
        for place in left_out:
            forgotten[on_slice(*place)] = True
        for place in kept:
            forgotten[on_slice(*place)] = False
        labels[forgotten] = 0
        main = self.main_axis if kept else self.axis
        doubts = tuple(doubt for doubt in self.doubts if doubt[0] not in left_out)
        return replace(self, labels=labels, slices=kept, main_axis=main, doubts=doubts)

    def seen_along(self, axis: int) -> Annotation:
        """Return the same with another main axis; across it there must be annotated slices."""
        return replace(self, main_axis=axis)

    def cropped(self, region: Region) -> Annotation:
        """Return what was annotated in a region, whose first voxel becomes (0, 0, 0)."""

        def inside(place: SliceIndex) -> bool:
            return region.start[place[0]] <= place[1] < region.stop[place[0]]

        def there(place: SliceIndex) -> SliceIndex:
            return place[0], place[1] - region.start[place[0]]

        return replace(
            self,
            labels=self.labels[region.slices],
            slices=tuple(there(place) for place in self.slices if inside(place)),
            as_drawn=None if self.as_drawn is None else self.as_drawn[region.slices],
            doubts=tuple((there(place), value) for place, value in self.doubts if inside(place)),
            planes=tuple(plane.moved(region.start) for plane in self.planes),
        )

    def turned(self, turn: Turn) -> Annotation:
        """Return what was annotated on a scan once that is turned."""
        i, j, k = self.labels.shape

        def there(place: SliceIndex) -> SliceIndex:
            return turn.slice_index(*place, (i, j, k))

        return replace(
            self,
            labels=turn.array(self.labels),
            slices=tuple(sorted(map(there, self.slices))),
            main_axis=None if self.main_axis is None else turn.axes.index(self.main_axis),
            as_drawn=None if self.as_drawn is None else turn.array(self.as_drawn),
            doubts=tuple(sorted((there(place), value) for place, value in self.doubts)),
            planes=tuple(plane.turned(turn, (i, j, k)) for plane in self.planes),
        )

    def with_values(self, extra: Sequence[int]) -> Annotation:
        """Return the annotation with these labels, and no others, to answer for beside those drawn.

        The array of labels becomes uint16 if one of them does not fit otherwise.
        """
        labels = _holding(self.labels, extra)
        drawn = None if self.as_drawn is None else _holding(self.as_drawn, extra)
        return replace(self, labels=labels, as_drawn=drawn, extra_values=tuple(sorted(set(extra))))


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
    if labels.ndim < 3:
        return np.asarray((labels != 0) & (labels != UNKNOWN), dtype=bool)
    # Most slices of a large scan hold nothing: they are only read.
    drawn: BoolArray = zeros_laid_like(labels, bool)
    for into, part in zip(by_memory(drawn), by_memory(labels), strict=True):
        if part.any():
            into[...] = drawn_voxels(part)
    return drawn


def holds_structure(labels: LabelArray) -> bool:
    """Return whether a structure is drawn anywhere in a label map (i, j, k)."""
    return any(part.any() and drawn_voxels(part).any() for part in by_memory(labels))


def whole_place(place: Any) -> SliceIndex:
    """Return (array axis, index) as Python's integers, whether or not there is such a slice.

    Raises InputError unless these are two whole numbers: what is rounded would be another slice.
    """
    try:
        axis, index = place
        return as_index(axis), as_index(index)
    except (TypeError, ValueError):
        raise InputError(
            f"{place!r} is no slice; expected two whole numbers, the array axis and the index "
            "counted from 0, such as (2, 40)."
        ) from None


def whole_places(places: Any) -> tuple[SliceIndex, ...]:
    """Return slices as `whole_place` does each, of any sequence or array; None are none."""
    if places is None:
        return ()
    return tuple(map(whole_place, places if isinstance(places, Iterable) else (places,)))


def on_slice(axis: int, index: int) -> tuple[Any, ...]:
    """Return the numpy index of one slice: array[on_slice(axis, index)] is 2-D."""
    place: list[Any] = [slice(None)] * 3
    place[axis] = index
    return tuple(place)
