"""The second slice: the one across the first that is likely to show most of the structure.

One slice says next to nothing of how far a structure goes beyond it, and what is expected there is
mostly guessed; a slice through its middle across the first shows it. No model of gains found it as
reliably as this rule, on kinds of structures it was not fitted on
(`docs/results/advice-on-unseen-kinds.md`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fewslice.active_learning.next_slice.profiles import AxisProfile, Profiles
from fewslice.typing import Float64Array

_NEIGHBOURS = (0.25, 0.5, 0.25)


def second_slice(
    found: Profiles, axes: Sequence[int], structures: Sequence[int]
) -> tuple[int, int] | None:
    """Return (array axis, index) of the slice that shows most; None unless one slice is drawn.

    axes: those it may lie across. structures: numbers of those that count. Of each it is judged by
    the area it is likely to have, as a share of the area drawn.
    """
    crossing = [axis for axis in axes if axis != found.main]
    if found.slices != 1 or not found.axes[found.main].drawn.any() or not len(structures):
        return None
    best: tuple[float, int, int] | None = None
    for axis in crossing:
        profile = found.axes[axis]
        shown = np.where(profile.asked, 0.0, _shown(found, profile, structures))
        index = int(shown.argmax())
        if shown[index] > 0 and (best is None or shown[index] > best[0]):
            best = (float(shown[index]), axis, index)
    return None if best is None else best[1:]


def _shown(found: Profiles, profile: AxisProfile, structures: Sequence[int]) -> Float64Array:
    """Return the mean area that each slice is likely to show, float64 (n,)."""
    shares = []
    for number in structures:
        # Voxels that are as likely in as out cancel: a far and faint tail does not count.
        likely = np.maximum(profile.expected[number] - profile.doubt[number], 0.0)
        area = likely * profile.pixel_area / max(float(found.area[number]), 1e-6)
        shares.append(np.convolve(np.pad(area, 1, mode="edge"), _NEIGHBOURS, "valid"))
    return np.asarray(np.mean(shares, axis=0), dtype=np.float64)
