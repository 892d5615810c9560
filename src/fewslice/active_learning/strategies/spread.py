"""Another strategy, held to few slices of many scans and away from what is annotated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fewslice.active_learning.base import Ranking, Strategy
from fewslice.active_learning.candidates import Candidates
from fewslice.active_learning.ranking import open_rows, ranking
from fewslice.typing import BoolArray, Float64Array


@dataclass(frozen=True)
class Spread:
    """Few slices of many scans: the scan with fewest slices first, then what `inner` likes best.

    Zhang, Kramer and Mazurowski 2025 (MIDL, arXiv:2412.08081): of equally many slices, fewer of
    more volumes train better models. With k_s slices of scan s annotated or chosen so far, the next
    one is the first of `inner`'s ranking of the open slices

        of scans with k_s = min over all scans that have open slices,
        at least gap · L_s / (2 (k_s + 1)) mm from those k_s across the same axis,

    where L_s is the extent in mm, from the first to the last slice of the scan that seems to hold a
    structure (half of the samples say so; all of it if none does). With a gap of 1 this is nearly
    as even as can be; but organs bunch in a part of a scan, so the default only keeps neighbours
    apart. If none of these scans has such a slice, the distance does not count.

    Of the slices of a single scan it is `inner`, kept away from what is annotated; of whole scans
    (`rank_scans`) it is `inner` alone. `inner` is asked for one slice at a time and sees nothing of
    what is annotated, so it should be no strategy that goes by that (`core-set`, `strided`) or
    makes batches (`batch-bald`).
    """

    inner: Strategy
    gap: float = 0.25

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Rank in turns of scans; the score is that of `inner`."""
        rows = open_rows(candidates, count)
        scans, number = np.unique(candidates.place[:, 0], return_inverse=True)
        taken = np.bincount(number[candidates.annotated], minlength=len(scans))
        room = _Room(candidates)
        seen = replace(candidates, points=candidates.points[..., :0])  # of no use for one slice
        free = ~candidates.annotated
        chosen: list[int] = []
        score: list[float] = []
        reason: list[str] = []
        while len(chosen) < min(count, len(rows)):
            least = taken[number[free]].min()
            turn = np.flatnonzero(free & (taken[number] == least))
            far = room.mm[turn] >= self.gap * room.extent[turn] / (2 * (least + 1))
            some = turn[far] if far.any() else turn
            first = self.inner.rank(seen.take(some), 1, rng)
            row = int(some[first.chosen[0]])
            chosen.append(row)
            score.append(float(first.score[0]))
            reason.append(first.reason[0])
            free[row] = False
            taken[number[row]] += 1
            room.take(row)
        return ranking(chosen, score, reason)


class _Room:
    """How far every slice is from those annotated and chosen, within its scan and plane.

    mm: float64 (rows,), to the nearest; infinite where there is none. extent: float64 (rows,), mm
    from the first to the last slice of the same stack that seems to hold a structure.
    """

    def __init__(self, candidates: Candidates) -> None:
        self.position = candidates.position
        stacks, self.stack = np.unique(candidates.place[:, :2], axis=0, return_inverse=True)
        self.mm: Float64Array = np.full(len(candidates), np.inf)
        self.extent: Float64Array = np.zeros(len(candidates))
        for number in range(len(stacks)):
            mine = self.stack == number
            self.extent[mine] = _extent(self.position[mine], candidates.present[mine] >= 0.5)
        for row in np.flatnonzero(candidates.annotated):
            self.take(int(row))

    def take(self, row: int) -> None:
        """Note that a row is annotated or chosen."""
        mine = self.stack == self.stack[row]
        away = np.abs(self.position[mine] - self.position[row])
        self.mm[mine] = np.minimum(self.mm[mine], away)


def _extent(position: Float64Array, held: BoolArray) -> float:
    within = position[held] if held.any() else position
    return float(np.ptp(within)) if len(within) else 0.0
