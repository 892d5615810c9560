"""What a person drew so far, slice by slice: a value that changes by being replaced.

Slices are kept one by one, in the order in which they were drawn, so that a step back costs
nothing and erasing a slice of one plane leaves those of another as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import SliceIndex, drawn_voxels, on_slice, whole_place
from fewslice.errors import InputError
from fewslice.volumes.image import UNKNOWN, LabelArray, as_label_array
from fewslice.volumes.memory_order import zeros_by_slice


@dataclass(frozen=True, eq=False)
class DrawnSlice:
    """One slice as a person drew it.

    labels: (rows, columns), unsigned; 255 not looked at. sure: whether every 0 on it was looked at;
    of slices read from a label map that may be in doubt (see `fewslice.annotation.finding`).
    """

    place: SliceIndex
    labels: LabelArray
    sure: bool = True


@dataclass(frozen=True, eq=False)
class Drawing:
    """The slices a person spoke of. Where two planes cross, the later slice counts.

    shape: of the scan. slices: in the order in which they were drawn. present: slices said to hold
    the structure, without being drawn.
    """

    shape: tuple[int, int, int]
    slices: tuple[DrawnSlice, ...] = ()
    present: frozenset[SliceIndex] = field(default_factory=frozenset)

    @property
    def places(self) -> tuple[SliceIndex, ...]:
        """(array axis, index) of every drawn slice, ascending."""
        return tuple(sorted(each.place for each in self.slices))

    @property
    def sure_places(self) -> tuple[SliceIndex, ...]:
        """(array axis, index) of the slices on which every 0 was looked at, ascending."""
        return tuple(sorted(each.place for each in self.slices if each.sure))

    def drawn(self, place: SliceIndex, labels: npt.ArrayLike, *, sure: bool = True) -> Drawing:
        """Return the drawing with one more slice, or another state of one.

        labels: (rows, columns), the other two array axes in their order; 0 background, 255 not
        looked at. Raises InputError if they are no labels or do not fit the slice.
        """
        place = self.checked(place)
        array = as_label_array(labels, "the slice that was drawn").copy()
        expected = tuple(length for axis, length in enumerate(self.shape) if axis != place[0])
        if array.shape != expected:
            raise InputError(
                f"The slice that was drawn has shape {array.shape}; expected {expected}, as "
                f"slices across array axis {place[0]} have."
            )
        array.setflags(write=False)
        kept = self.erased(place)
        return replace(kept, slices=(*kept.slices, DrawnSlice(place, array, sure)))

    def absent(self, place: SliceIndex) -> Drawing:
        """Return the drawing with a slice that holds no structure."""
        axis, _ = self.checked(place)
        sides = [length for other, length in enumerate(self.shape) if other != axis]
        return self.drawn(place, np.zeros(sides, dtype=np.uint8))

    def said_present(self, place: SliceIndex) -> Drawing:
        """Return the drawing with a slice said to hold the structure, which is not drawn.

        A slice on which a structure is drawn stays drawn.
        """
        place = self.checked(place)
        if any(each.place == place and drawn_voxels(each.labels).any() for each in self.slices):
            return self
        kept = self.erased(place)
        return replace(kept, present=kept.present | {place})

    def erased(self, place: SliceIndex) -> Drawing:
        """Return the drawing as if nobody had spoken of a slice; crossing slices stay."""
        place = self.checked(place)
        slices = tuple(each for each in self.slices if each.place != place)
        return replace(self, slices=slices, present=self.present - {place})

    def labels(self) -> LabelArray:
        """Return all slices in one label map (i, j, k), 0 where nothing was drawn."""
        widest = max((each.labels.dtype for each in self.slices), default=np.dtype(np.uint8))
        # Where most slices lie in one piece in memory, the others are never touched.
        axes = [axis for axis, _ in self.places]
        labels = zeros_by_slice(self.shape, widest, max((0, 1, 2), key=axes.count))
        for each in self.slices:
            labels[on_slice(*each.place)][each.labels == UNKNOWN] = UNKNOWN
        for each in self.slices:
            target = labels[on_slice(*each.place)]
            np.copyto(target, each.labels, where=each.labels != UNKNOWN)
        return labels

    def checked(self, place: SliceIndex) -> SliceIndex:
        """Return (array axis, index) with an index from 0; a negative one counts from the end.

        Raises InputError if there is no such slice.
        """
        axis, index = whole_place(place)
        length = self.shape[axis] if axis in (0, 1, 2) else 0
        if not -length <= index < length:
            raise InputError(
                f"There is no slice {index} across array axis {axis} in a scan of {self.shape} "
                "voxels; count from 0."
            )
        return axis, index % length
