"""BatchBALD: what several slices together say about the model, so that none repeats another.

For one point (voxel) of each slice this is BatchBALD as published (Kirsch, van Amersfoort and Gal
2019, arXiv:1906.08158): with samples θ_1..θ_S of the model and labels y that are independent given
θ, a batch B is worth

    I(y_B; θ) = H[y_B] - Σ_{x in B} mean_s H[y_x | θ_s],

where H[y_B] is the entropy of the joint distribution p(y_B) = mean_s Π_x p(y_x | θ_s) over all
label configurations of the batch. A slice is added greedily, by

    gain(x | B) = I(y_x; θ | y_B) = Σ_{y_B} p(y_B) H[q(· | y_B)] - mean_s H[y_x | θ_s],
    q(· | y_B) = Σ_s p(θ_s | y_B) p(· | θ_s),  p(θ_s | y_B) ∝ Π_x p(y_x | θ_s),

which orders candidates as the joint entropy does and is never negative. Configurations are
enumerated exactly while no more than `most` have a probability above 0; beyond that `most` are
drawn from p(y_B), equally many from each sample of the model (the paper's importance sampling).

A slice has many voxels. Taken as one variable, its labels would have 2^64 values and tell all S
samples apart at once, so that every first slice would be worth log S and every second one nothing.
Therefore batches are valued point by point: point p of one slice goes with point p of the others
(the same place in the plane for slices of a scan, `informative_points`), and the mean over points
is taken. Each slice having a single point, this is BatchBALD. Neighbouring slices, which say the
same at the same place, are not chosen together. Across scans, sample s must be the same model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.base import Ranking
from fewslice.active_learning.candidates import Candidates
from fewslice.active_learning.ranking import best, best_first, open_rows, ranking
from fewslice.typing import Float64Array, Int64Array

# A point that says less than this alone (nats) cannot say more in a batch: information about θ
# can only shrink when more is known.
_NOTHING = 1e-7


@dataclass(frozen=True)
class BatchBald:
    """The strategy: greedy BatchBALD over the points of slices.

    most: configurations, enumerated or drawn, per point. pool: of more candidates than this, those
    with the greatest BALD are looked at (what a slice adds to a batch is at most its BALD).
    Time grows with pool · count · most · samples · points.
    """

    most: int = 512
    pool: int = 1000

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Rank by what each slice adds to those before it: nats, mean over points."""
        rows = open_rows(candidates, count)
        if len(rows) > self.pool:
            alone = candidates.mutual_information[rows]
            rows = rows[best_first(alone, max(self.pool, count), rng)]
        chosen, gain = greedy_batch(candidates.points[rows], count, rng, self.most)
        reasons = [
            f"Adds {value:.3g} nats a point about the model to what the slices before it tell."
            for value in gain
        ]
        return ranking(rows[chosen], gain, reasons)


@dataclass(frozen=True, eq=False)
class Configurations:
    """Labels a batch may have: p(θ_s | y_B) (M, S), the weight of each (M,), and H[y_B] in nats."""

    posterior: Float64Array
    weight: Float64Array
    entropy: float


def greedy_batch(
    points: npt.NDArray[np.floating], count: int, rng: np.random.Generator, most: int = 512
) -> tuple[Int64Array, Float64Array]:
    """Return up to `count` rows in the order chosen, and what each added (nats, mean over points).

    points: (N, S, C, P), probabilities; sums over C other than 1 (float16) are mended.
    """
    by_point = _normalised(points)
    certain = np.array([conditional_entropies(probability) for probability in by_point])
    alone = np.array([_entropy(probability.mean(axis=1)) for probability in by_point]) - certain
    chosen: list[int] = []
    gains: list[float] = []
    left = np.ones(len(points), dtype=bool)
    while left.any() and len(chosen) < count:
        gain = np.zeros(len(points))
        for probability, known, bald in zip(by_point, certain, alone, strict=True):
            telling = left & (bald > _NOTHING)
            if telling.any():
                batch = configurations(probability[chosen], most, rng)
                gain[telling] += _conditional(batch, probability[telling]) - known[telling]
        gain = np.where(left, np.maximum(gain / max(len(by_point), 1), 0), -1)
        winner = best(gain, rng)
        chosen.append(winner)
        gains.append(float(gain[winner]))
        left[winner] = False
    return np.array(chosen, dtype=np.int64), np.array(gains)


def configurations(batch: Float64Array, most: int, rng: np.random.Generator) -> Configurations:
    """Return the label configurations of a batch (n, S, C): all if at most `most`, else drawn ones.

    An empty batch has one configuration, which says nothing.
    """
    samples = batch.shape[1]
    likelihood = np.ones((1, samples))
    for probability in batch:
        likelihood = (likelihood[:, None, :] * probability.T).reshape(-1, samples)
        likelihood = likelihood[likelihood.any(axis=1)]
        if len(likelihood) > most:
            return from_draws(_drawn(batch, most, rng))
    mean = likelihood.mean(axis=1)
    return Configurations(likelihood / (mean * samples)[:, None], mean, float(_entropy(mean)))


def from_draws(likelihood: Float64Array) -> Configurations:
    """Return configurations drawn from p(y_B), given their likelihoods (M, S)."""
    likelihood = likelihood[likelihood.any(axis=1)]
    mean = likelihood.mean(axis=1)
    draws, samples = likelihood.shape
    weight = np.full(draws, 1 / draws)
    return Configurations(
        likelihood / (mean * samples)[:, None], weight, float(-np.log(mean).mean())
    )


def joint_entropies(batch: Configurations, probability: Float64Array) -> Float64Array:
    """Return H[y_B, y_x] in nats for each candidate x of (N, S, C)."""
    return batch.entropy + _conditional(batch, probability)


def conditional_entropies(probability: Float64Array) -> Float64Array:
    """Return mean_s H[y_x | θ_s] in nats for each candidate x of (N, S, C)."""
    result: Float64Array = _entropy(probability).mean(axis=1)
    return result


def _conditional(batch: Configurations, probability: Float64Array) -> Float64Array:
    """Return H[y_x | y_B] for each candidate of (N, S, C)."""
    count, samples, classes = probability.shape
    flat = probability.transpose(1, 0, 2).reshape(samples, count * classes)
    predicted = batch.posterior @ flat
    logarithm = np.log(np.maximum(predicted, 1e-300))
    logarithm *= predicted
    per_label = -(batch.weight @ logarithm)
    result: Float64Array = per_label.reshape(count, classes).sum(axis=1)
    return result


def _drawn(batch: Float64Array, most: int, rng: np.random.Generator) -> Float64Array:
    """Draw configurations and return their likelihoods under every sample, (M, S)."""
    samples = batch.shape[1]
    source = np.arange(most) % samples
    likelihood = np.ones((most, samples))
    for probability in batch:
        steps = probability.cumsum(axis=1)[source, :-1]
        label = (rng.random((most, 1)) >= steps).sum(axis=1)
        likelihood *= probability[:, label].T
    return likelihood


def _normalised(points: npt.NDArray[np.floating]) -> Float64Array:
    """Return (P, N, S, C) in float64, summing to 1 over C."""
    values = np.moveaxis(points, 3, 0).astype(np.float64)
    result: Float64Array = values / np.maximum(values.sum(axis=3, keepdims=True), 1e-12)
    return result


def _entropy(probability: Float64Array) -> Float64Array:
    result: Float64Array = -(probability * np.log(np.maximum(probability, 1e-300))).sum(axis=-1)
    return result
