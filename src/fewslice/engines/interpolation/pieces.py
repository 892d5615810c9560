"""Which piece of a structure on one drawn slice goes on as which on the next.

Structures of several pieces (vertebrae, lesions, both kidneys) are interpolated piece by piece.
Pieces of two slices belong together where they overlap, or, where they do not, where they are each
other's nearest and overlap once their middles lie on each other: a piece that runs obliquely. One
that is left joins a larger piece next to it. What forks or joins is one group: all pieces that are
linked, on both slices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fewslice.typing import BoolArray, Float64Array
from fewslice.volumes.distance import distance_to

_MOST = 16  # pieces of a slice; what is smaller goes with the nearest of these
_JOINS = 0.5  # of the distance between slices that a branch may be away from what it joins
_SHARED = 0.1  # of the smaller one's area that two pieces have to share


@dataclass(frozen=True, eq=False)
class Pieces:
    """The pieces of a structure on one slice.

    index: of the slice. numbers: int32 (rows, columns), 1 to `count`, 0 outside. steps: mm between
    rows and between columns.
    """

    index: int
    numbers: npt.NDArray[np.int32]
    steps: tuple[float, float]

    @property
    def count(self) -> int:
        """How many pieces there are."""
        return len(self.areas)

    @cached_property
    def areas(self) -> Float64Array:
        """Area of each piece in mm², float64 (piece,)."""
        sizes = np.bincount(self.numbers.ravel())[1:]
        return np.asarray(sizes * self.steps[0] * self.steps[1], dtype=np.float64)

    @cached_property
    def centres(self) -> Float64Array:
        """Middle of each piece in mm, float64 (piece, 2)."""
        rows, columns = np.nonzero(self.numbers)
        number = self.numbers[rows, columns] - 1
        sums = [np.bincount(number, along, self.count) for along in (rows, columns)]
        middles = np.stack(sums, axis=1) / np.bincount(number)[:, None]
        return np.asarray(middles * self.steps, dtype=np.float64)

    def mask(self, chosen: npt.NDArray[np.intp]) -> BoolArray:
        """Return where the chosen pieces are, counted from 0: bool (rows, columns)."""
        wanted = np.zeros(self.count + 1, dtype=bool)
        wanted[chosen + 1] = True
        inside: BoolArray = wanted[self.numbers]
        return inside


@dataclass(frozen=True, eq=False)
class Group:
    """Pieces of two neighbouring drawn slices that belong together, counted from 0.

    below, above: int (piece,) of either slice; one of them is empty for a piece that ends.
    """

    below: npt.NDArray[np.intp]
    above: npt.NDArray[np.intp]

    @property
    def matched(self) -> bool:
        """Whether it is on both slices."""
        return bool(len(self.below) and len(self.above))


def find_pieces(inside: BoolArray, index: int, steps: tuple[float, float]) -> Pieces:
    """Return the pieces of an outline: pixels that touch, corners counted.

    inside: bool (rows, columns). index: of the slice. steps: mm between rows and columns.
    """
    from scipy import ndimage

    numbers, count = ndimage.label(inside, np.ones((3, 3), dtype=int))
    if count > _MOST:
        numbers = _with_the_nearest(numbers, count, steps)
    return Pieces(index, numbers.astype(np.int32), steps)


def _with_the_nearest(
    numbers: npt.NDArray[np.int32], count: int, steps: tuple[float, float]
) -> npt.NDArray[np.int32]:
    """Return numbers of the largest pieces; the others take that of the nearest of them."""
    from scipy import ndimage

    sizes = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
    largest = np.sort(np.argsort(-sizes, kind="stable")[:_MOST])
    renamed = np.zeros(count + 1, dtype=np.int32)
    renamed[largest + 1] = np.arange(1, _MOST + 1)
    kept = renamed[numbers]
    rows, columns = ndimage.distance_transform_edt(
        kept == 0, sampling=steps, return_distances=False, return_indices=True
    )
    return np.where(numbers > 0, kept[rows, columns], 0).astype(np.int32)


def match(below: Pieces, above: Pieces, gap: float) -> tuple[Group, ...]:
    """Return the groups of pieces of two slices, in the order of their first pieces.

    gap: mm between the slices. Pieces apart from each other are linked if their middles are no
    farther from each other than that.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    linked = _overlapping(below, above)
    linked |= _displaced(below, above, gap, linked)
    linked |= _joining(below, above, gap, linked) | _joining(above, below, gap, linked.T).T
    one, other = np.nonzero(linked)
    size = below.count + above.count
    graph = coo_array((np.ones(len(one)), (one, below.count + other)), shape=(size, size))
    count, group = connected_components(graph, directed=False)
    return tuple(
        Group(
            np.flatnonzero(group[: below.count] == number),
            np.flatnonzero(group[below.count :] == number),
        )
        for number in range(count)
    )


def _overlapping(below: Pieces, above: Pieces) -> BoolArray:
    """Return which pieces share enough of the smaller one's area: bool (below, above)."""
    pairs = below.numbers.astype(np.int64) * (above.count + 1) + above.numbers
    shared = np.bincount(pairs.ravel(), minlength=(below.count + 1) * (above.count + 1))
    shared = shared.reshape(below.count + 1, above.count + 1)[1:, 1:]
    pixel = below.steps[0] * below.steps[1]
    smaller = np.minimum(below.areas[:, None], above.areas[None, :])
    enough: BoolArray = shared * pixel > _SHARED * smaller
    return enough


def _displaced(below: Pieces, above: Pieces, gap: float, linked: BoolArray) -> BoolArray:
    """Return which pieces without a link are each other's nearest, within `gap` mm."""
    found = np.zeros_like(linked)
    if not linked.size:
        return found
    radii = [np.sqrt(pieces.areas / np.pi) for pieces in (below, above)]
    near = gap + radii[0][:, None] + radii[1][None]
    apart = np.linalg.norm(below.centres[:, None] - above.centres[None], axis=2)
    apart[linked.any(axis=1)] = np.inf
    apart[:, linked.any(axis=0)] = np.inf
    for one, other in enumerate(apart.argmin(axis=1)):
        distance = apart[one, other]
        found[one, other] = distance <= min(float(near[one, other]), apart[:, other].min())
    return found


def _joining(one: Pieces, other: Pieces, gap: float, linked: BoolArray) -> BoolArray:
    """Return which pieces of a slice without a link join a larger one of the other slice.

    bool (one, other): the nearest, at most `_JOINS` of the gap away from outline to outline. Of two
    branches of the same piece one may lie over it, and the other beside it.
    """
    found = np.zeros((one.count, other.count), dtype=bool)
    for number in np.flatnonzero(~linked.any(axis=1)):
        larger = np.flatnonzero(other.areas > one.areas[number])
        if not len(larger):
            continue
        away = distance_to(one.mask(np.array([number])), one.steps, 2 * gap)
        nearest = [float(away[other.numbers == 1 + at].min()) for at in larger]
        if min(nearest) <= _JOINS * gap:
            found[number, larger[int(np.argmin(nearest))]] = True
    return found
