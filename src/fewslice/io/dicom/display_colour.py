"""Colours as DICOM stores them: CIELab in 16 bits for segments, RGB in 8 bits for outlines.

Both for the white of daylight (D65), as other programs write them. Nothing is refused for a colour:
one that cannot be understood is None.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fewslice.typing import Float64Array
from fewslice.volumes.colours import Colour

_WHITE = np.array([0.95047, 1.0, 1.08883])
_XYZ_TO_RGB = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)


def lab_colour(stored: Any) -> Colour | None:
    """Return RecommendedDisplayCIELabValue as red, green and blue, 0 to 1."""
    values = _three(stored)
    if values is None:
        return None
    light = values[0] / 65535 * 100
    first, second = values[1:] / 65535 * 255 - 128
    y = (light + 16) / 116
    root = np.array([y + first / 500, y, y - second / 200])
    xyz = _WHITE * np.where(root**3 > 0.008856, root**3, (root - 16 / 116) / 7.787)
    linear = np.clip(_XYZ_TO_RGB @ xyz, 0, 1)
    return _colour(
        np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    )


def rgb_colour(stored: Any) -> Colour | None:
    """Return ROIDisplayColor as red, green and blue, 0 to 1."""
    values = _three(stored)
    return None if values is None else _colour(np.clip(values / 255, 0, 1))


def _three(stored: Any) -> Float64Array | None:
    try:
        values = np.array([float(value) for value in stored], dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return values if values.shape == (3,) else None


def _colour(rgb: Float64Array) -> Colour:
    red, green, blue = (float(part) for part in rgb)
    return red, green, blue
