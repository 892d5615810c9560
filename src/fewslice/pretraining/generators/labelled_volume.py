"""A volume to learn from: a scan and the labels of its voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Scan

LabelArray = npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class LabelledVolume:
    """A scan whose voxels are labelled, real or synthetic.

    scan: channels (channel, i, j, k) float32, spacing in mm. labels: (i, j, k) uint16, 0 is
    background. name: says where it comes from. known: the labels that are outlined wherever they
    occur; None if all of them are.
    """

    scan: Scan
    labels: LabelArray
    name: str
    known: tuple[int, ...] | None = None
