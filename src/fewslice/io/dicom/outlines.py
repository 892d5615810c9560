"""From the pixels of a slice to outlines, and back.

Points are (column, row) in pixels; whole numbers are the centres of pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fewslice.typing import BoolArray, Float64Array, Int64Array

ON_OUTLINE = 0.01
"""So near, in pixels, the centre of a pixel counts as on an outline, and so as inside."""


def outlines_of(mask: BoolArray) -> list[Float64Array]:
    """Return the closed outlines (n, 2) of the pixels (row, column) that are set.

    They run half-way between pixels inside and outside (marching squares), so no centre of a pixel
    is nearer than a third of a pixel. A component has one outline: its holes are joined to it by
    cuts of no width ("keyholes"), as DICOM asks for closed planar contours. The last point is not
    the first one again.
    """
    from scipy.ndimage import label

    outlines = []
    components, count = label(mask)
    for number in range(1, count + 1):
        curves = _curves(components == number)
        outer = max(range(len(curves)), key=lambda at: _area(curves[at]))
        outlines.append(_keyholed(curves[outer], curves[:outer] + curves[outer + 1 :]))
    return outlines


def filled(outlines: Sequence[Float64Array], shape: tuple[int, int]) -> BoolArray:
    """Return the pixels (row, column) whose centre lies inside of outlines, or on one.

    Outlines within others are holes, and outlines within those islands (even-odd rule), so that
    both ways in which holes are written come out right.
    """
    turns = np.zeros((shape[0], shape[1] + 1), np.int64)
    on = np.zeros(shape, bool)
    for points in _without_copies(outlines):
        ends = np.roll(points, -1, axis=0)
        for start, end in zip(points, ends, strict=True):
            _count_crossings(turns, start, end)
            _mark_centres(on, start, end)
            _mark_centres(on.T, start[::-1], end[::-1])
    inside: BoolArray = (np.cumsum(turns[:, :-1], axis=1) % 2 == 1) | on
    return inside


def _count_crossings(turns: Int64Array, start: Float64Array, end: Float64Array) -> None:
    """Add 1 at the first pixel of each row that lies beyond an edge."""
    if start[1] == end[1]:
        return
    low, high = (start, end) if start[1] < end[1] else (end, start)
    # Half open, so that a corner on a row counts once.
    rows = np.arange(max(0, int(np.ceil(low[1]))), min(len(turns), int(np.ceil(high[1]))))
    crossing = low[0] + (rows - low[1]) / (high[1] - low[1]) * (high[0] - low[0])
    first = np.clip(np.ceil(crossing), 0, turns.shape[1] - 1).astype(np.int64)
    np.add.at(turns, (rows, first), 1)


def _mark_centres(on: BoolArray, start: Float64Array, end: Float64Array) -> None:
    """Mark the centres of pixels that an edge runs over, where it crosses their row."""
    low, high = (start, end) if start[1] <= end[1] else (end, start)
    length = high[1] - low[1]
    rows = np.arange(
        max(0, int(np.ceil(low[1] - ON_OUTLINE))),
        min(len(on), int(np.floor(high[1] + ON_OUTLINE)) + 1),
    )
    part = (rows - low[1]) / length if length > ON_OUTLINE else np.zeros(len(rows))
    columns = low[0] + np.clip(part, 0, 1) * (high[0] - low[0])
    nearest = np.rint(columns).astype(np.int64)
    hit = (np.abs(columns - nearest) <= ON_OUTLINE) & (nearest >= 0) & (nearest < on.shape[1])
    on[rows[hit], nearest[hit]] = True


def _without_copies(outlines: Sequence[Float64Array]) -> list[Float64Array]:
    """Leave out outlines that are given twice: two would cancel each other."""
    found: dict[bytes, Float64Array] = {}
    for points in outlines:
        found.setdefault(np.round(points, 3).tobytes(), points)
    return list(found.values())


def _curves(mask: BoolArray) -> list[Float64Array]:
    """Return the closed curves around pixels and around holes, as (column, row)."""
    from skimage.measure import find_contours

    rows, columns = np.nonzero(mask)
    top, left = int(rows.min()), int(columns.min())
    cut = np.pad(mask[top : rows.max() + 1, left : columns.max() + 1], 1)
    found = find_contours(cut.astype(np.float64), 0.5, fully_connected="low")
    return [curve[:-1, ::-1] + (left - 1, top - 1) for curve in found]


def _area(points: Float64Array) -> float:
    x, y = points.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _keyholed(outer: Float64Array, holes: list[Float64Array]) -> Float64Array:
    """Join holes to an outline, the nearest first, there and back along the same cut."""
    from scipy.spatial import cKDTree

    rest = list(holes)
    while rest:
        tree = cKDTree(outer)
        nearest = [tree.query(hole) for hole in rest]
        which = min(range(len(rest)), key=lambda at: nearest[at][0].min())
        away, to = nearest[which]
        start = int(away.argmin())
        cut = int(to[start])
        hole = np.roll(rest.pop(which), -start, axis=0)
        ring = np.vstack([hole, hole[:1]])
        outer = np.vstack([outer[: cut + 1], ring, outer[cut:]])
    return outer
