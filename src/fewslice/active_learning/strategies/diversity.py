"""Strategies that go by what slices look like: cover the pool instead of asking the same again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.base import Ranking
from fewslice.active_learning.candidates import Candidates
from fewslice.active_learning.ranking import best, best_first, open_rows, ranking
from fewslice.errors import InputError
from fewslice.typing import Float64Array


@dataclass(frozen=True)
class CoreSet:
    """K-centre greedy: always the slice farthest from all annotated and chosen ones.

    Sener and Savarese 2018 (ICLR, arXiv:1708.00489): the next is argmax over slices of the least
    Euclidean distance of features to any centre, which covers the pool within twice the best
    radius. If nothing is annotated, the first is the slice nearest to the mean of all.
    """

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Rank by the distance to the nearest centre at the time of choosing."""
        rows = open_rows(candidates, count)
        _require_features(candidates, "core-set")
        features = candidates.features.astype(np.float64)
        centres = features[candidates.annotated]
        features = features[rows]
        distance = _nearest(features, centres)
        left = np.ones(len(rows), dtype=bool)
        chosen: list[int] = []
        score: list[float] = []
        while left.any() and len(chosen) < count:
            unlike = distance if len(centres) or chosen else -_from(features, features.mean(axis=0))
            winner = best(np.where(left, unlike, -np.inf), rng)
            score.append(float(distance[winner]))
            chosen.append(winner)
            left[winner] = False
            distance = np.minimum(distance, _from(features, features[winner]))
        return ranking(rows[chosen], score, "It looks least like any slice annotated or chosen.")


@dataclass(frozen=True)
class Suggestive:
    """Uncertain slices that stand for many others.

    Suggestive annotation (Yang et al. 2017, MICCAI, arXiv:1706.04737): of the K most uncertain
    slices, those are taken greedily that most increase F(S) = Σ over all slices not annotated of
    the greatest cosine similarity of features to any slice of S. The paper takes 8 of K = 16; K is
    twice the slices asked for, and at least 16. Uncertainty is predictive entropy.
    """

    least: int = 16

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Rank by how much each slice adds to F."""
        rows = open_rows(candidates, count)
        _require_features(candidates, "suggestive")
        unsure = best_first(candidates.entropy[rows], max(2 * count, self.least), rng)
        similarity = _cosine(candidates.features[rows], candidates.features[rows[unsure]])
        covered = np.zeros(len(rows))
        left = np.ones(len(unsure), dtype=bool)
        chosen: list[int] = []
        score: list[float] = []
        while left.any() and len(chosen) < count:
            gain = np.maximum(similarity - covered[:, None], 0).sum(axis=0)
            winner = best(np.where(left, gain, -1), rng)
            covered = np.maximum(covered, similarity[:, winner])
            left[winner] = False
            chosen.append(int(rows[unsure[winner]]))
            score.append(float(gain[winner]))
        reason = "Unsure, and it looks like many slices that nobody has annotated."
        return ranking(chosen, score, reason)


def _nearest(features: Float64Array, centres: Float64Array) -> Float64Array:
    """Return the distance to the nearest centre; without centres a bound on any distance."""
    if not len(centres):
        mean = features.mean(axis=0) if len(features) else features.sum(axis=0)
        return np.full(len(features), 2 * _from(features, mean).max(initial=0))
    distance = np.full(len(features), np.inf)
    for centre in centres:
        distance = np.minimum(distance, _from(features, centre))
    return distance


def _from(features: Float64Array, centre: Float64Array) -> Float64Array:
    result: Float64Array = np.sqrt(((features - centre) ** 2).sum(axis=1))
    return result


def _cosine(first: npt.ArrayLike, second: npt.ArrayLike) -> Float64Array:
    return _unit(first) @ _unit(second).T


def _unit(features: npt.ArrayLike) -> Float64Array:
    values = np.asarray(features, dtype=np.float64)
    result: Float64Array = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return result


def _require_features(candidates: Candidates, name: str) -> None:
    if len(candidates) and not candidates.features.shape[1]:
        raise InputError(
            f"The strategy {name!r} compares what slices look like, and these come without "
            "features; make them with features, or choose another strategy."
        )
