"""Regions: boxes of voxels inside a volume, such as the surroundings of what was annotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.volumes.geometry import inplane_axes

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Region:
    """A box of voxels: start included, stop not, along each array axis."""

    start: Triple
    stop: Triple

    @property
    def shape(self) -> Triple:
        """Number of voxels along each axis."""
        i, j, k = (stop - start for start, stop in zip(self.start, self.stop, strict=True))
        return i, j, k

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The numpy index of the box: array[region.slices] is a view of it."""
        i, j, k = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return i, j, k

    @classmethod
    def slab(cls, axis: int, first: int, last: int, shape: Sequence[int]) -> Region:
        """Return the box of all voxels of a volume from one slice to another, both included."""
        start, stop = [0, 0, 0], list(shape)
        start[axis], stop[axis] = first, last + 1
        return cls((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def moved(self, by: Triple) -> Region:
        """Return the box, so many voxels further along each axis."""
        i, j, k = (a + step for a, step in zip(self.start, by, strict=True))
        a, b, c = (b + step for b, step in zip(self.stop, by, strict=True))
        return Region((i, j, k), (a, b, c))

    def reaching(self, axis: int, *places: int) -> Region:
        """Return the box, with some slices across an axis held as well."""
        start, stop = list(self.start), list(self.stop)
        start[axis] = min(start[axis], *places)
        stop[axis] = max(stop[axis], *(place + 1 for place in places))
        return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def grown(self, margins: Sequence[int], within: Triple) -> Region:
        """Return the box with a margin in voxels on both sides of each axis, cut to the volume."""
        start = [max(a - margin, 0) for a, margin in zip(self.start, margins, strict=True)]
        stop = [
            min(b + margin, size)
            for b, margin, size in zip(self.stop, margins, within, strict=True)
        ]
        return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def bounding_region(mask: npt.NDArray[np.bool_]) -> Region:
    """Return the smallest box around the True voxels of a (i, j, k) mask; there must be some."""
    bounds = []
    for axis in range(3):
        others = inplane_axes(axis)
        occupied = np.flatnonzero(mask.any(axis=others))
        bounds.append((int(occupied[0]), int(occupied[-1]) + 1))
    (a, b), (c, d), (e, f) = bounds
    return Region((a, c, e), (b, d, f))


def margins_in_voxels(margins: Sequence[float], spacing: Sequence[float]) -> tuple[int, ...]:
    """Return margins in mm, one per axis, as whole voxels, rounded up and at least one."""
    return tuple(
        max(1, int(np.ceil(margin / step))) for margin, step in zip(margins, spacing, strict=True)
    )
