"""Images made from label maps, with random contrast, resolution and artefacts.

The generative model of SynthSeg (Billot et al., "SynthSeg: Segmentation of brain MRI scans of any
contrast and resolution without retraining", Medical Image Analysis 2023), widened: the background
is structured too, structures may look alike, and contrasts go down to faint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Scan
from fewslice.networks.augmentation.random_fields import cells_for, smooth_field
from fewslice.pretraining.generators.labelled_volume import LabelArray, LabelledVolume
from fewslice.typing import Float32Array

Spacing = tuple[float, float, float]

Vector = npt.NDArray[np.float64]

LARGEST = (128, 128, 64)
"""Most voxels of a synthetic volume: in both axes of its slices, and of slices."""

_ONE_CHANNEL = 0.75
"""Share of synthetic volumes with one channel; the others show their labels two to four times."""

_IN_AIR = 0.5
"""Share of images whose structures lie in a body with air around, as where 0 means either."""

_TRIES = 5
"""How often to look for a part with structures in it; those at a corner are easily missed."""


def synthesise(labels: LabelArray, spacing: Spacing, rng: np.random.Generator) -> Float32Array:
    """Return an image (i, j, k) float32 in [0, 1] that `labels` might have come from.

    labels: (i, j, k) uint16, 0 is background. spacing: mm. Every label gets a random mean and
    texture; then come partial volume, bias field, gamma and noise (Billot et al. 2023).
    """
    regions, count, background = _regions(labels, spacing, rng)
    means = _means(count, background, rng)
    image = _paint(regions, means, spacing, rng)
    image = _blurred(image, spacing, rng)
    if rng.random() < 0.7:
        cells = cells_for(labels.shape, spacing, rng.uniform(0.4, 1.5) * _extent(labels, spacing))
        image *= np.exp(rng.uniform(0.02, 0.25) * smooth_field(labels.shape, cells, rng))
    np.clip(image, 0.0, 1.0, out=image)
    image **= np.float32(np.exp(rng.normal(0.0, 0.3)))
    return _noisy(image, rng)


def synthetic_volume(
    labels: LabelArray, spacing: Spacing, rng: np.random.Generator, name: str
) -> LabelledVolume:
    """Return a part of `labels`, turned, deformed and with a synthetic image.

    labels: (i, j, k) uint16 of any size; spacing: mm. The result has at most 128 x 128 x 64
    voxels, the fewest across its coarsest spacing, and often thicker slices than `labels`.
    """
    axes = rng.permutation(3) if rng.random() < 0.5 else np.argsort(spacing, kind="stable")
    turned = labels.transpose(axes)[tuple(slice(None, None, rng.choice((-1, 1))) for _ in axes)]
    before = np.array(spacing, dtype=np.float64)[axes]
    after = _new_spacing(turned.shape, before, rng)
    shape = _new_shape(turned.shape, before, after)
    for _ in range(_TRIES):
        deformed = _resampled(turned, before, _Grid(shape, after), rng)
        if deformed.any():
            break
    millimetres = (float(after[0]), float(after[1]), float(after[2]))
    channels = 1 if rng.random() < _ONE_CHANNEL else int(rng.integers(2, 5))
    images = np.stack([synthesise(deformed, millimetres, rng) for _ in range(channels)])
    return LabelledVolume(Scan.from_spacing(images, millimetres), deformed, name)


@dataclass(frozen=True, eq=False)
class _Grid:
    """The grid to make: voxels along each axis, and mm per voxel (3,)."""

    shape: tuple[int, int, int]
    spacing: Vector


def _extent(labels: LabelArray, spacing: Spacing) -> float:
    """Return the volume's mean side in mm."""
    return float(np.mean(np.multiply(labels.shape, spacing)))


def _regions(
    labels: LabelArray, spacing: Spacing, rng: np.random.Generator
) -> tuple[LabelArray, int, int]:
    """Return each voxel's region, how many regions there are, and how many are background."""
    present = np.flatnonzero(np.bincount(labels.ravel()))
    structures = present[present > 0]
    background = int(rng.integers(1, 8))
    number = np.zeros(65536, dtype=np.uint16)
    number[structures] = np.arange(background, background + len(structures))
    regions = number[labels]
    if background > 1:
        cells = cells_for(labels.shape, spacing, rng.uniform(0.12, 0.4) * _extent(labels, spacing))
        behind = np.zeros(labels.shape, dtype=np.uint16)
        best = smooth_field(labels.shape, cells, rng)
        for region in range(1, background):
            field = smooth_field(labels.shape, cells, rng)
            behind[field > best] = region
            np.maximum(best, field, out=best)
        np.copyto(regions, behind, where=labels == 0)
    if background > 1 and rng.random() < _IN_AIR:
        regions[~_body(labels, spacing, rng)] = 0
    return regions, background + len(structures), background


