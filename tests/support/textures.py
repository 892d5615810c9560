"""Images of smoothed noise, whose correlation is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

SHAPE = (48, 40, 44)


def texture(sigma: Sequence[float]) -> npt.NDArray[Any]:
    """Return smoothed white noise; its correlation length is proportional to sigma (voxels)."""
    noise = np.random.default_rng(0).normal(size=SHAPE)
    return np.asarray(gaussian_filter(noise, sigma, mode="wrap"))
