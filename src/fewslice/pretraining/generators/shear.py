"""Slanted volumes: slices shifted along each other, so that structures run obliquely through them.

Cords, vessels and oesophagi lie elsewhere on every slice; few training scans hold such structures.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.slice_shift import shift_slices
from fewslice.engines.base import Scan
from fewslice.networks.augmentation.random_fields import smooth_field
from fewslice.pretraining.generators.labelled_volume import LabelledVolume
from fewslice.volumes.geometry import inplane_axes

MOST = 5.0
"""A structure's middle moves by up to so many of its radii over its whole length."""


def sheared(
    volume: LabelledVolume,
    truth: npt.NDArray[np.uint8],
    axis: int,
    rng: np.random.Generator,
) -> tuple[LabelledVolume, npt.NDArray[np.uint8]]:
    """Return a volume and its truth (i, j, k), their slices across an axis shifted.

    By whole voxels, along a smooth way, in proportion to the size of what the truth shows. What
    comes in at a border is as the border.
    """
    shifts = _shifts(truth, axis, volume.scan.spacing, rng)
    channels = np.stack([shift_slices(channel, axis, shifts) for channel in volume.scan.channels])
    labels = shift_slices(volume.labels, axis, shifts)
    moved = replace(volume, scan=Scan(channels, volume.scan.geometry), labels=labels)
    return moved, shift_slices(truth, axis, shifts)


def _shifts(
    truth: npt.NDArray[np.uint8],
    axis: int,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Return by how many voxels each slice is shifted along the other two axes, (slice, 2)."""
    inplane = list(inplane_axes(axis))
    areas = (truth > 0).sum(axis=tuple(inplane))
    occupied = np.flatnonzero(areas)
    steps = np.array([spacing[other] for other in inplane])
    radius = np.sqrt(np.median(areas[occupied]) * steps.prod() / np.pi)
    along = np.linspace(-0.5, 0.5, len(occupied)) if len(occupied) > 1 else np.zeros(1)
    angle = rng.uniform(0, 2 * np.pi)
    way = along * rng.uniform(0.5, MOST)
    way = way + rng.uniform(0.0, 0.3) * smooth_field((len(occupied),), (rng.uniform(1, 3),), rng)
    every = np.interp(np.arange(truth.shape[axis]), occupied, way)
    middle = every[occupied[len(occupied) // 2]]
    mm = (every - middle)[:, None] * radius * np.array([np.cos(angle), np.sin(angle)])
    found: npt.NDArray[np.int64] = np.rint(mm / steps).astype(np.int64)
    return found
