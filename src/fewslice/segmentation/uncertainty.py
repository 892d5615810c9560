"""How sure a prediction is: per voxel and per slice.

Uncertainty of a voxel is the entropy of its class probabilities divided by the logarithm of the
number of classes: 0 where one class is certain, 1 where all are equally likely.

Confidence of a slice is the Dice to expect on it, with sums of probabilities in place of what is
not known: for each structure 2 Σ p over its answered voxels / (Σ p over all voxels + number of
answered voxels), averaged over the structures the slice was answered to hold. On a slice answered
to be empty it is 1 minus the greatest p of any structure. Here p is sharpened, by doubling its
log-odds: engines are less sure of voxels than they are right, because neighbouring voxels err
together (`benchmarks/confidence.py` compares confidence with the Dice that came out). It orders
slices by where a look is worth most, and is no promise for a single one.

An engine looks at a box around what was drawn. Where its answer is still going on at the last slice
of the box, it ends because nobody looked farther, not because the structure does: beyond, the
probabilities of that slice are carried on, fading to nothing as far again as the box reaches beyond
the outermost drawn slice (`benchmarks/ends.py` compares this with what lies there).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fewslice.typing import Float32Array


def normalised_entropy(probability: npt.NDArray[np.floating]) -> Float32Array:
    """Return the entropy over the first axis in [0, 1]; probability sums to 1 over that axis."""
    values = np.clip(np.asarray(probability, dtype=np.float32), 1e-7, 1.0)
    entropy = -(values * np.log(values)).sum(axis=0) / np.log(len(values))
    result: Float32Array = np.clip(entropy, 0.0, 1.0)
    return result


def expected_dice(probability: npt.NDArray[np.floating], answer: npt.NDArray[np.integer]) -> float:
    """Return the confidence of one slice, in [0, 1].

    probability: (class, rows, columns), background first. answer: (rows, columns), the class each
    voxel was given.
    """
    values = _sharpened(np.asarray(probability, dtype=np.float32))
    scores = []
    for number in range(1, len(values)):
        answered = answer == number
        count = int(np.count_nonzero(answered))
        if count:
            right = float(values[number][answered].sum())
            scores.append(2 * right / (float(values[number].sum()) + count))
    if not scores:
        return float(1.0 - values[1:].max(initial=0.0))
    return float(np.mean(scores))


def carried(
    probability: npt.NDArray[np.floating], slices: int
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield what may hold on each of some slices beyond the last one that was answered.

    probability: (class, rows, columns) of the last slice, background first. Structures fade evenly,
    to nothing on the slice after the last one yielded.
    """
    last = np.asarray(probability, dtype=np.float32)
    for beyond in range(1, slices + 1):
        faded = last * np.float32(1 - beyond / (slices + 1))
        faded[0] = 1 - faded[1:].sum(axis=0)
        yield faded


def _sharpened(probability: Float32Array) -> Float32Array:
    squared = probability**2
    result: Float32Array = squared / squared.sum(axis=0)
    return result
