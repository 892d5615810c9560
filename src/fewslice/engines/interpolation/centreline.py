"""Where the middle of a structure's outline goes from slice to slice.

Structures that run obliquely (a cord, a vessel, an oesophagus) lie elsewhere on the next drawn
slice, and mixing outlines that hardly overlap gives next to nothing between them. So outlines move
with their middle on the way: shape-based interpolation with aligned centres (Herman, Zheng and
Bucholtz, IEEE Computer Graphics and Applications 1992). They stay where they are if moving does not
make them overlap better, as where a structure forks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fewslice.typing import Float64Array

_GOES_ON = 0.5
"""Beyond the last slice the middle moves on at half the pace of the last gap."""

HARDLY = 0.05  # voxels by which an outline need not be moved


@dataclass(frozen=True, eq=False)
class Outline:
    """A structure on one slice of a plane.

    index: of the slice. inside: bool (rows, columns). whole: whether every pixel was looked at;
    the middle of a scribble says nothing of the structure's.
    """

    index: int
    inside: npt.NDArray[np.bool_]
    whole: bool


@dataclass(frozen=True, eq=False)
class CentrePath:
    """The middle of one structure on its drawn slices of one plane, and which gaps it crosses.

    indices: int64 (slice,), ascending. centres: float64 (slice, 2), mm along rows and columns.
    follows: bool (slice - 1,), whether the outline moves with its middle between two of them.
    """

    indices: npt.NDArray[np.int64]
    centres: Float64Array
    follows: npt.NDArray[np.bool_]

    def moved(self, drawn: int, at: float) -> Float64Array:
        """Return by how many mm, (2,), the outline of a drawn slice has moved at a position.

        drawn: the drawn slice next to that position, on either side. Zero across gaps over which
        it does not follow, and where nothing is known.
        """
        if not self.follows.any():
            return np.zeros(2)
        first, last = self.indices[0], self.indices[-1]
        here = int(np.searchsorted(self.indices, drawn))
        if at < first or at > last:
            return self._beyond(at)
        gap = here if at > drawn else here - 1
        if at == drawn or not self.follows[gap]:
            return np.zeros(2)
        return np.asarray(self._curve(at) - self.centres[here], dtype=np.float64)

    def _beyond(self, at: float) -> Float64Array:
        end, before = (0, 1) if at < self.indices[0] else (-1, -2)
        if not self.follows[end]:
            return np.zeros(2)
        gap = float(self.indices[end] - self.indices[before])
        way = self.centres[end] - self.centres[before]
        part = (at - float(self.indices[end])) / gap
        return np.asarray(_GOES_ON * part * way, dtype=np.float64)

    @cached_property
    def _curve(self) -> Callable[[float], Float64Array]:
        """A curve through the middles that does not swing out between them."""
        from scipy.interpolate import PchipInterpolator

        curve: Callable[[float], Float64Array] = PchipInterpolator(self.indices, self.centres)
        return curve


def centre_path(outlines: Sequence[Outline], steps: tuple[float, float]) -> CentrePath:
    """Return the path of a structure over the slices of one plane that hold it.

    outlines: any order. steps: mm between rows and between columns.
    """
    ordered = sorted(outlines, key=lambda outline: outline.index)
    pixels = [np.argwhere(outline.inside).mean(axis=0) for outline in ordered]
    follows = [
        one.whole and other.whole and _better_moved(one.inside, other.inside, there - here)
        for (one, here), (other, there) in pairwise(zip(ordered, pixels, strict=True))
    ]
    return CentrePath(
        np.array([outline.index for outline in ordered], dtype=np.int64),
        np.array(pixels, dtype=np.float64).reshape(-1, 2) * steps,
        np.array(follows, dtype=bool),
    )


def _better_moved(
    one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_], by: Float64Array
) -> bool:
    """Whether an outline overlaps another better once it is moved by so many pixels."""
    from scipy import ndimage

    laid = ndimage.shift(one.astype(np.float32), by, order=1) > 0.5
    return bool(overlap(laid, other) > overlap(one, other))


def shifted(
    still: npt.NDArray[np.float32], by: npt.NDArray[np.floating], hardly: float
) -> npt.NDArray[np.float32]:
    """Return (rows, columns) float32 shifted by so many of each; what comes in is as the border.

    hardly: shifts smaller than this are left out.
    """
    from scipy import ndimage

    if np.abs(by).max() < hardly:
        return still
    return np.asarray(ndimage.shift(still, by, order=1, mode="nearest"), dtype=np.float32)


def overlap(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    """Return the Dice of two outlines, bool (rows, columns); 0 if both are empty."""
    shared, total = float((one & other).sum()), float(one.sum() + other.sum())
    return 2 * shared / max(total, 1.0)
