"""How good an answer may be, and whether a person may stop.

The Dice of each structure over the whole scan is predicted from what its answer looks like
(`state_features`): the median, and the number that it exceeds with a probability of 90 %. Both were
fitted on simulated annotation of other scans and the second shifted until it held on scans left out
of the fit (conformalised quantile regression, Romano et al., NeurIPS 2019);
`docs/active-learning.md` says how often it held on scans that neither ever saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.acquisition.advice import Advice
from fewslice.acquisition.profiles import Profiles
from fewslice.acquisition.volume_features import draw_features, state_features

Float64Array = npt.NDArray[np.float64]

ENDS_UNSEEN = 0.85
"""The `low` of a structure is at most this until its ends were seen (see `ends_seen`)."""

GOOD_ENOUGH = 0.90
"""The Dice at which people are told that they may stop."""


@dataclass(frozen=True, eq=False)
class Quality:
    """The Dice to expect of a scan's answer, in [0, 1], averaged over structures.

    dice: median. low: exceeded with a probability of 90 % (of the mean of structures; each has a
    `low` of its own in `structures`). structures: (median, low) of each. slices, slices_low:
    float64 (n,), the same of each slice of the main axis.
    """

    dice: float
    low: float
    structures: tuple[tuple[float, float], ...]
    slices: Float64Array
    slices_low: Float64Array


def predicted_quality(found: Profiles, advice: Advice) -> Quality:
    """Return the Dice to expect of the answer the profiles were made of.

    No `low` is above `ENDS_UNSEEN` for a structure whose ends nobody has seen. Means over
    structures of both numbers; the mean of the 10th percentiles is a cautious one of
    the mean. 1 where a person has said what every voxel is.
    """
    if all(axis.asked.all() for axis in found.axes):
        certain = np.ones(len(found.axes[found.main]))
        return Quality(1.0, 1.0, ((1.0, 1.0),) * len(found.area), certain, certain.copy())
    structures = tuple(_structure(found, number, advice) for number in range(len(found.area)))
    main = [
        advice.slice_dice(draw_features(found, number, found.main))
        for number in range(len(found.area))
    ]
    asked = found.axes[found.main].asked
    slices, low = (np.mean([each[part] for each in main], axis=0) for part in (0, 1))
    slices[asked] = low[asked] = 1.0
    return Quality(
        float(np.mean([dice for dice, _ in structures])),
        float(np.mean([low for _, low in structures])),
        structures,
        slices,
        low,
    )


def _structure(found: Profiles, number: int, advice: Advice) -> tuple[float, float]:
    dice, low = advice.scan_dice(state_features(found, number))
    return dice, low if ends_seen(found, number) else min(low, ENDS_UNSEEN)


def ends_seen(found: Profiles, number: int) -> bool:
    """Return whether somebody has seen where a structure begins and ends.

    Either a slice across other slices was drawn, or on both sides a slice beyond the outermost
    drawn one was said not to hold it, or that one is the last of the scan. Until then half of a
    structure that was drawn in neighbouring slices looks like a finished one.
    """
    if sum(bool(axis.drawn[number].any()) for axis in found.axes) > 1:
        return True
    axis = found.axes[found.main]
    drawn, empty = np.flatnonzero(axis.drawn[number]), np.flatnonzero(axis.empty[number])
    if not len(drawn):
        return False
    before = drawn[0] == 0 or bool((empty < drawn[0]).any())
    after = drawn[-1] == len(axis) - 1 or bool((empty > drawn[-1]).any())
    return bool(before and after)


def stopping_sentence(dice: float, low: float, goal: float = GOOD_ENOUGH) -> str:
    """Return what to tell a person: the Dice to expect, and whether they may stop.

    dice, low: as in `Quality`. goal: the Dice they want.
    """
    sure = math.floor(100 * low + 1e-9) / 100  # never more than there is: 0.899 is not yet 0.90
    known = f"Expected Dice {dice:.2f}, at least {sure:.2f} with 90 % probability"
    if low >= goal:
        return f"{known}: you may stop."
    return f"{known}: not yet {goal:.2f}, go on."
