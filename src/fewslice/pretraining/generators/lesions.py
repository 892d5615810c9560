"""Lesions painted into real scans: several pieces, blurred borders, few slices, faint to bright.

Lesions of patients are rare among scans that may be used for training. Painting them onto healthy
scans follows Hu et al., "Label-free liver tumor segmentation", CVPR 2023; here shapes and contrasts
are wider, since any blob in any scan is to be learned.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Scan
from fewslice.networks.augmentation.random_fields import cells_for, smooth_field
from fewslice.pretraining.generators.labelled_volume import LabelledVolume
from fewslice.pretraining.generators.supervoxels import random_part
from fewslice.typing import BoolArray, Float32Array

_MOST_LESIONS = 10
_THICK = 0.4  # share of scans whose slices are averaged to thicker ones first
_RADIUS = (2.0, 14.0)  # of a lesion, in pixels of a slice


def lesion_volume(scan: Scan, rng: np.random.Generator, name: str) -> LabelledVolume:
    """Return a random part of a scan with one to ten lesions painted into it, all with label 1.

    scan: (channel, i, j, k) float32, spacing in mm. Each channel shows the lesions in its own way,
    some hardly at all, at least one clearly.
    """
    part = random_part(scan, rng)
    if rng.random() < _THICK:
        part = _thicker(part, rng)
    inside, softness = _shapes(part, rng)
    channels = part.channels.copy()
    strengths = rng.uniform(0.0, 1.0, len(channels))
    strengths[int(rng.integers(len(channels)))] = rng.uniform(0.4, 1.0)
    for channel, strength in zip(channels, strengths, strict=True):
        _paint(channel, (inside, softness), strength, rng)
    return LabelledVolume(Scan.from_spacing(channels, part.spacing), inside.astype(np.uint16), name)


def _thicker(scan: Scan, rng: np.random.Generator) -> Scan:
    """Return the scan with two to four slices averaged to one, across its coarsest axis."""
    axis = int(np.argmax(scan.spacing))
    by = min(int(rng.integers(2, 5)), max(scan.shape[axis] // 8, 1))
    kept = scan.shape[axis] // by * by
    slices = np.moveaxis(scan.channels, 1 + axis, 0)[:kept]
    means = slices.reshape(kept // by, by, *slices.shape[1:]).mean(axis=1)
    spacing = list(scan.spacing)
    spacing[axis] *= by
    return Scan.from_spacing(np.ascontiguousarray(np.moveaxis(means, 0, 1 + axis)), spacing)


def _shapes(scan: Scan, rng: np.random.Generator) -> tuple[BoolArray, Float32Array]:
    """Return where lesions are, and how strongly each voxel shows them, from 0 to 1."""
    from scipy.ndimage import gaussian_filter

    pixel = float(np.sort(scan.spacing)[0])
    where = np.meshgrid(
        *(np.arange(n) * mm for n, mm in zip(scan.shape, scan.spacing, strict=True)),
        indexing="ij",
        sparse=True,
    )
    inside = np.zeros(scan.shape, dtype=bool)
    bumps = 0.35 * smooth_field(scan.shape, cells_for(scan.shape, scan.spacing, 6 * pixel), rng)
    for centre in _centres(scan, rng):
        radii = pixel * np.exp(rng.uniform(*np.log(_RADIUS))) * np.exp(rng.normal(0.0, 0.3, 3))
        terms = [((at - c) / r) ** 2 for at, c, r in zip(where, centre, radii, strict=True)]
        inside |= sum(terms[1:], terms[0]) < np.exp(bumps)
    width = rng.uniform(0.3, 1.8) * pixel / np.array(scan.spacing)
    shown = gaussian_filter(inside.astype(np.float32), width, truncate=3.0)
    return inside, shown


def _centres(scan: Scan, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return mm of some lesions' middles, (lesion, 3): in tissue, apart or in a cluster."""
    first = scan.channels[0]
    tissue = np.argwhere(first > np.percentile(first, 40))
    tissue = tissue if len(tissue) else np.argwhere(np.ones(scan.shape, dtype=bool))
    count = int(min(1 + rng.geometric(0.35), _MOST_LESIONS))
    chosen = tissue[rng.integers(len(tissue), size=count)]
    spread = np.ones(3) if rng.random() < 0.6 else np.full(3, rng.uniform(0.15, 0.5))
    gathered = (chosen[0] + spread * (chosen - chosen[0])) * np.array(scan.spacing)
    return np.asarray(gathered, dtype=np.float64)


def _paint(
    channel: Float32Array,
    lesions: tuple[BoolArray, Float32Array],
    strength: float,
    rng: np.random.Generator,
) -> None:
    """Change a channel (i, j, k) where it shows lesions: brighter or darker, textured, with a core.

    strength: 0 to 1, of the difference in intensity against the channel's own range.
    """
    inside, shown = lesions
    low, high = np.percentile(channel, [5, 95])
    around = float(channel[inside].mean()) if inside.any() else float(low)
    room = max(float(high - low), 1e-6 * max(abs(float(high)), 1.0))
    sign = 1.0 if rng.random() < 0.5 + 0.4 * (0.5 - (around - low) / room) else -1.0
    level = around + sign * strength * rng.uniform(0.15, 0.8) * room
    replaced = rng.uniform(0.5, 1.0)  # the rest of the healthy pattern shines through
    texture = rng.uniform(0.0, 0.1) * room
    grain = texture * rng.standard_normal(channel.shape, dtype=np.float32)
    target = np.float32(level) + grain
    if rng.random() < 0.25:  # a core of another intensity, as necrosis has
        target = np.where(shown > 0.97, np.float32(around), target)
    channel += np.float32(replaced) * shown * (target - channel)
