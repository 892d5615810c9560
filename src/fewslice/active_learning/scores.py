"""How uncertain each voxel is: from posterior samples to one number a voxel.

All functions take probabilities (sample, class, ...), floats in [0, 1] that sum to 1 over classes,
and return float32 of the remaining shape. p̄ is the mean over samples; logarithms are natural, so
entropies are in nats, and 0 log 0 is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.typing import Float32Array

Probability = npt.NDArray[np.floating[Any]]

# Below every float16 and far above what float32 cannot hold: 0 log 0 becomes 0 · log(this) = 0.
_TINY = np.float32(1e-30)


def predictive_entropy(probability: Probability) -> Float32Array:
    """Return H[p̄] = -Σ_c p̄_c log p̄_c, in [0, log C] (Shannon 1948; Settles 2009, 3.1)."""
    return entropy(_mean(probability), axis=0)


def expected_entropy(probability: Probability) -> Float32Array:
    """Return the mean over samples of H[p_s]: what stays unsure even if the model were known."""
    result: Float32Array = entropy(_as_float32(probability), axis=1).mean(axis=0)
    return result


def mutual_information(probability: Probability) -> Float32Array:
    """Return H[p̄] - mean_s H[p_s], in [0, H[p̄]]: how much the samples disagree.

    This is BALD (Houlsby et al. 2011, arXiv:1112.5745), for images with the samples of a network
    (Gal, Islam and Ghahramani 2017).
    """
    samples = _as_float32(probability)
    known = entropy(samples, axis=1).mean(axis=0)
    result: Float32Array = np.maximum(entropy(samples.mean(axis=0), axis=0) - known, 0)
    return result


def margin(probability: Probability) -> Float32Array:
    """Return 1 - (p̄_first - p̄_second), in [0, 1]: 1 where the two likeliest classes tie.

    Margin sampling (Scheffer, Decomain and Wrobel 2001), turned so that more is less sure. It is 0
    with a single class.
    """
    mean = _mean(probability)
    if len(mean) == 1:
        return np.zeros(mean.shape[1:], dtype=np.float32)
    ordered = np.partition(mean, len(mean) - 2, axis=0)
    result: Float32Array = np.clip(1 - (ordered[-1] - ordered[-2]), 0, 1)
    return result


def variance(probability: Probability) -> Float32Array:
    """Return the variance over samples of p_c, averaged over classes, in [0, 0.25].

    The mean over classes and samples of (p_sc - p̄_c)²; as `baal.active.heuristics.Variance`.
    """
    samples = _as_float32(probability)
    result: Float32Array = samples.var(axis=0).mean(axis=0)
    return result


def entropy(probability: Float32Array, axis: int) -> Float32Array:
    """Return -Σ p log p over one axis, in nats; 0 log 0 is 0."""
    logarithm = np.log(np.maximum(probability, _TINY))
    logarithm *= probability
    result: Float32Array = -logarithm.sum(axis=axis)
    return result


def _mean(probability: Probability) -> Float32Array:
    result: Float32Array = _as_float32(probability).mean(axis=0)
    return result


def _as_float32(probability: Probability) -> Float32Array:
    return np.asarray(probability, dtype=np.float32)
