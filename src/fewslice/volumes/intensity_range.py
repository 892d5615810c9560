"""Intensities of any unit brought to about 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fewslice.typing import Float32Array

_BEYOND = 0.25  # of the width, on either side: what lies farther out is cut
_SLIVER = 1e-6  # of an intensity: what differs by less is the same
_TINIEST = float(np.finfo(np.float32).tiny)


Level = float | np.floating[Any]


@dataclass(frozen=True)
class IntensityRange:
    """The intensities that become 0 and 1: `low`, and `width` above it."""

    low: np.floating[Any]
    width: float

    @classmethod
    def of(cls, sample: npt.NDArray[Any]) -> Self:
        """Return the 2nd to the 98th percentile of a sample; of a constant one a sliver."""
        low, high = np.percentile(sample, [2, 98])
        return cls(low, width_between(low, high, sample))

    def scaled(self, values: Float32Array) -> Float32Array:
        """Return intensities scaled, and cut a quarter of the range beyond either end."""
        return np.asarray(np.clip((values - self.low) / self.width, -_BEYOND, 1 + _BEYOND))


def width_between(low: Level, high: Level, values: npt.NDArray[Any]) -> float:
    """Return the way from one percentile of values to a higher one; from an equal one a sliver."""
    return max(float(high - low), sliver(low, high, values), _SLIVER * abs(float(high)))


def sliver(low: Level, high: Level, values: npt.NDArray[Any]) -> float:
    """Return the least difference of intensities that is one: a millionth of 1.

    Of smaller intensities, such as diffusion in m²/s, it is a millionth of these. low, high: two
    percentiles of the values, which say how large they are; if both are 0, the largest value does.
    """
    size = max(abs(float(low)), abs(float(high)))
    if not size and values.size:
        size = max(abs(float(values.min())), abs(float(values.max())))
    return max(_SLIVER * min(size or 1.0, 1.0), _TINIEST)
