"""Strided slices: evenly spaced over where the structures are, which is hard to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fewslice.active_learning.base import Ranking
from fewslice.active_learning.candidates import Candidates
from fewslice.active_learning.ranking import best, open_rows, ranking
from fewslice.typing import BoolArray, Float64Array, Int64Array

Choice = tuple[int, float]
"""A row and its distance (mm) to the nearest slice annotated or chosen before it."""


@dataclass(frozen=True)
class Strided:
    """Evenly spaced slices of each scan; scans take turns.

    The extent of a scan is from the first to the last slice that seems to hold a structure (half
    of the samples say so; the whole scan if none does). Where nothing of a scan is annotated, n
    slices are the midpoints of n equal parts of its extent. Otherwise the next slice is the one
    that makes the sum over the extent of distances (mm) to the nearest annotated slice least; of
    several as good, the one farthest from any.
    Slices beyond the extent follow when those within are used up. The scan with the fewest slices
    annotated and chosen comes next. If a scan offers several planes, the one with most annotated
    slices is used, then the one with most slices; the others when it is used up.
    """

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Rank scan by scan in turns; the score is the mm to the nearest slice so far."""
        rows = open_rows(candidates, count)
        scans, offered = np.unique(candidates.place[rows, 0], return_counts=True)
        started = np.array(
            [
                np.count_nonzero(candidates.annotated & (candidates.place[:, 0] == scan))
                for scan in scans
            ],
            dtype=np.int64,
        )
        turns = _turns(started, offered, min(count, len(rows)), rng)
        choices = {
            number: iter(_of_scan(candidates, int(scans[number]), turns.count(number), rng))
            for number in set(turns)
        }
        chosen = [next(choices[number]) for number in turns]
        picked = [row for row, _ in chosen]
        reasons = [_reason(candidates, row, picked[:at]) for at, row in enumerate(picked)]
        return ranking(picked, [value for _, value in chosen], reasons)


def _reason(candidates: Candidates, row: int, before: list[int]) -> str:
    """Say how far the nearest slice is, in slices: a scan may come without mm.

    before: rows chosen before this one, which will be annotated by then.
    """
    known = np.append(np.flatnonzero(candidates.annotated), before).astype(np.int64)
    scan, axis, index = candidates.place[row]
    alike = (candidates.place[known, :2] == (scan, axis)).all(axis=1)
    if not alike.any():
        return "Evenly spaced."
    away = int(np.abs(candidates.place[known[alike], 2] - index).min())
    slices = "1 slice" if away == 1 else f"{away} slices"
    return f"Evenly spaced: {slices} from the nearest annotated one."


def _turns(
    started: Int64Array, offered: Int64Array, count: int, rng: np.random.Generator
) -> list[int]:
    """Return which scan is next, `count` times: always one with fewest slices so far."""
    so_far, left = started.astype(np.float64), offered.copy()
    turns: list[int] = []
    for _ in range(count):
        number = best(np.where(left > 0, -so_far, -np.inf), rng)
        so_far[number] += 1
        left[number] -= 1
        turns.append(number)
    return turns


def _of_scan(
    candidates: Candidates, scan: int, count: int, rng: np.random.Generator
) -> list[Choice]:
    axes = [int(axis) for axis in np.unique(candidates.place[candidates.place[:, 0] == scan, 1])]
    stacks = [
        np.flatnonzero((candidates.place[:, 0] == scan) & (candidates.place[:, 1] == axis))
        for axis in axes
    ]
    stacks.sort(key=lambda rows: (-int(candidates.annotated[rows].sum()), -len(rows)))
    chosen: list[Choice] = []
    for rows in stacks:
        chosen += _of_stack(candidates.take(rows), rows, count - len(chosen), rng)
    return chosen


def _of_stack(
    stack: Candidates, rows: Int64Array, count: int, rng: np.random.Generator
) -> list[Choice]:
    within = _extent(stack)
    known = [float(value) for value in stack.position[stack.annotated]]
    free = ~stack.annotated
    if known:
        first: list[int] = []
    else:
        first = _midpoints(stack.position, within & free, count, rng)
    chosen: list[Choice] = []
    while free.any() and len(chosen) < count:
        if first:
            place = first.pop(0)
        else:
            # Beyond the extent only when nothing is left within.
            wanted = free & within if (free & within).any() else free
            place = _nearest_to_all(stack.position, wanted, within, known, rng)
        distance = _distance(stack.position, known)[place]
        chosen.append((int(rows[place]), float(distance)))
        known.append(float(stack.position[place]))
        free[place] = False
    return chosen


def _extent(stack: Candidates) -> BoolArray:
    held = stack.present >= 0.5
    if not held.any():
        return np.ones(len(stack), dtype=bool)
    first, last = stack.position[held].min(), stack.position[held].max()
    result: BoolArray = (stack.position >= first) & (stack.position <= last)
    return result


def _midpoints(
    position: Float64Array, wanted: BoolArray, count: int, rng: np.random.Generator
) -> list[int]:
    """Return the slices nearest to the midpoints of `count` equal parts, the middle ones first."""
    if count < 1 or not wanted.any():
        return []
    places = np.flatnonzero(wanted)
    first, last = position[places].min(), position[places].max()
    targets = first + (np.arange(count) + 0.5) * (last - first) / count
    nearest = {int(places[best(-np.abs(position[places] - target), rng)]) for target in targets}
    middle = (first + last) / 2
    return sorted(nearest, key=lambda place: (abs(float(position[place] - middle)), place))


def _nearest_to_all(
    position: Float64Array,
    wanted: BoolArray,
    within: BoolArray,
    known: list[float],
    rng: np.random.Generator,
) -> int:
    """Return the wanted slice that brings those of the extent nearest to a known one.

    Of several as good, and beyond the extent, it is the one farthest from the known ones.
    """
    places = np.flatnonzero(wanted)
    if (wanted & within).any():
        now = _distance(position[within], known)
        away = np.abs(position[within] - position[places][:, None])
        total = np.minimum(now, away).sum(axis=1)
        places = places[total <= total.min() * (1 + 1e-9)]
    return int(places[best(_distance(position, known)[places], rng)])


def _distance(position: Float64Array, known: list[float]) -> Float64Array:
    """Return the mm to the nearest known slice; to the farthest slice if none is known."""
    if not known:
        result: Float64Array = np.maximum(position - position.min(), position.max() - position)
        return result
    nearest: Float64Array = np.abs(position[:, None] - np.array(known)).min(axis=1)
    return nearest
