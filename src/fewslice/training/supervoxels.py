"""Pseudo-labels of unlabelled scans: regions a real image falls into, for any shape and contrast.

Supervoxels as stand-ins for structures come from Ouyang et al., "Self-supervision with
superpixels: training few-shot medical image segmentation without annotation", ECCV 2020. Here
they grow by watershed (Beucher & Meyer 1993) from random markers and then merge.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.engines.protocol import Scan
from fewslice.training.smooth_fields import Float32Array, cells_for, smooth_field
from fewslice.training.volume import LabelArray, LabelledVolume

LARGEST = (96, 96, 64)
"""Most voxels of a cropped scan: in both axes of its slices, and of slices."""

MOST_LABELS = 60

_SMALLEST = 10.0
"""Regions below this volume in mm³, or below eight voxels, are joined to a neighbour."""


def supervoxel_volume(scan: Scan, rng: np.random.Generator, name: str) -> LabelledVolume:
    """Return a random part of `scan`, intensities unchanged, and its supervoxels.

    scan: (channel, i, j, k), spacing in mm. The part has at most 96 x 96 x 64 voxels, 64 across
    the coarsest spacing.
    """
    order = np.argsort(scan.spacing, kind="stable")
    most = np.empty(3, dtype=int)
    most[order] = LARGEST
    box = [slice(None)]
    for length, limit in zip(scan.shape, most, strict=True):
        start = int(rng.integers(0, max(length - limit, 0) + 1))
        box.append(slice(start, start + int(limit)))
    channels = np.ascontiguousarray(scan.channels[tuple(box)], dtype=np.float32)
    part = Scan(channels, scan.spacing)
    return LabelledVolume(part, supervoxel_labels(part, rng), name)


def supervoxel_labels(scan: Scan, rng: np.random.Generator) -> LabelArray:
    """Return (i, j, k) uint16: at most 60 irregular regions of varied size, the rest 0.

    scan: (channel, i, j, k), spacing in mm; about a second for 600,000 voxels. The first channel
    says where regions end. A few regions are left as background, as around a real structure.
    """
    image = _normalised(scan.channels[0])
    regions = _grown(image, scan.spacing, rng)
    merged = _merged(regions, image, scan.spacing, rng)
    return _few(merged, rng)


def _normalised(image: npt.NDArray[np.generic]) -> Float32Array:
    """Return intensities with their 1st to 99th percentile mapped to [0, 1], clipped."""
    values = np.asarray(image, dtype=np.float32)
    low, high = np.percentile(values.ravel()[:: max(1, values.size // 20000)], (1, 99))
    result: Float32Array = np.clip((values - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    return result


def _grown(
    image: Float32Array, spacing: tuple[float, float, float], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return regions (i, j, k) 0, 1, ... grown from random markers up to where intensity turns."""
    import SimpleITK as sitk  # noqa: N813
    from scipy.ndimage import gaussian_gradient_magnitude

    wide = rng.uniform(0.6, 2.5) * min(spacing) / np.array(spacing)
    edges = gaussian_gradient_magnitude(image, np.maximum(wide, 0.3), truncate=3.0)
    # A little unevenness gives regions without edges between them irregular borders.
    length = float(rng.uniform(4.0, 10.0) * min(spacing))
    uneven = smooth_field(image.shape, cells_for(image.shape, spacing, length), rng)
    edges = edges + np.float32(rng.uniform(0.05, 0.6) * edges.std() + 1e-4) * uneven
    # In 256 steps the watershed takes a tenth of the time it takes on real numbers.
    steps = np.clip(edges / max(np.percentile(edges[::2, ::2], 99), 1e-6), 0, 1) * 255
    markers = np.zeros(image.shape, dtype=np.uint16)
    # Markers crowd in places, so that regions are small there and large elsewhere.
    density = np.exp(smooth_field(image.shape, (3.0, 3.0, 3.0), rng)).ravel().cumsum()
    wanted = int(rng.integers(60, 400))
    places = np.unique(np.searchsorted(density, rng.uniform(0, density[-1], wanted)))
    markers.ravel()[np.clip(places, 0, markers.size - 1)] = np.arange(1, len(places) + 1)
    grown = sitk.MorphologicalWatershedFromMarkers(
        sitk.GetImageFromArray(steps.astype(np.uint8)),
        sitk.GetImageFromArray(markers),
        False,
        False,
    )
    _, regions = np.unique(sitk.GetArrayFromImage(grown), return_inverse=True)
    return regions.reshape(image.shape)


def _merged(
    regions: npt.NDArray[np.int64],
    image: Float32Array,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Return regions with the small ones, and at random similar neighbours, joined."""
    sizes = np.bincount(regions.ravel()).astype(np.float64)
    sums = np.bincount(regions.ravel(), weights=image.ravel())
    owner = np.arange(len(sizes))
    smallest = max(_SMALLEST / float(np.prod(spacing)), 8.0)
    largest = regions.size * np.exp(rng.uniform(np.log(0.005), np.log(0.2)))
    alike = rng.choice((0.0, rng.uniform(0.01, 0.1)), p=(0.3, 0.7))
    pairs = _neighbours(regions)
    for first, second in pairs[rng.permutation(len(pairs))]:
        a, b = _root(owner, first), _root(owner, second)
        if a == b:
            continue
        tiny = min(sizes[a], sizes[b]) < smallest
        similar = abs(sums[a] / sizes[a] - sums[b] / sizes[b]) < alike
        if tiny or (similar and sizes[a] + sizes[b] < largest):
            owner[b] = a
            sizes[a] += sizes[b]
            sums[a] += sums[b]
    roots = np.array([_root(owner, region) for region in range(len(owner))])
    return roots[regions]


def _root(owner: npt.NDArray[np.int64], region: int) -> int:
    """Return the region that `region` has been joined to in the end."""
    while owner[region] != region:
        owner[region] = owner[owner[region]]
        region = int(owner[region])
    return int(region)


def _neighbours(regions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the pairs (n, 2) of regions that share a face."""
    count = int(regions.max()) + 1
    codes = []
    for axis in range(3):
        along = np.moveaxis(regions, axis, 0)
        low, high = np.minimum(along[1:], along[:-1]), np.maximum(along[1:], along[:-1])
        codes.append((low * count + high)[low != high])
    code = np.flatnonzero(np.bincount(np.concatenate(codes), minlength=1))
    return np.stack((code // count, code % count), axis=1)


def _few(regions: npt.NDArray[np.int64], rng: np.random.Generator) -> LabelArray:
    """Return labels of at most `MOST_LABELS` random regions, 1, 2, ...; the others are 0."""
    present = np.flatnonzero(np.bincount(regions.ravel()))
    share = rng.uniform(0.4, 1.0)
    wanted = min(MOST_LABELS, max(2, int(share * len(present))))
    kept = rng.permutation(present)[:wanted]
    number = np.zeros(int(present.max()) + 1, dtype=np.uint16)
    number[kept] = np.arange(1, len(kept) + 1)
    return number[regions]
