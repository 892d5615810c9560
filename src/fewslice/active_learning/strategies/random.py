"""Baselines that any strategy has to beat: random, strided, and random that knows of foreground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fewslice.active_learning.base import Ranking
from fewslice.active_learning.candidates import Candidates
from fewslice.active_learning.ranking import open_rows, ranking


@dataclass(frozen=True)
class Random:
    """Every slice is as likely as any other."""

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Draw without replacement; scores are all 0."""
        rows = rng.permutation(open_rows(candidates, count))[:count]
        return ranking(rows, np.zeros(len(rows)), "Drawn at random.")


@dataclass(frozen=True)
class ForegroundRandom:
    """Random, but a share of the slices comes from those that seem to hold a structure.

    nnActive (Lüth et al. 2025, TMLR): each query is, with probability `share` (1/3 or 2/3, called
    33 % and 66 %), drawn around a random voxel of a random structure, otherwise anywhere. nnActive
    knows the structures from the reference labels; here a slice holds one if at least half of the
    samples say so (`Candidates.present`), and such slices are equally likely. To grant a baseline
    the truth in a simulation, put the truth into `present`.
    """

    share: float

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Draw without replacement; score 1 for a draw among foreground slices, else 0."""
        rows = rng.permutation(open_rows(candidates, count))
        held = [int(row) for row in rows if candidates.present[row] >= 0.5]
        every = [int(row) for row in rows]
        used: set[int] = set()
        score: list[float] = []
        chosen: list[int] = []
        for aimed in rng.random(min(count, len(rows))) < self.share:
            wanted = next((row for row in held if row not in used), None) if aimed else None
            row = next(row for row in every if row not in used) if wanted is None else wanted
            used.add(row)
            chosen.append(row)
            score.append(float(wanted is not None))
        reasons = [
            "Drawn at random among the slices that seem to hold a structure."
            if value
            else "Drawn at random among all slices."
            for value in score
        ]
        return ranking(chosen, score, reasons)
