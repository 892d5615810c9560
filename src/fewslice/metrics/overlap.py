"""Overlap of two masks."""

from __future__ import annotations

import numpy as np

from fewslice.metrics.masks import require_unmasked
from fewslice.typing import BoolArray


def dice(prediction: BoolArray, reference: BoolArray) -> float:
    """Return the Dice coefficient of two masks, from 0 (apart) to 1 (equal).

    prediction, reference: bool arrays of one shape. It is twice the voxels of both divided by the
    sum of the voxels of each (Dice 1945). Two empty masks agree: 1. One empty mask: 0. Raises
    InputError if one is masked.
    """
    require_unmasked(prediction, reference)
    total = int(np.count_nonzero(prediction)) + int(np.count_nonzero(reference))
    if total == 0:
        return 1.0
    return 2 * int(np.count_nonzero(prediction & reference)) / total
