"""The second slice: one across the first, where it is likely to show most of the structure.

One slice says next to nothing of how far a structure goes beyond it, and what is expected there is
mostly guessed; a slice through its middle across the first shows it. No model of gains found the
place as reliably as this rule (`docs/results/advice-on-unseen-kinds.md`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fewslice.active_learning.next_slice.profiles import AxisProfile, Profiles
from fewslice.typing import Float64Array

_NEIGHBOURS = (0.25, 0.5, 0.25)


def second_slices(found: Profiles, axes: Sequence[int]) -> list[tuple[int, int]]:
    """Return (array axis, index) of the slice of each axis that shows most, unless one is drawn.

    Nothing but while a single slice is drawn. axes: those to look across; the main one is left out.
    Each structure is judged by the area it is likely to have, as a share of the area drawn.
    """
    if found.slices != 1 or not found.axes[found.main].drawn.any():
        return []
    places = []
    for axis in axes:
        profile = found.axes[axis]
        shown = np.where(profile.asked, 0.0, _shown(found, profile))
        if axis != found.main and shown.max() > 0:
            places.append((axis, int(shown.argmax())))
    return places


def _shown(found: Profiles, profile: AxisProfile) -> Float64Array:
    """Return the mean area that each slice is likely to show, float64 (n,)."""
    shares = []
    for number in range(len(found.area)):
        # Voxels that are as likely in as out cancel: a far and faint tail does not count.
        likely = np.maximum(profile.expected[number] - profile.doubt[number], 0.0)
        area = likely * profile.pixel_area / max(float(found.area[number]), 1e-6)
        shares.append(np.convolve(np.pad(area, 1, mode="edge"), _NEIGHBOURS, "valid"))
    return np.asarray(np.mean(shares, axis=0), dtype=np.float64)
