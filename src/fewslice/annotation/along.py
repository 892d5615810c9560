"""The annotated slices across one axis, and what each holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import SliceIndex, drawn_voxels, on_slice
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN, LabelArray

IN_A_ROW = 3  # slices, and they are part of a complete label map


@dataclass(frozen=True, eq=False)
class Along:
    """The annotated slices across one axis.

    labels: (i, j, k). indices: of the slices, ascending. values: labels of structures. areas:
    voxels of each, (slice, value), without those that slices of other planes hold. settled: which
    slices are not in doubt whatever they hold.
    """

    labels: LabelArray
    axis: int
    indices: npt.NDArray[np.intp]
    values: tuple[int, ...]
    areas: npt.NDArray[np.intp]
    settled: BoolArray

    @classmethod
    def of(
        cls,
        labels: LabelArray,
        slices: tuple[SliceIndex, ...],
        axis: int,
        values: tuple[int, ...],
        named: Collection[SliceIndex],
    ) -> Along:
        """Count what is drawn on the slices across an axis."""
        indices = [index for other, index in slices if other == axis]
        crossing = [place for place in slices if place[0] != axis]
        areas = np.zeros((len(indices), len(values)), dtype=np.intp)
        settled = np.zeros(len(indices), dtype=bool)
        for number, index in enumerate(indices):
            one = labels[on_slice(axis, index)]
            settled[number] = (axis, index) in named or bool((one == UNKNOWN).any())
            if crossing:
                one = one.copy()
                for place in crossing:
                    one[_crossed(axis, place)] = 0
            counts = np.bincount(one.ravel(), minlength=max(values) + 1)
            areas[number] = counts[list(values)]
        return cls(labels, axis, np.array(indices, dtype=np.intp), values, areas, settled)

    def kept(self, chosen: BoolArray) -> Along:
        """Return some of the slices."""
        return replace(
            self,
            indices=self.indices[chosen],
            areas=self.areas[chosen],
            settled=self.settled[chosen],
        )

    def mask(self, number: int, value: int | None = None) -> BoolArray:
        """Return where a structure, or any, is drawn on a slice."""
        one = self.labels[on_slice(self.axis, int(self.indices[number]))]
        return drawn_voxels(one) if value is None else one == value

    def place(self, number: int) -> SliceIndex:
        """Return (array axis, index) of a slice."""
        return self.axis, int(self.indices[number])

    def run_lengths(self, chosen: BoolArray | None = None) -> npt.NDArray[np.intp]:
        """Return for each slice how many of those chosen lie in a row around it; 0 elsewhere."""
        chosen = np.ones(len(self.indices), dtype=bool) if chosen is None else chosen
        lengths = np.zeros(len(self.indices), dtype=np.intp)
        for run in runs(self.indices[chosen]):
            lengths[np.flatnonzero(chosen)[run]] = run.stop - run.start
        return lengths


def _crossed(axis: int, place: SliceIndex) -> tuple[slice | int, ...]:
    """Return the line of a slice across `axis` that a slice of another plane crosses."""
    line: list[slice | int] = [slice(None), slice(None)]
    line[inplane_axes(axis).index(place[0])] = place[1]
    return tuple(line)


def runs(indices: npt.NDArray[np.intp]) -> Iterator[slice]:
    """Yield the runs of neighbouring slices."""
    if len(indices):
        breaks = np.flatnonzero(np.diff(indices) != 1) + 1
        for start, stop in pairwise([0, *breaks.tolist(), len(indices)]):
            yield slice(start, stop)


def complete(along: Along, chosen: BoolArray) -> bool:
    """Whether these are slices in a row, as in a complete label map, for the most part."""
    lengths = along.run_lengths(chosen)[chosen]
    return bool(len(lengths) and 2 * np.count_nonzero(lengths >= IN_A_ROW) >= len(lengths))
