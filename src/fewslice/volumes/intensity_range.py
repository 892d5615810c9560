"""Intensities of any unit brought to about 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fewslice.typing import Float32Array

_BEYOND = 0.25  # of the width, on either side: what lies farther out is cut


@dataclass(frozen=True)
class IntensityRange:
    """The intensities that become 0 and 1: `low`, and `width` above it."""

    low: np.floating[Any]
    width: float

    @classmethod
    def of(cls, sample: npt.NDArray[Any]) -> Self:
        """Return the 2nd to the 98th percentile of a sample; of a constant one a sliver."""
        low, high = np.percentile(sample, [2, 98])
        return cls(low, max(float(high - low), 1e-6 * max(abs(float(high)), 1.0)))

    def scaled(self, values: Float32Array) -> Float32Array:
        """Return intensities scaled, and cut a quarter of the range beyond either end."""
        return np.asarray(np.clip((values - self.low) / self.width, -_BEYOND, 1 + _BEYOND))
