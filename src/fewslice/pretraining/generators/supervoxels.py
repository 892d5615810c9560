"""Pseudo-labels of unlabelled scans: regions a real image falls into, for any shape and contrast.

Supervoxels as stand-ins for structures come from Ouyang et al., "Self-supervision with
superpixels: training few-shot medical image segmentation without annotation", ECCV 2020. Here
they grow by watershed (Beucher & Meyer 1993) from random markers and then merge.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Scan
from fewslice.networks.augmentation.random_fields import cells_for, smooth_field
from fewslice.pretraining.generators.labelled_volume import LabelArray, LabelledVolume
from fewslice.typing import Float32Array

LARGEST = (96, 96, 64)
"""Most voxels of a cropped scan: in both axes of its slices, and of slices."""

MOST_LABELS = 60
"""Most supervoxels of a volume; the others are left as background."""

Regions = npt.NDArray[np.int64]

_SMALLEST = 10.0
_FEWEST_VOXELS = 30
"""Regions below `_SMALLEST` mm³ or of fewer voxels than this are joined to a neighbour."""

_EMPTY = 0.02
"""A region is empty if its mean is below this, with intensities normalised to [0, 1]."""


def supervoxel_volume(scan: Scan, rng: np.random.Generator, name: str) -> LabelledVolume:
    """Return a random part of `scan`, intensities unchanged, and its supervoxels.

    scan: (channel, i, j, k), spacing in mm. The part has at most 96 x 96 x 64 voxels, 64 across
    the coarsest spacing.
    """
    part = random_part(scan, rng)
    return LabelledVolume(part, supervoxel_labels(part, rng), name)


def random_part(scan: Scan, rng: np.random.Generator) -> Scan:
    """Return a part of a scan, at most `LARGEST` voxels: of a few places the one with most in it.

    Much of a scan may be air.
    """
    boxes = [_random_box(scan, rng) for _ in range(3)]
    box = max(boxes, key=lambda box: float(scan.channels[0][box][::3, ::3, ::3].std()))
    channels = np.ascontiguousarray(scan.channels[(slice(None), *box)], dtype=np.float32)
    return Scan.from_spacing(channels, scan.spacing)


def _random_box(scan: Scan, rng: np.random.Generator) -> tuple[slice, ...]:
    """Return a random part of the scan, as large as it may be."""
    most = np.empty(3, dtype=int)
    most[np.argsort(scan.spacing, kind="stable")] = LARGEST
    starts = [
        int(rng.integers(0, max(n - limit, 0) + 1))
        for n, limit in zip(scan.shape, most, strict=True)
    ]
    return tuple(
        slice(start, start + int(limit)) for start, limit in zip(starts, most, strict=True)
    )


def supervoxel_labels(scan: Scan, rng: np.random.Generator) -> LabelArray:
    """Return (i, j, k) uint16: at most 60 irregular regions of varied size, the rest 0.

    scan: (channel, i, j, k), spacing in mm; about a second for 600,000 voxels. The first channel
    says where regions end. A few regions are left as background, as around a real structure.
    """
    image = _normalised(scan.channels[0])
    regions = _grown(image, scan.spacing, rng)
    merged = _merged(regions, image, scan.spacing, rng)
    return _few(merged, image, rng)


def _normalised(image: npt.NDArray[np.generic]) -> Float32Array:
    """Return intensities with their 1st to 99th percentile mapped to [0, 1], clipped."""
    values = np.asarray(image, dtype=np.float32)
    low, high = np.percentile(values.ravel()[:: max(1, values.size // 20000)], (1, 99))
    result: Float32Array = np.clip((values - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    return result


def _grown(
    image: Float32Array, spacing: tuple[float, float, float], rng: np.random.Generator
) -> Regions:
    """Return regions (i, j, k) 0, 1, ... grown from random markers up to where intensity turns."""
    import SimpleITK as sitk  # noqa: N813 - the name everybody uses
    from scipy.ndimage import gaussian_gradient_magnitude

    wide = rng.uniform(0.6, 2.0) * min(spacing) / np.array(spacing)
    edges = gaussian_gradient_magnitude(image, np.maximum(wide, 0.3), truncate=3.0)
    # The root lets faint edges count beside those of bone and air.
    edges = np.sqrt(edges / max(float(np.percentile(edges[::2, ::2], 99)), 1e-6))
    # A little unevenness gives regions without edges between them irregular borders.
    length = float(rng.uniform(4.0, 10.0) * min(spacing))
    uneven = smooth_field(image.shape, cells_for(image.shape, spacing, length), rng)
    edges += np.float32(rng.uniform(0.02, 0.15)) * uneven
    # In 256 steps the watershed takes a tenth of the time it takes on real numbers.
    steps = (np.clip(edges, 0, 1) * 255).astype(np.uint8)
    markers = np.zeros(image.shape, dtype=np.uint16)
    # Markers crowd in places, so that regions are small there and large elsewhere.
    density = np.exp(smooth_field(image.shape, (3.0, 3.0, 3.0), rng)).ravel().cumsum()
    wanted = int(rng.integers(60, 400))
    places = np.unique(np.searchsorted(density, rng.uniform(0, density[-1], wanted)))
    markers.ravel()[np.clip(places, 0, markers.size - 1)] = np.arange(1, len(places) + 1)
    grown = sitk.MorphologicalWatershedFromMarkers(
        sitk.GetImageFromArray(steps),
        sitk.GetImageFromArray(markers),
        False,
        False,
    )
    _, regions = np.unique(sitk.GetArrayFromImage(grown), return_inverse=True)
    return regions.reshape(image.shape)


def _merged(
    regions: Regions,
    image: Float32Array,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
) -> Regions:
    """Return regions with tiny ones joined to a neighbour, and at random similar neighbours."""
    sizes = np.bincount(regions.ravel()).astype(np.float64)
    means = np.bincount(regions.ravel(), weights=image.ravel()) / np.maximum(sizes, 1)
    owner = np.arange(len(sizes))
    smallest = max(_SMALLEST / float(np.prod(spacing)), _FEWEST_VOXELS)
    largest = regions.size * np.exp(rng.uniform(np.log(0.005), np.log(0.2)))
    alike = rng.uniform(0.01, 0.12) if rng.random() < 0.8 else 0.0
    pairs = _neighbours(regions)
    # About the most similar first, so that a structure's parts find each other.
    unlike = np.abs(means[pairs[:, 0]] - means[pairs[:, 1]]) * np.exp(
        rng.normal(0, 0.5, len(pairs))
    )
    for first, second in pairs[np.argsort(unlike, kind="stable")]:
        a, b = _root(owner, first), _root(owner, second)
        together = sizes[a] + sizes[b]
        tiny = min(sizes[a], sizes[b]) < smallest
        similar = abs(means[a] - means[b]) < alike and together < largest
        if a != b and (tiny or similar):
            owner[b] = a
            means[a] = (means[a] * sizes[a] + means[b] * sizes[b]) / together
            sizes[a] = together
    roots = np.array([_root(owner, region) for region in range(len(owner))])
    return roots[regions]


def _root(owner: Regions, region: int) -> int:
    """Return the region that `region` has been joined to in the end."""
    while owner[region] != region:
        owner[region] = owner[owner[region]]
        region = int(owner[region])
    return int(region)


def _neighbours(regions: Regions) -> Regions:
    """Return the pairs (n, 2) of regions that share a face."""
    count = int(regions.max()) + 1
    codes = []
    for axis in range(3):
        along = np.moveaxis(regions, axis, 0)
        low, high = np.minimum(along[1:], along[:-1]), np.maximum(along[1:], along[:-1])
        codes.append((low * count + high)[low != high])
    code = np.flatnonzero(np.bincount(np.concatenate(codes), minlength=1))
    return np.stack((code // count, code % count), axis=1)


def _few(regions: Regions, image: Float32Array, rng: np.random.Generator) -> LabelArray:
    """Return labels of at most `MOST_LABELS` random regions, 1, 2, ...; the others are 0."""
    sizes = np.bincount(regions.ravel())
    means = np.bincount(regions.ravel(), weights=image.ravel()) / np.maximum(sizes, 1)
    # Pieces of the empty surroundings end nowhere in particular: nothing to learn from.
    full = np.flatnonzero((sizes > 0) & (means > _EMPTY))
    wanted = min(MOST_LABELS, max(2, int(rng.uniform(0.4, 1.0) * len(full))))
    kept = rng.permutation(full)[:wanted]
    number = np.zeros(len(sizes), dtype=np.uint16)
    number[kept] = np.arange(1, len(kept) + 1)
    return number[regions]
