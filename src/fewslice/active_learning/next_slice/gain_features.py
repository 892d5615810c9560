"""What is known of drawing a slice, for the model of what that brings.

Beside what `draw_features` says in radii of the structure: by how much a slice would bring the
structure nearer to what was looked at, in its own extent, and how many slices there are. Where few
thick slices hold a structure, radii say little of which one is worth most.
"""

from __future__ import annotations

import numpy as np

from fewslice.active_learning.next_slice.features import (
    DRAW_FEATURES,
    coverage,
    draw_features,
    expected_length,
    neighbours,
)
from fewslice.active_learning.next_slice.profiles import Profiles
from fewslice.typing import Float64Array

_MOST_SLICES = 20  # from so many on it makes no difference

GAIN_FEATURES = (
    *DRAW_FEATURES, "coverage", "coverage_share", "slices_away", "slices_between", "log_slices",
)  # fmt: skip
"""What is known of drawing a slice, in the order of `gain_features`."""

OF_THE_STATE = ("coarse", "slices", "total_doubt", "total_spread", "open_ends", "compactness")
"""Those that are the same for all slices of a scan."""


def gain_features(found: Profiles, structure: int, axis: int) -> Float64Array:
    """Return float64 (n, feature) for drawing each slice across an axis, for one structure.

    As `draw_features`, and: by how many of its lengths along the axis the slice would bring the
    structure's volume nearer to one looked at, and as a share of the most that any slice would; how
    many slices away the nearest one looked at is, and how far apart those on either side are (up to
    20 both); the logarithm of how many slices are expected to hold the structure.
    """
    profile = found.axes[axis]
    brought = coverage(profile, structure)
    below, above = neighbours(profile, structure)
    at = np.arange(len(profile))
    more = np.stack(
        [
            brought,
            brought / max(float(brought.max(initial=0.0)), 1e-6),
            np.minimum(np.minimum(at - below, above - at), _MOST_SLICES),
            np.minimum(above - below, _MOST_SLICES),
            np.full(len(at), np.log(expected_length(profile.expected[structure]))),
        ],
        axis=1,
    )
    return np.concatenate([draw_features(found, structure, axis), more], axis=1)
