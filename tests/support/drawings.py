"""Drawings as people leave them, on a made-up scan: with slips, rims, oblique planes, in turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.volumes.geometry import Geometry

Labels = npt.NDArray[np.uint8]

SHAPE = (40, 36, 32)
SPACING = (1.0, 1.0, 1.5)
GRID = Geometry.from_spacing(SHAPE, SPACING)


def two_bodies() -> Labels:
    """Return labels of two ellipsoids, 1 and 2, that differ in size and run through other slices.

    1 spans slices 4 to 26 across the last axis, 2 spans slices 10 to 30.
    """
    i, j, k = np.indices(SHAPE)
    one = ((i - 13) / 8) ** 2 + ((j - 20) / 10) ** 2 + ((k - 15) / 11.5) ** 2 < 1
    two = ((i - 30) / 6) ** 2 + ((j - 12) / 7) ** 2 + ((k - 20) / 10.5) ** 2 < 1
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[one] = 1
    labels[two & ~one] = 2
    return labels


def scan_of(labels: Labels) -> npt.NDArray[np.float32]:
    """Return a scan that shows the structures: 1 bright, 2 brighter, with some noise."""
    image = np.array([0.2, 0.7, 1.0])[labels]
    image = image + np.random.default_rng(0).normal(0, 0.05, labels.shape)
    return np.asarray(image, dtype=np.float32)


def on_slices(labels: Labels, indices: Sequence[int], *values: int) -> Labels:
    """Return some structures (all if none is named) on slices across the last axis only."""
    drawn = np.zeros_like(labels)
    for index in indices:
        one = labels[:, :, index]
        kept = np.isin(one, values) if values else one > 0
        drawn[:, :, index][kept] = one[kept]
    return drawn


def in_plane(
    labels: Labels, normal: Sequence[float], height: float, spacing: Sequence[float] = SPACING
) -> Labels:
    """Return the labels within half a voxel of a plane.

    normal: in mm. height: mm above the middle of the volume.
    """
    unit = np.array(normal, dtype=float) / np.linalg.norm(normal)
    middle = (np.array(labels.shape) - 1) / 2
    steps = np.array(spacing)
    grid: Any = np.indices(labels.shape) - middle[:, None, None, None]
    above = np.tensordot(unit * steps, grid, axes=1)
    half = 0.45 * float(np.abs(unit * steps).sum())
    return np.where(np.abs(above - height) <= half, labels, 0).astype(np.uint8)


def in_planes(
    labels: Labels, normal: Sequence[float], *heights: float, spacing: Sequence[float] = SPACING
) -> Labels:
    """Return the labels near several parallel planes, see `in_plane`."""
    found = np.zeros_like(labels)
    for height in heights:
        found = np.maximum(found, in_plane(labels, normal, height, spacing))
    return found


def brushed(drawn: Labels, indices: Sequence[int], radius: int) -> Labels:
    """Return what a sphere brush of that radius in slices leaves beside drawn slices.

    A brush that painted a disc at its middle painted one smaller by r - √(r² - d²) at distance d.
    """
    from scipy.ndimage import distance_transform_edt

    result = drawn.copy()
    for index in indices:
        one = drawn[:, :, index]
        inside = distance_transform_edt(one > 0)
        for step in range(1, radius + 1):
            lost = radius - float(np.sqrt(radius**2 - step**2))
            for other in (index - step, index + step):
                rim = (inside > lost) & (result[:, :, other] == 0)
                result[:, :, other][rim] = one[rim]
    return result
