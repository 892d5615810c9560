"""Phantoms as engines see them: a scan and what is drawn on it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan
from tests.support.phantoms import Phantom

SLICES = ((2, 6), (2, 10), (2, 14))


def scan_of(phantom: Phantom) -> Scan:
    return Scan.from_spacing(phantom.image[None], phantom.spacing)


def drawn(phantom: Phantom, slices: tuple[tuple[int, int], ...] = SLICES) -> Annotation:
    labels = np.zeros_like(phantom.truth)
    for axis, index in slices:
        labels = np.maximum(labels, phantom.sparse(axis, index))
    return Annotation(labels, slices)


def three_voxels(phantom: Phantom) -> npt.NDArray[np.uint8]:
    labels = np.zeros_like(phantom.truth)
    labels[20, 20:23, 8] = 3
    return labels
