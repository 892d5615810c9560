"""Surfaces of layers in micrometres per A-scan, and how thick a layer is.

Arrays are (A-scan, depth, B-scan); what is seen from above (en face) is (A-scan, B-scan).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fewslice.typing import Float64Array
from fewslice.volumes.image import LabelArray

MICROMETRES = 1000.0  # in a mm


@dataclass(frozen=True, eq=False)
class Layer:
    """Where one structure begins and ends along every A-scan.

    Parameters
    ----------
    value
        Its label.
    top, bottom
        float64 (A-scan, B-scan): depth of its first and last face in micrometres below the upper
        face of the scan; NaN where an A-scan does not hold it.
    thickness
        float64 (A-scan, B-scan): micrometres of it along each A-scan, gaps not counted; 0 where
        an A-scan does not hold it.
    """

    value: int
    top: Float64Array
    bottom: Float64Array
    thickness: Float64Array


def measure_layer(labels: LabelArray, value: int, depth_mm: float) -> Layer:
    """Return the surfaces of a structure.

    Parameters
    ----------
    labels
        (A-scan, depth, B-scan).
    value
        Label of the structure.
    depth_mm
        Distance in mm between voxels along the A-scan.

    Returns
    -------
    Layer
        Boundaries lie on the faces of voxels: a structure on the rows 10 to 19 of voxels of 4
        micrometres reaches from 40 to 80.
    """
    inside = labels == value
    count = inside.shape[1]
    held = inside.any(axis=1)
    step = depth_mm * MICROMETRES
    top = np.where(held, inside.argmax(axis=1) * step, np.nan)
    bottom = np.where(held, (count - inside[:, ::-1].argmax(axis=1)) * step, np.nan)
    return Layer(value, top, bottom, inside.sum(axis=1) * step)
