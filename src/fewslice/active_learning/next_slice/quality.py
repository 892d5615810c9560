"""How good an answer may be, and whether a person may stop.

The Dice of each structure over the whole scan is predicted from what is drawn and expected of it
(`state_features`) and from what its answer says of itself (`answer_features`): the median, and the
number that it exceeds with a probability of 90 %. Both were fitted on simulated annotation of other
scans. The second lies below the median by a multiple of the error to expect of it, which is
predicted as well (normalised conformal prediction, Papadopoulos et al., ECML 2002; Lei et al., JASA
2018). The multiples were chosen so that it held on scans left out of the fit, one where the ends of
the structure were seen and one where they were not, each of these for good answers and for others
(Mondrian conformal prediction, Vovk et al. 2005): half of a structure that was drawn in
neighbouring slices looks like a finished one.

People stop when they are told to for the first time. If that were when the low number reaches
their goal, more than nine of ten would have reached it, and many would be told a slice late: most
answers of which so much is said are far better. So what is promised lies as little below the median
as the first promise of a Dice of .90 is still kept in 88 of 100 simulated runs: a multiple of the
error to expect as well, the same for all answers.
`docs/results/active-learning.md` says how often it held on scans that neither ever saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fewslice.active_learning.next_slice.answer_features import ANSWER_FEATURES
from fewslice.active_learning.next_slice.features import (
    STATE_FEATURES,
    draw_features,
    state_features,
)
from fewslice.active_learning.next_slice.gain_model import GainModel
from fewslice.active_learning.next_slice.profiles import Profiles
from fewslice.typing import Float64Array

QUALITY_FEATURES = (*STATE_FEATURES, *ANSWER_FEATURES)
"""What the Dice of a structure is predicted from, in the order of `quality_features`."""

GOOD_ENOUGH = 0.90
"""The Dice at which people are told that they may stop."""


@dataclass(frozen=True, eq=False)
class Quality:
    """The Dice to expect of a scan's answer, in [0, 1], averaged over structures.

    dice: median. low: exceeded with a probability of 90 % (of the mean of structures; each has a
    `low` of its own in `structures`). promised: at least `low`; when it reaches a goal for the
    first time, people may stop. structures: (median, low) of each. slices, slices_low:
    float64 (n,), the same of each slice of the main axis.
    """

    dice: float
    low: float
    promised: float
    structures: tuple[tuple[float, float], ...]
    slices: Float64Array
    slices_low: Float64Array


def quality_features(found: Profiles, answer: Float64Array, structure: int) -> Float64Array:
    """Return float64 (feature,) that say how good the answer for one structure may be.

    answer: (structure, feature) as of `answer_features`.
    """
    return np.concatenate([state_features(found, structure), answer[structure]])


def predicted_quality(found: Profiles, answer: Float64Array, gain_model: GainModel) -> Quality:
    """Return the Dice to expect of an answer.

    found: of the samples that suggestions are made from. answer: (structure, feature), what
    `answer_features` says of the answer. Means over structures of both numbers; the mean of the
    10th percentiles is a cautious one of the mean. 1 where a person has said what every voxel is.
    """
    if all(axis.asked.all() for axis in found.axes):
        certain = np.ones(len(found.axes[found.main]))
        return Quality(1.0, 1.0, 1.0, ((1.0, 1.0),) * len(found.area), certain, certain.copy())
    structures = tuple(
        gain_model.scan_dice(quality_features(found, answer, number))
        for number in range(len(found.area))
    )
    main = [
        gain_model.slice_dice(draw_features(found, number, found.main))
        for number in range(len(found.area))
    ]
    asked = found.axes[found.main].asked
    slices, low = (np.mean([each[part] for each in main], axis=0) for part in (0, 1))
    slices[asked] = low[asked] = 1.0
    dice, sure, promised = (float(np.mean(each)) for each in zip(*structures, strict=True))
    return Quality(
        dice,
        sure,
        promised,
        tuple((median, tenth) for median, tenth, _ in structures),
        slices,
        low,
    )


def stopping_sentence(dice: float, low: float, promised: float, goal: float = GOOD_ENOUGH) -> str:
    """Return what to tell a person: the Dice to expect, and whether they may stop.

    dice, low, promised: as in `Quality`. goal: the Dice they want.
    """
    stop = promised >= goal
    # Never more than there is: 0.899 is not yet 0.90.
    sure = math.floor(100 * (max(low, goal) if stop else low) + 1e-9) / 100
    known = f"Expected Dice {dice:.2f}, at least {sure:.2f} with 90 % probability"
    if stop:
        return f"{known}: you may stop."
    return f"{known}: not yet {goal:.2f}, go on."
