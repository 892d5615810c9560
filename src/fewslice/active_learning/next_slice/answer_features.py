"""Numbers that tell how sure an answer is of itself, and how far quicker methods agree with it.

Suggestions are made from sketches: a coarse random walk, and outlines. The answer that a person
gets has a network's say in it as well. Where it is sure of itself and the sketches agree with it,
it is mostly right.
"""

from __future__ import annotations

import numpy as np

from fewslice.metrics.overlap import dice
from fewslice.typing import Float32Array, Float64Array

ANSWER_FEATURES = (
    "answer_dice", "answer_wrong", "answer_missed", "answer_walk", "answer_outlines",
)  # fmt: skip
"""What is known of a structure's answer by itself, in the order of `answer_features`."""

_MOST = 2.0


def answer_features(
    answer: Float32Array, walk: Float32Array, outlines: Float32Array
) -> Float64Array:
    """Return float64 (structure, feature) of an answer; all in [0, 1] but for "answer_missed".

    answer, walk, outlines: probability of each structure, (structure, i, j, k) on one grid, 1 and 0
    where a person said what a voxel is. With q the answer's probability of being right, sharpened
    as for the confidence of slices (`fewslice.segmentation.uncertainty`): the Dice to expect, the
    share of the voxels answered that are expected to be wrong, the voxels expected outside of them
    per voxel answered (up to 2), and the Dice of the answer with walk and outlines.
    """
    return np.array(
        [_features(*one) for one in zip(answer, walk, outlines, strict=True)], dtype=np.float64
    ).reshape(len(answer), len(ANSWER_FEATURES))


def _features(answer: Float32Array, walk: Float32Array, outlines: Float32Array) -> list[float]:
    inside = answer > 0.5
    sure = answer**2 / (answer**2 + (1 - answer) ** 2)
    voxels = max(int(inside.sum()), 1)
    total, right = float(sure.sum()), float(sure[inside].sum())
    return [
        2 * right / max(total + int(inside.sum()), 1e-6),
        1 - right / voxels if inside.any() else 1.0,
        min((total - right) / voxels, _MOST),
        dice(inside, walk > 0.5),
        dice(inside, outlines > 0.5),
    ]
