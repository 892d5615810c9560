"""Support scans to carry structures over from: a bright ball, and phantoms that were moved."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan, SupportScan
from tests.support.phantoms import Phantom, two_organs


def ball(
    shape: tuple[int, int, int] = (40, 40, 20),
    spacing: tuple[float, float, float] = (1.0, 1.0, 2.0),
    *,
    middle: tuple[float, float, float] = (4.0, -5.0, 2.0),
    slices: tuple[tuple[int, int], ...] | None = None,
    scale: float = 1.0,
    value: int = 1,
) -> SupportScan:
    """Return a bright ball of 8 mm, at mm from the scan's middle; all its slices are annotated."""
    places = [
        (np.arange(length) - (length - 1) / 2) * step - centre
        for length, step, centre in zip(shape, spacing, middle, strict=True)
    ]
    i, j, k = np.meshgrid(*places, indexing="ij")
    inside = i**2 + j**2 + k**2 < 8**2
    image = np.where(inside, 1.0, 0.2) + np.random.default_rng(1).normal(0, 0.05, shape)
    every = slices if slices is not None else tuple((2, at) for at in range(shape[2]))
    labels = np.zeros(shape, dtype=np.uint8)
    for axis, index in every:
        place = (slice(None),) * axis + (index,)
        labels[place] = np.where(inside[place], value, 0)
    return SupportScan(Scan.from_spacing(scale * image[None], spacing), Annotation(labels, every))


def supported_by(
    image: npt.NDArray[np.float32], truth: npt.NDArray[np.uint8], every: int = 1
) -> SupportScan:
    """Return a scan like that of two organs, annotated on each n-th slice."""
    slices = tuple((2, at) for at in range(0, truth.shape[2], every))
    labels = np.zeros_like(truth)
    for _, at in slices:
        labels[..., at] = truth[..., at]
    return SupportScan(
        Scan.from_spacing(image[None], two_organs().spacing), Annotation(labels, slices)
    )


def moved(phantom: Phantom, by: tuple[int, int, int]) -> SupportScan:
    """Return a phantom moved by some voxels, annotated on all slices."""
    image = np.roll(phantom.image, by, (0, 1, 2))
    return supported_by(image, np.roll(phantom.truth, by, (0, 1, 2)))