def _body(labels: LabelArray, spacing: Spacing, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return where tissue is: the structures and what lies around them, to a wavy skin."""
    from scipy.ndimage import distance_transform_edt

    if not labels.any():
        return np.ones(labels.shape, dtype=bool)
    extent = _extent(labels, spacing)
    away = distance_transform_edt(labels == 0, spacing)
    cells = cells_for(labels.shape, spacing, 0.4 * extent)
    waves = 1 + 0.4 * smooth_field(labels.shape, cells, rng)
    body: npt.NDArray[np.bool_] = away <= rng.uniform(0.03, 0.2) * extent * np.maximum(waves, 0.2)
    return body | (labels > 0)


def _means(count: int, background: int, rng: np.random.Generator) -> Float32Array:
    """Return each region's mean intensity in [0, 1]: some share one, some differ faintly."""
    means = rng.uniform(0.0, 1.0, count)
    if rng.random() < 0.4:
        structures = count - background
        groups = int(rng.integers(1, max(2, structures)))
        means[background:] = rng.uniform(0.0, 1.0, groups)[rng.integers(0, groups, structures)]
    if rng.random() < 0.3:
        means[:background] *= rng.uniform(0.0, 0.5)
    contrast = rng.uniform(0.35, 1.0)
    means[background:] = 0.5 + contrast * (means[background:] - 0.5)
    means += rng.normal(0.0, 0.04, count)
    # As wide a range as a window set on the scan would show; noise must not be blown up to it.
    low, high = means.min() - rng.uniform(0.0, 0.1), means.max() + rng.uniform(0.0, 0.1)
    scaled: Float32Array = ((means - low) / max(high - low, 0.3)).astype(np.float32)
    return scaled


def _paint(
    regions: LabelArray, means: Float32Array, spacing: Spacing, rng: np.random.Generator
) -> Float32Array:
    """Return an image (i, j, k): each region's mean, its grain and its coarser texture."""
    deviations = rng.uniform(0.0, 0.07, len(means)).astype(np.float32)
    grain = rng.standard_normal(regions.shape, dtype=np.float32)
    image: Float32Array = means[regions] + deviations[regions] * grain
    if rng.random() < 0.6:
        cells = cells_for(regions.shape, spacing, rng.uniform(2.0, 8.0) * min(spacing))
        coarse = rng.uniform(0.0, 0.08, len(means)).astype(np.float32)
        image += coarse[regions] * smooth_field(regions.shape, cells, rng)
    return image


def _blurred(image: Float32Array, spacing: Spacing, rng: np.random.Generator) -> Float32Array:
    """Return the image as seen with a random resolution, sometimes coarser along one axis."""
    from scipy.ndimage import gaussian_filter

    width = np.full(3, rng.uniform(0.3, 1.2) * min(spacing)) / np.array(spacing)
    if rng.random() < 0.4:
        width[rng.integers(3)] += rng.uniform(0.2, 1.0)
    blurred: Float32Array = gaussian_filter(image, width, truncate=3.0)
    return blurred


def _noisy(image: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Return the image with Gaussian, Rician or speckle noise, in [0, 1]."""
    kind = rng.choice(("gaussian", "rician", "speckle"), p=(0.7, 0.15, 0.15))
    level = np.float32(np.exp(rng.uniform(np.log(0.005), np.log(0.1))))
    noise = level * rng.standard_normal(image.shape, dtype=np.float32)
    if kind == "gaussian":
        image = image + noise
    elif kind == "rician":
        other = level * rng.standard_normal(image.shape, dtype=np.float32)
        image = np.sqrt((image + noise) ** 2 + other**2)
    else:
        image = image * (1 + 2 * noise)
    result: Float32Array = np.clip(image, 0.0, 1.0).astype(np.float32)
    return result


def _new_spacing(shape: tuple[int, ...], spacing: Vector, rng: np.random.Generator) -> Vector:
    """Return a spacing: larger fields of view are coarser, and slices are often thick."""
    side = max(n * mm for n, mm in zip(shape[:2], spacing[:2], strict=True))
    field = rng.uniform(0.35, 1.0) * side
    coarser = max(1.0, field / (rng.uniform(0.6, 1.0) * LARGEST[0] * spacing[:2].min()))
    pixel = coarser * spacing[:2].min()
    ratio = 1.0 if rng.random() < 0.4 else np.exp(rng.uniform(0.0, np.log(5.0)))
    # At least 12 slices, but none finer than the label map's: they would only show its steps.
    slice_spacing = max(spacing[2], min(ratio * pixel, shape[2] * spacing[2] / 12))
    return np.array([pixel, pixel, slice_spacing])


def _new_shape(shape: tuple[int, ...], before: Vector, after: Vector) -> tuple[int, int, int]:
    """Return how many voxels cover the label map, at most `LARGEST` along each axis."""
    wanted = np.ceil(shape * before / after).astype(int)
    i, j, k = (int(min(max(n, 8), most)) for n, most in zip(wanted, LARGEST, strict=True))
    return i, j, k


def _resampled(
    labels: LabelArray, spacing: Vector, grid: _Grid, rng: np.random.Generator
) -> LabelArray:
    """Return labels on `grid` around a random structure voxel, deformed, nearest neighbour.

    The affine part turns by up to 20 degrees, scales by 0.8 to 1.2 and shears a little; the
    elastic part moves by up to about 5 % of the volume's side.
    """
    side = np.array(grid.shape) * grid.spacing
    centre = _centre(labels, spacing, side, rng)
    matrix = _affine(rng)
    where = np.ix_(
        *((np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(grid.shape, grid.spacing, strict=True))
    )
    length = rng.uniform(0.15, 0.5) * side.mean()
    cells = cells_for(grid.shape, tuple(grid.spacing), length)
    amount = rng.uniform(0.0, 0.15) * min(length, side.min()) * (rng.random() < 0.8)
    inside = np.ones(grid.shape, dtype=bool)
    indices = []
    for axis in range(3):
        place = np.float32(amount) * smooth_field(grid.shape, cells, rng) + np.float32(centre[axis])
        for other in range(3):
            place += (matrix[axis, other] * where[other]).astype(np.float32)
        index = np.rint(place / np.float32(spacing[axis])).astype(np.int32)
        # Beyond the label map lies nothing known: background, not its edge drawn out.
        inside &= (index >= 0) & (index < labels.shape[axis])
        indices.append(np.clip(index, 0, labels.shape[axis] - 1))
    found: LabelArray = np.where(inside, labels[tuple(indices)], 0).astype(np.uint16)
    return found


def _centre(labels: LabelArray, spacing: Vector, side: Vector, rng: np.random.Generator) -> Vector:
    """Return where the new grid's centre lies, in mm: near a voxel of a random structure."""
    # Every other voxel or fewer of a large label map will do to find a place.
    strides = [max(1, n // 128) for n in labels.shape]
    thinned = labels[tuple(slice(None, None, step) for step in strides)]
    structures = np.flatnonzero(np.bincount(thinned.ravel())[1:]) + 1
    middle = np.array(labels.shape) / 2
    if len(structures):
        voxels = np.flatnonzero(thinned.ravel() == rng.choice(structures))
        middle = np.multiply(np.unravel_index(rng.choice(voxels), thinned.shape), strides)
    whole = np.array(labels.shape) * spacing
    centre = middle * spacing + rng.uniform(-0.2, 0.2, 3) * side
    room = np.minimum(side, whole) / 2
    clipped: Vector = np.clip(centre, room, whole - room)
    return clipped


def _affine(rng: np.random.Generator) -> Vector:
    """Return a random turn, scaling and shear (3, 3)."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz", rng.uniform(-20, 20, 3), degrees=True).as_matrix()
    stretch = np.diag(np.exp(rng.uniform(-0.2, 0.2, 3)))
    shear = np.eye(3) + rng.uniform(-0.1, 0.1, (3, 3)) * (1 - np.eye(3))
    matrix: Vector = turn @ stretch @ shear
    return matrix
