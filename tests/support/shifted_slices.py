"""A volume that changes slowly, and shifts of its slices that do not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SPACING = (1.0, 1.2, 3.0)
"""Of the column, mm per array axis."""


def textured(seed: int = 0) -> npt.NDArray[np.float32]:
    """Return a volume (96, 80, 12) that changes slowly across its last axis."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    found = gaussian_filter(rng.standard_normal((96, 80, 12)), (3.0, 3.0, 4.0))
    return np.asarray(found / found.std(), dtype=np.float32)


def column() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return a volume with a bright column of 16 by 12 voxels through it, and its labels."""
    truth = np.zeros((96, 80, 12), dtype=np.uint8)
    truth[40:56, 34:46] = 3
    return 0.3 * textured() + 2 * (truth > 0), truth


def zigzag() -> npt.NDArray[np.int64]:
    shifts = np.zeros((12, 2), dtype=np.int64)
    shifts[[2, 5, 8, 9]] = [[4, 0], [0, -4], [-3, 3], [0, 3]]
    return shifts
