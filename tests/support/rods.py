"""Rods in noise of which one slice is drawn, for tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan

SPACING = (1.0, 1.0, 6.0)
DRAWN = 20


def rod(first: int, last: int, slices: int = 60) -> npt.NDArray[np.bool_]:
    """Return a rod of radius 6 that runs from one slice to another, both included."""
    rows, columns, at = np.ogrid[:40, :40, :slices]
    return np.asarray(
        ((rows - 20) ** 2 + (columns - 20) ** 2 < 36.5) & (at >= first) & (at <= last)
    )


def seen(mask: npt.NDArray[np.bool_], noise: float = 0.2) -> npt.NDArray[np.float32]:
    """Return an image of it, brighter than its surroundings by five standard deviations."""
    noisy = np.random.default_rng(0).normal(0, noise, mask.shape)
    return np.asarray(mask + noisy, dtype=np.float32)


def drawn(mask: npt.NDArray[np.bool_], *slices: int) -> Annotation:
    labels = np.zeros(mask.shape, dtype=np.uint8)
    for at in slices:
        labels[..., at] = mask[..., at]
    return Annotation(labels, tuple((2, at) for at in slices))


def scan_of(image: npt.NDArray[np.float32], spacing: tuple[float, float, float] = SPACING) -> Scan:
    return Scan.from_spacing(image[None], spacing)
