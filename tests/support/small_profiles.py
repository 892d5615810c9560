"""Profiles of a scan by hand, for tests of what looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fewslice.active_learning.next_slice.features import DRAW_FEATURES, QUESTION_FEATURES
from fewslice.active_learning.next_slice.gain_model import GainModel, Trees
from fewslice.active_learning.next_slice.profiles import AxisProfile, Profiles

RADIUS = 10.0
"""mm; with slices 5 mm apart a radius is two slices."""


def axis_profile(  # noqa: PLR0917 - a row of numbers each
    expected: Sequence[float],
    doubt: Sequence[float] | None = None,
    present: Sequence[float] | None = None,
    drawn: Sequence[int] = (),
    empty: Sequence[int] = (),
    step: float = 5.0,
) -> AxisProfile:
    """One structure along one axis; voxels of 1 mm² within slices, no spread."""
    count = len(expected)
    amount = np.array([expected], dtype=float)
    there = np.zeros((1, count), dtype=bool)
    there[0, list(drawn)] = True
    gone = np.zeros((1, count), dtype=bool)
    gone[0, list(empty)] = True
    likely = np.minimum(amount, 1.0) * 0.9 if present is None else np.array([present], dtype=float)
    likely = np.where(there, 1.0, np.where(gone, 0.0, likely))
    unsure = np.zeros((1, count)) if doubt is None else np.array([doubt], dtype=float)
    return AxisProfile(
        step=step,
        pixel_area=1.0,
        expected=amount,
        doubt=unsure,
        spread=unsure / 2,
        present=likely,
        drawn=there,
        empty=gone,
        asked=(there | gone)[0],
    )


def profiles_of(main: AxisProfile, others: AxisProfile | None = None) -> Profiles:
    """A scan whose axis 2 is the main one; nothing is drawn across the others."""
    other = axis_profile([0.0] * 4) if others is None else others
    return Profiles(
        (other, other, main), 2, np.array([2 * np.pi * RADIUS]), np.array([np.pi * RADIUS**2])
    )


def both(first: AxisProfile, second: AxisProfile) -> AxisProfile:
    """Two structures along the same axis."""
    names = ("expected", "doubt", "spread", "present", "drawn", "empty")
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names
    }
    return replace(first, **arrays, asked=first.asked | second.asked)


def constant(value: float) -> Trees:
    """Trees that answer the same number for everything."""
    one = np.array([[-1]], dtype=np.int16)
    return Trees(one, np.zeros((1, 1), np.float32), one, one, np.zeros((1, 1), np.float32), value)


def stump(feature: int, thresholds: Sequence[float], values: Sequence[float]) -> Trees:
    """A sum of trees of one question each: adds a value where the feature is above a threshold."""
    count = len(thresholds)
    leaf = [-1, -1]
    return Trees(
        np.array([[feature, *leaf]] * count, dtype=np.int16),
        np.array([[each, 0, 0] for each in thresholds], dtype=np.float32),
        np.array([[1, 0, 0]] * count, dtype=np.int16),
        np.array([[2, 0, 0]] * count, dtype=np.int16),
        np.array([[0, 0, each] for each in values], dtype=np.float32),
        0.0,
    )


def gain_model(**changes: Trees) -> GainModel:
    """Made-up models: a slice gains by its own doubt, a "no" by what is expected farther out.

    The logits of the quality are 2 (a Dice of 0.88) and 1 (0.73), of a scan by a spread of 1.
    """
    steps = [0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4]
    models = {
        "drawing": stump(DRAW_FEATURES.index("own_doubt"), steps, [0.01] * len(steps)),
        "closing": stump(QUESTION_FEATURES.index("farther"), steps, [0.01] * len(steps)),
        "ends": constant(0.0),  # on every slice with a probability of one half
        "scan": constant(2.0),
        "scan_spread": constant(0.0),
        "scan_promise": constant(0.0),
        "slice": constant(2.0),
        "slice_low": constant(1.0),
    }
    return GainModel(**{**models, **changes})
