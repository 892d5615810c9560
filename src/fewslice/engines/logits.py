"""Answers to one structure at a time, as most networks give them, brought together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fewslice.engines.base import Prediction, Scan, as_half, empty_probability
from fewslice.errors import InputError, Remark
from fewslice.typing import Float32Array
from fewslice.volumes.region import Region

_MOST = 30.0  # further logits are as sure as float32 can be
ABSENT = -np.inf
"""The logit where a structure cannot be."""

NO_EXAMPLE = Remark(
    "no-example",
    "A structure that was asked for is drawn on no slice that could be an example of it, so "
    "nothing was answered for it.",
)


def fused(
    region: Region, axis: int, logits: Mapping[int, Float32Array], remarks: tuple[str, ...] = ()
) -> Prediction:
    """Return the prediction of structures that were asked for one by one.

    logits: of each structure against all else, float32 (i, j, k) over the region. Against each
    other they count by their odds: of one structure alone the probability is the logistic function
    of its logit, and of several the likeliest is that with the highest logit, if that is above 0.
    axis: across which probabilities lie in memory.
    """
    values = tuple(sorted(logits))
    probability = empty_probability(1 + len(values), region.shape, axis)
    by_slice = np.moveaxis(probability, 1 + axis, 0)
    each = [np.moveaxis(logits[value], axis, 0) for value in values]
    for at in range(region.shape[axis]):
        odds = np.stack([np.exp(np.minimum(one[at], _MOST)) for one in each])
        total = 1 + odds.sum(axis=0)
        by_slice[at, 0] = as_half(1 / total)
        by_slice[at, 1:] = as_half(odds / total)
    return Prediction(region, (0, *values), probability, remarks)


def one_channel(scan: Scan, channel: int) -> tuple[Float32Array, tuple[str, ...]]:
    """Return a channel (i, j, k) for what sees only one, and a remark if there are others.

    Raises InputError if the scan has no such channel.
    """
    count = len(scan.channels)
    if not 0 <= channel < count:
        raise InputError(
            f"The scan has {count} channel{'s' if count > 1 else ''}, and none of number "
            f"{channel}; choose one from 0 to {count - 1}."
        )
    found: Float32Array = scan.channels[channel].astype(np.float32)
    if count == 1:
        return found, ()
    remark = Remark(
        "one-channel",
        f"Of the scan's {count} channels this engine sees only one, number {channel} counted "
        "from 0.",
    )
    return found, (remark,)


def scaled_to_unit(
    channel: Float32Array, lowest: float = 0.5, highest: float = 99.5
) -> Float32Array:
    """Return intensities with two percentiles of them at 0 and 1, clipped; all 0 if constant."""
    low, high = (float(level) for level in np.percentile(channel, [lowest, highest]))
    if not high > low:
        return np.zeros_like(channel)
    return np.asarray(np.clip((channel - low) / (high - low), 0, 1), dtype=np.float32)
