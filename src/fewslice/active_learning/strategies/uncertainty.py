"""Strategies that go by how unsure slices are, one by one or with noise against repetition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.base import Ranking
from fewslice.active_learning.candidates import Candidates
from fewslice.active_learning.ranking import best_first, open_rows, ranking
from fewslice.errors import Remark
from fewslice.typing import Float64Array, Int64Array

Score = Literal["entropy", "margin", "variance", "mutual_information"]
"""A score of `Candidates`, summed over the slice's voxels."""

_WORDS: dict[Score, str] = {
    "entropy": "The prediction is unsure here: {:.3g} nats of entropy",
    "margin": "The two likeliest answers are close here: {:.3g} voxels' worth of doubt",
    "variance": "The samples vary here: a variance of {:.3g} voxels",
    "mutual_information": "The samples disagree here: {:.3g} nats of mutual information",
}

# The logarithm of 0 is replaced by that of this, so that slices without a score come last.
_TINY = 1e-30


@dataclass(frozen=True)
class MostUncertain:
    """The slices with the greatest score: Σ over voxels, so large structures count for more.

    Scores and their sources are in `scores.py`. The simplest and the most redundant: neighbouring
    slices are alike and come together.
    """

    score: Score

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Rank by the score."""
        rows = open_rows(candidates, count)
        values = getattr(candidates, self.score)[rows]
        order = best_first(values, count, rng)
        return ranking(rows[order], values[order], _reasons(self.score, values[order]))


@dataclass(frozen=True)
class PowerNoised:
    """Scores with noise: slice x is drawn with probability proportional to score(x)^power.

    Stochastic batch acquisition (Kirsch et al. 2023, TMLR, arXiv:2106.12059): the greatest of
    log score(x) + ε, ε ~ Gumbel(0, 1 / power), without replacement. PowerBALD is this with mutual
    information; power 1 is the paper's and nnActive's choice, a greater one is nearer to no noise.
    """

    score: Score
    power: float = 1.0

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Rank by the noisy logarithm of the score."""
        rows = open_rows(candidates, count)
        plain = getattr(candidates, self.score)[rows]
        noisy = noised(plain, self.power, rng)
        order = best_first(noisy, count, rng)
        return ranking(rows[order], noisy[order], _reasons(self.score, plain[order]))


@dataclass(frozen=True)
class ClassStratified:
    """ClaSP PE: predictive entropy with noise, a share of the slices chosen class by class.

    Class-stratified (scheduled) power predictive entropy (Lüth et al. 2026, TMLR,
    arXiv:2601.13677). For class c the score is Σ over voxels of p̄_c · H[p̄]
    (`Candidates.class_entropy`). Of `count` slices the `share` goes to the structures in equal
    parts, in random order; the rest goes by entropy alone. All get the noise of `PowerNoised`.
    The paper lets the noise decay over the rounds of annotation: hand `power` a greater value in
    later rounds. `share` 0.66 is that of nnActive's code; parts of a slice are rounded at random,
    so that a single slice is class-wise in 66 % of all cases. A class nobody expects anywhere gets
    no slice.
    """

    share: float = 0.66
    power: float = 1.0

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Rank by the noisy logarithm of the score of the class whose turn it is."""
        rows = open_rows(candidates, count)
        by_class = candidates.class_entropy[rows].astype(np.float64)
        columns = np.column_stack((by_class, candidates.entropy[rows]))
        noisy = np.column_stack([noised(column, self.power, rng) for column in columns.T])
        structures = 1 + np.flatnonzero(by_class[:, 1:].max(axis=0, initial=0) > 0)
        turns = self._turns(min(count, len(rows)), structures, columns.shape[1] - 1, rng)
        chosen = _in_turns(noisy, turns)
        reasons = [
            Remark(
                "unsure-of-structure",
                "The prediction of structure {} is unsure here (drawn with noise).",
                (turn,),
            )
            if turn < columns.shape[1] - 1
            else "The prediction is unsure here (drawn with noise)."
            for turn in turns
        ]
        return ranking(rows[chosen], noisy[chosen, turns], reasons)

    def _turns(
        self, count: int, structures: Int64Array, whole: int, rng: np.random.Generator
    ) -> list[int]:
        """Return the column each place of the ranking goes by, in random order."""
        stratified = int(self.share * count + rng.random()) if len(structures) else 0
        stratified = min(stratified, count)
        classes = [int(c) for c in np.resize(rng.permutation(structures), stratified)]
        turns = np.array(classes + [whole] * (count - stratified), dtype=np.int64)
        return [int(turn) for turn in rng.permutation(turns)]


@dataclass(frozen=True)
class StochasticBatches:
    """The random batch that is unsure on average.

    Gaillochet, Desrosiers and Lombaert 2023 (Medical Image Analysis, arXiv:2301.07670): the pool
    is shuffled and cut into batches of `count` slices; the batch with the greatest mean score
    wins. For one slice this is the most uncertain one.
    """

    score: Score = "entropy"

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Rank the winning batch by the score of each slice."""
        rows = rng.permutation(open_rows(candidates, count))
        size = min(count, len(rows))
        values = getattr(candidates, self.score).astype(np.float64)
        batches = rows[: len(rows) // size * size].reshape(-1, size) if size else rows[None]
        winner = batches[values[batches].sum(axis=1).argmax()]
        batch = winner[best_first(values[winner], count, rng)]
        return ranking(batch, values[batch], _reasons(self.score, values[batch]))


def noised(score: npt.ArrayLike, power: float, rng: np.random.Generator) -> Float64Array:
    """Return log(score) + Gumbel(0, 1 / power) noise; a score of 0 comes last, not as -inf."""
    values = np.maximum(np.asarray(score, dtype=np.float64), _TINY)
    result: Float64Array = np.log(values) + rng.gumbel(0, 1 / power, size=values.shape)
    return result


def _in_turns(score: Float64Array, turns: list[int]) -> list[int]:
    """Return, for each turn, the row with the greatest score in that column not yet chosen."""
    queues = {turn: iter(np.argsort(-score[:, turn], kind="stable")) for turn in set(turns)}
    chosen: list[int] = []
    used: set[int] = set()
    for turn in turns:
        row = next(int(row) for row in queues[turn] if int(row) not in used)
        chosen.append(row)
        used.add(row)
    return chosen


def _reasons(score: Score, values: npt.NDArray[np.floating]) -> list[str]:
    return [_WORDS[score].format(float(value)) + " over the slice." for value in values]
