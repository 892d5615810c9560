"""How good an answer may be, and whether a person may stop.

The Dice of each structure over the whole scan is predicted from what its answer looks like
(`state_features`): the median, and the number that it exceeds with a probability of 90 %. Both were
fitted on simulated annotation of other scans. The second lies below the median by a multiple of the
error to expect of it, which is predicted as well (normalised conformal prediction, Papadopoulos et
al., ECML 2002; Lei et al., JASA 2018). The multiples were chosen so that it held on scans left out
of the fit, one where the ends of the structure were seen and one where they were not, each of these
for good answers and for others (Mondrian conformal prediction, Vovk et al. 2005): half of a
structure that was drawn in neighbouring slices looks like a finished one.
`docs/results/active-learning.md` says how often it held on scans that neither ever saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fewslice.active_learning.next_slice.features import draw_features, state_features
from fewslice.active_learning.next_slice.gain_model import GainModel
from fewslice.active_learning.next_slice.profiles import Profiles
from fewslice.typing import Float64Array

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


def predicted_quality(found: Profiles, gain_model: GainModel) -> Quality:
    """Return the Dice to expect of the answer the profiles were made of.

    Means over structures of both numbers; the mean of the 10th percentiles is a cautious one of the
    mean. 1 where a person has said what every voxel is.
    """
    if all(axis.asked.all() for axis in found.axes):
        certain = np.ones(len(found.axes[found.main]))
        return Quality(1.0, 1.0, ((1.0, 1.0),) * len(found.area), certain, certain.copy())
    structures = tuple(
        gain_model.scan_dice(state_features(found, number)) for number in range(len(found.area))
    )
    main = [
        gain_model.slice_dice(draw_features(found, number, found.main))
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


def stopping_sentence(dice: float, low: float, goal: float = GOOD_ENOUGH) -> str:
    """Return what to tell a person: the Dice to expect, and whether they may stop.

    dice, low: as in `Quality`. goal: the Dice they want.
    """
    sure = math.floor(100 * low + 1e-9) / 100  # never more than there is: 0.899 is not yet 0.90
    known = f"Expected Dice {dice:.2f}, at least {sure:.2f} with 90 % probability"
    if low >= goal:
        return f"{known}: you may stop."
    return f"{known}: not yet {goal:.2f}, go on."
