"""A simulated annotator: which slices of a fully labelled case a person would have drawn.

One binary task per structure: the annotator sees the structure's true mask and reveals slices of
it along one axis. Deterministic by seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.errors import InputError
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes


@dataclass(frozen=True)
class RevealedSlices:
    """What the annotator answered for one structure of one case.

    axis: array axis the slices lie across. drawn: indices of the slices outlined, ascending.
    empty: indices marked "not on this slice". extent: first and last index that hold the structure.
    occupied: how many slices hold it.
    """

    axis: int
    drawn: tuple[int, ...]
    empty: tuple[int, ...]
    extent: tuple[int, int]
    occupied: int

    @property
    def annotated(self) -> tuple[tuple[int, int], ...]:
        """(axis, index) of every annotated slice, drawn or empty, ascending."""
        return tuple((self.axis, index) for index in sorted((*self.drawn, *self.empty)))

    @property
    def scorable(self) -> bool:
        """False where more than half of the object's slices are annotated: little is left."""
        return 2 * len(self.drawn) <= self.occupied

    def sparse_labels(self, mask: BoolArray) -> npt.NDArray[np.uint8]:
        """Return the label map (1 the structure) that holds only the drawn slices of the mask."""
        labels = np.zeros(mask.shape, dtype=np.uint8)
        for index in self.drawn:
            place: list[Any] = [slice(None)] * 3
            place[self.axis] = index
            labels[tuple(place)] = mask[tuple(place)]
        return labels


def nothing(mask: BoolArray, axis: int) -> RevealedSlices:
    """Reveal no slice at all: what a scan is that only support scans say something of."""
    occupied = _occupied(mask, axis)
    return RevealedSlices(axis, (), (), (int(occupied[0]), int(occupied[-1])), len(occupied))


Annotator = Callable[[BoolArray, int, int, int], RevealedSlices]


def _occupied(mask: BoolArray, axis: int) -> npt.NDArray[np.intp]:
    others = inplane_axes(axis)
    return np.flatnonzero(mask.any(axis=others))


def strided(mask: BoolArray, axis: int, count: int, seed: int = 0) -> RevealedSlices:
    """Reveal the midpoints of `count` equal parts of the structure's extent (seed is not used).

    Where a midpoint slice does not hold the structure (it has a gap there), the person says so:
    the slice is annotated as empty.
    """
    occupied = _occupied(mask, axis)
    first, last = int(occupied[0]), int(occupied[-1])
    step = (last - first) / count
    wanted = {int(first + (part + 0.5) * step + 0.5) for part in range(count)}
    drawn = wanted & set(occupied.tolist())
    return RevealedSlices(
        axis, tuple(sorted(drawn)), tuple(sorted(wanted - drawn)), (first, last), len(occupied)
    )


def strided_ends(mask: BoolArray, axis: int, count: int, seed: int = 0) -> RevealedSlices:
    """As `strided`, and the empty slice just beyond either end is marked "not on this slice".

    That costs a person two clicks. An end at the border of the scan has no slice beyond it.
    """
    inner = strided(mask, axis, count, seed)
    first, last = inner.extent
    ends = tuple(index for index in (first - 1, last + 1) if 0 <= index < mask.shape[axis])
    return RevealedSlices(
        axis, inner.drawn, tuple(sorted((*inner.empty, *ends))), inner.extent, inner.occupied
    )


def random_slices(mask: BoolArray, axis: int, count: int, seed: int = 0) -> RevealedSlices:
    """Reveal `count` slices drawn at random, without replacement, from those with the structure."""
    occupied = _occupied(mask, axis)
    chosen = np.random.default_rng(seed).choice(
        occupied, size=min(count, len(occupied)), replace=False
    )
    return RevealedSlices(
        axis,
        tuple(sorted(int(index) for index in chosen)),
        (),
        (int(occupied[0]), int(occupied[-1])),
        len(occupied),
    )


ANNOTATORS: dict[str, Annotator] = {
    "strided": strided,
    "strided-ends": strided_ends,
    "random": random_slices,
}


def annotator(name: str) -> Annotator:
    """Return the annotator of that name; InputError lists the names that exist."""
    if name not in ANNOTATORS:
        raise InputError(f"There is no annotator {name!r}; choose one of {', '.join(ANNOTATORS)}.")
    return ANNOTATORS[name]
