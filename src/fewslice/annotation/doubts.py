"""Annotated slices whose zeros are in doubt: rims of a brush, slips, structures drawn elsewhere.

A zero on an annotated slice means background if somebody looked at the slice. Where a structure is
absent between slices that hold it, or has a few voxels there, nobody seems to have. Slices in a row
(a complete label map) are never in doubt, nor are named ones and those that hold 255.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fewslice.annotation.along import IN_A_ROW, Along, complete, runs
from fewslice.annotation.annotation import SliceIndex
from fewslice.annotation.slivers import FEW, STRIP, is_sliver
from fewslice.typing import BoolArray

Doubt = tuple[SliceIndex, int]
"""A slice, and the label that nobody seems to have looked for there."""

_LEAST = 2  # voxels that nobody draws a slice for
_SHARE = 0.04  # of the voxels that a slice nearby holds
_ASIDE = 3  # voxels from where a structure lies on the next slice, and it is not its tip
_MOST_RIMS = 3  # slices that a brush reaches above and below
_INSIDE = 0.95  # of a rim lies inside of what was drawn
_ALIKE = 0.75  # of the voxels of two rims lie in both
_EXACTLY = 0.97  # the same, where there is less to go by
_VALLEY = 0.8  # of what was drawn, at most, is left between two drawn slices
_OVERLAP = 0.1  # of the smaller of two outlines that one structure shares
_SAME_PLACE = 0.5  # the same, where it is not drawn between them


def find_rims(along: Along) -> BoolArray:
    """Return which slices hold what a sphere brush leaves above and below a drawn one.

    Each rim lies inside of what is drawn on the slice between, and is like the one on the other
    side of it; several drawn slices show one structure. A single one with slices around it may be
    a whole small body and is left alone.
    """
    usable = _may_be_brushed(along)
    rims = np.zeros(len(along.indices), dtype=bool)
    rims[usable] = _rims_among(along.kept(usable))
    return rims & ~along.settled


def _may_be_brushed(along: Along) -> BoolArray:
    """Return which slices to look for rims among: all but settled ones at the end of a row."""
    open_ones = set(along.indices[~along.settled].tolist())
    between = [{index - 1, index + 1} <= open_ones for index in along.indices.tolist()]
    alone = [not {index - 1, index + 1} & open_ones for index in along.indices.tolist()]
    usable: BoolArray = ~along.settled | np.array(between, dtype=bool) | np.array(alone, dtype=bool)
    return usable


def _rims_among(along: Along) -> BoolArray:
    rims = np.zeros(len(along.indices), dtype=bool)
    rows = list(runs(along.indices))
    middles = [_middles(along, run) for run in rows]
    if not along.settled.any() and not all(middles):
        return rims
    rows = [run for run, those in zip(rows, middles, strict=True) if those]
    drawn = [middle for those in middles for middle in those]
    brushed = [run for run in rows if run.stop - run.start > 1]
    if len(drawn) < 2 or not brushed:
        return rims
    alone = len(brushed) == 1 and len(drawn) == len(rows)
    if alone and not _is_brushed(along, drawn[rows.index(brushed[0])], brushed[0], exactly=True):
        return rims
    if not all(_overlap(along.mask(a), along.mask(b)) for a, b in pairwise(drawn)):
        return rims
    for run in brushed:
        rims[run] = True
    rims[drawn] = False
    return rims


def lone_rims(along: Along) -> slice | None:
    """Return the only run of slices if it may as well be one drawn slice with a brush's rims.

    Where rims on both sides are the same to the voxel. It may be a whole small body, too, so it is
    taken as drawn.
    """
    rows = list(runs(along.indices))
    if len(rows) != 1 or along.settled.any() or len(along.indices) > 2 * _MOST_RIMS + 1:
        return None
    middle = len(along.indices) // 2
    if len(along.indices) in (0, 1) or len(along.indices) % 2 == 0:
        return None
    return rows[0] if _is_brushed(along, middle, rows[0], exactly=True) else None


def _middles(along: Along, run: slice) -> list[int]:
    """Return the slices of a run that were drawn if the others are rims; none if they are not."""
    if run.stop - run.start == 1:
        return [run.start]
    if run.stop - run.start <= 2 * _MOST_RIMS + 1:
        middle = (run.start + run.stop) // 2
        if (run.stop - run.start) % 2 and _is_brushed(along, middle, run):
            return [middle]
    return _peaks(along, run)


def _peaks(along: Along, run: slice) -> list[int]:
    """Return the drawn slices of a run in which rims of several meet; none if they are no rims."""
    totals = along.areas.sum(axis=1)[run]
    high = np.flatnonzero((totals[1:-1] >= totals[:-2]) & (totals[1:-1] >= totals[2:])) + 1
    # A rim next to a drawn slice may be as large: the middle of such a plateau was drawn.
    inner = [int(high[each][(each.stop - each.start) // 2]) for each in runs(high)]
    if len(inner) < 2 or max(inner[0], len(totals) - 1 - inner[-1]) > _MOST_RIMS:
        return []
    for below, above in pairwise(inner):
        valley = int(totals[below : above + 1].min())
        ends = int(min(totals[below], totals[above]))
        if not 3 <= above - below <= 2 * _MOST_RIMS + 1 or valley > _VALLEY * ends:
            return []
    peaks = [run.start + at for at in inner]
    beside = [slice(peak - 1, peak + 2) for peak in peaks]
    alike = (_is_brushed(along, a, b, exactly=True) for a, b in zip(peaks, beside, strict=True))
    return peaks if all(alike) else []


def _is_brushed(along: Along, middle: int, run: slice, *, exactly: bool = False) -> bool:
    """Whether slices around one look like rims of what is drawn there, the same on both sides."""
    inner = along.mask(middle)
    if np.sqrt(inner.sum() / np.pi) < 1.5 * (middle - run.start):  # a ball, as likely as not
        return False
    for step in range(1, middle - run.start + 1):
        below, above = along.mask(middle - step), along.mask(middle + step)
        sizes = int(below.sum()), int(above.sum())
        both, either = int((below & above).sum()), int((below | above).sum())
        alike, nested = both / max(either, 1), both / max(min(sizes), 1)
        if alike < (_EXACTLY if exactly else _ALIKE) or nested < _INSIDE:
            return False
        if any((rim & inner).sum() < _INSIDE * rim.sum() for rim in (below, above)):
            return False
        if max(sizes) > np.count_nonzero(inner):
            return False
    return True


def _overlap(one: BoolArray, other: BoolArray) -> bool:
    least = min(np.count_nonzero(one), np.count_nonzero(other))
    return bool(np.count_nonzero(one & other) >= max(_OVERLAP * least, 1))


def find_slips(along: Along) -> BoolArray:
    """Return where a structure has so few voxels that nobody meant them, (slice, value).

    Between slices that hold much more of it, or beyond those and aside of where it lies.
    """
    slips: BoolArray = np.zeros(along.areas.shape, dtype=bool)
    much = along.areas > _SHARE * along.areas.max(axis=0, initial=0)
    if complete(along, much.any(axis=1)):
        return slips
    for number, column in np.argwhere((along.areas > 0) & ~along.settled[:, None]).tolist():
        areas = along.areas[:, column]
        if is_sliver(along, number, column):
            slips[number, column] = True
            continue
        others = much[:, column].copy()
        others[number] = False
        below, above = _around(others, number)
        if below is not None and above is not None:
            slips[number, column] = _few_between(along, number, column, (below, above))
            continue
        nearest = below if below is not None else above
        if nearest is not None and areas[number] <= min(FEW, _SHARE * areas[nearest]):
            slips[number, column] = _astray(along, number, nearest, along.values[column])
    # Who drew another structure there looked at the slice, unless each had its turn.
    return slips & (_only(slips, along.areas) | _not_looked_for(along, slips))


def _only(slips: BoolArray, areas: npt.NDArray[np.intp]) -> BoolArray:
    """Return which slices hold nothing but slips, (slice, 1)."""
    meant: BoolArray = (areas > 0) & ~slips
    return np.asarray(~meant.any(axis=1, keepdims=True))


def _around(chosen: BoolArray, number: int) -> tuple[int | None, int | None]:
    """Return the nearest of the chosen slices on either side of one; None where there is none."""
    below, above = np.flatnonzero(chosen[:number]), np.flatnonzero(chosen[number + 1 :])
    return (
        int(below[-1]) if len(below) else None,
        int(above[0]) + number + 1 if len(above) else None,
    )


def _few_between(along: Along, number: int, column: int, others: tuple[int, int]) -> bool:
    areas, value = along.areas[:, column], along.values[column]
    least = min(areas[other] for other in others)
    if areas[number] <= min(FEW, _SHARE * least):
        one, other = (along.mask(at, value) for at in others)
        # Of many small pieces, such as lesions, one more may well have a few voxels.
        return int(areas[number]) <= _LEAST or _overlap(one, other)
    if areas[number] > STRIP * least:
        return False
    # The end of a strip: a plane tilted by a degree or two, or a brush that went too deep.
    gaps = [abs(int(along.indices[other] - along.indices[number])) for other in others]
    if min(gaps) == 1 and max(gaps) > 2:
        return True
    one, other = (along.mask(at, value) for at in others)
    return _overlap(one, other) and all(_astray(along, number, at, value) for at in others)


def _astray(along: Along, number: int, nearest: int, value: int) -> bool:
    """Whether voxels lie apart from where the structure is on another slice, or are scattered."""
    from scipy.ndimage import binary_dilation, label

    mine, near = along.mask(number, value), along.mask(nearest, value)
    if not (binary_dilation(near, np.ones((3, 3)), iterations=_ASIDE) & mine).any():
        return True
    pieces = label(mine, np.ones((3, 3)))[1]
    return bool(pieces > 1 and pieces > mine.sum() / 3)


def find_absences(along: Along, slips: BoolArray) -> BoolArray:
    """Return where nobody seems to have looked for a structure that is not drawn, (slice, value).

    Between slices that hold it at one place, or where it never shares a slice with what is drawn
    there; then also beyond those, on slices that show the same structures.
    """
    absences: BoolArray = _not_looked_for(along, slips) & (along.areas == 0)
    return absences


def _not_looked_for(along: Along, slips: BoolArray) -> BoolArray:
    held: BoolArray = (along.areas > 0) & ~slips
    shown: BoolArray = np.any(held, axis=1)
    absent: BoolArray = np.zeros_like(held)
    in_a_row = along.run_lengths(shown) >= IN_A_ROW
    for column, value in enumerate(along.values):
        holds = held[:, column]
        if np.count_nonzero(holds) < 2:
            continue
        longest = along.run_lengths(holds).max()
        for number in np.flatnonzero(~holds & shown & ~along.settled).tolist():
            below, above = _around(holds, number)
            if below is None or above is None:
                continue
            if not held[holds][:, held[number]].any():  # each structure in a turn of its own
                absent[number, column] = longest == 1
            elif longest <= 2 and not in_a_row[number]:
                absent[number, column] = _left_out(along, number, value, (below, above))
        _beyond(absent, held, column, along.settled)
    return absent


def _left_out(along: Along, number: int, value: int, others: tuple[int, int]) -> bool:
    """Whether a structure lies at one place on two slices, and nothing is drawn there between."""
    one, other = (along.mask(at, value) for at in others)
    both = one & other
    least = min(np.count_nonzero(one), np.count_nonzero(other))
    free = np.count_nonzero(both & ~along.mask(number))
    return bool(np.count_nonzero(both) >= _SAME_PLACE * least and 2 * free > both.sum())


def _beyond(absent: BoolArray, held: BoolArray, column: int, settled: BoolArray) -> None:
    """Doubt a structure beyond its ends where slices show what those do between its ends.

    Only what never shares a slice with it, and was hence drawn in a turn of its own.
    """
    holds = held[:, column]
    for number in np.flatnonzero(absent[:, column]):
        shown = held[number]
        if held[holds][:, shown].any():
            continue
        same = (held == shown).all(axis=1)
        absent[same & ~holds & ~settled, column] = True
