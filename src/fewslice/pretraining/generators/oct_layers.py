"""Volumes that look like optical coherence tomography of the retina: layers, vessels, fluid.

Everything is drawn from surfaces, depths over (A-scan, B-scan): layers lie between them, and
pockets of fluid push those above them up. No scan was measured for the numbers; they span wide
ranges around what textbooks show.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Scan
from fewslice.networks.augmentation.random_fields import smooth_field
from fewslice.pretraining.generators.labelled_volume import LabelArray, LabelledVolume
from fewslice.typing import Float32Array

FLUID = 100
"""The label of all fluid within and under the retina."""

FLUID_BELOW = 101
"""The label of detachments under the pigment epithelium, where they are told apart."""


@dataclass(frozen=True, eq=False)
class _Pocket:
    """Fluid between two surfaces (A-scan, B-scan) in voxels of depth; empty where top >= bottom."""

    top: Float32Array
    bottom: Float32Array
    level: int
    label: int


@dataclass(frozen=True, eq=False)
class _Retina:
    """Surfaces (surface, A-scan, B-scan) in voxels of depth, growing with depth, and pockets.

    The first surface is the inner limiting membrane, the last but one lies under the pigment
    epithelium, the last under the choroid.
    """

    shape: tuple[int, int, int]
    surfaces: Float32Array
    pockets: list[_Pocket] = field(default_factory=list)

    @property
    def layers(self) -> int:
        """How many layers the retina has, the choroid not counted."""
        return len(self.surfaces) - 2


def random_oct(rng: np.random.Generator) -> LabelledVolume:
    """Return an OCT-like volume (A-scan, depth, B-scan), in a fifth with its axes permuted.

    96 to 256 A-scans, 96 to 256 voxels of depth, 8 to 32 B-scans; spacing about
    (0.006-0.025, 0.002-0.01, 0.03-0.25) mm; image (1, i, j, k) in [0, 1]. Labels: 1 to 9 for the
    layers from the inside out, the next for the choroid, `FLUID` and `FLUID_BELOW` in about two
    thirds of the volumes.
    """
    retina = _random_retina(rng)
    if rng.random() < 2 / 3:
        retina = _with_fluid(retina, rng)
    retina = _jittered(retina, rng)
    labels = _labels(retina)
    image = _image(retina, labels, rng)
    spacing = (rng.uniform(0.006, 0.025), rng.uniform(0.002, 0.01), rng.uniform(0.03, 0.25))
    axes = rng.permutation(3) if rng.random() < 0.2 else np.arange(3)
    flips = tuple(slice(None, None, rng.choice((-1, 1)) if axis != 1 else 1) for axis in range(3))
    image = np.ascontiguousarray(image[flips].transpose(axes))
    labels = np.ascontiguousarray(labels[flips].transpose(axes))
    turned = (float(spacing[axes[0]]), float(spacing[axes[1]]), float(spacing[axes[2]]))
    return LabelledVolume(Scan.from_spacing(image[None], turned), labels, "random oct")


def _random_retina(rng: np.random.Generator) -> _Retina:
    """Return a healthy retina: smooth layers of varied thickness, often with a foveal pit."""
    width, depth = int(rng.integers(96, 257)), int(rng.integers(96, 257))
    scans = int(rng.integers(8, 33))
    layers = int(rng.integers(4, 10))
    across = (width, scans)
    total = rng.uniform(0.22, 0.5) * depth
    shares = rng.dirichlet(np.full(layers, 4.0))
    shares[-1] = min(shares[-1], 0.12)
    thickness = np.empty((layers + 1, *across), dtype=np.float32)
    pit = _pit(across, rng) if rng.random() < 0.6 else np.zeros(across, dtype=np.float32)
    for layer in range(layers):
        varied = np.exp(rng.uniform(0.03, 0.3) * smooth_field(across, (3.0, 2.0), rng))
        # The pit is where the inner layers give way to the photoreceptors.
        thinned = 1 - pit * np.clip(1.5 - 2 * layer / layers, 0.0, 0.97)
        thickness[layer] = np.maximum(total * shares[layer] * varied * thinned, 0.4)
    thickness[layers] = rng.uniform(0.1, 0.3) * depth
    thickness[layers] *= np.exp(0.2 * smooth_field(across, (4.0, 2.0), rng))
    base = _base(depth, across, rng)
    above = np.cumsum(thickness[:layers][::-1], axis=0)[::-1]
    surfaces = np.concatenate([base - above, base[None], base[None] + thickness[layers:]])
    return _Retina((width, depth, scans), surfaces.astype(np.float32))


def _base(depth: int, across: tuple[int, int], rng: np.random.Generator) -> Float32Array:
    """Return the depth (A-scan, B-scan) of the pigment epithelium's underside, in voxels."""
    x, y = np.ix_(np.linspace(-1, 1, across[0]), np.linspace(-1, 1, across[1]))
    base = depth * rng.uniform(0.55, 0.8) + 0 * x * y
    base += depth * (rng.uniform(-0.12, 0.12) * x + rng.uniform(-0.05, 0.05) * y)
    base += depth * rng.uniform(-0.12, 0.06) * (x**2 + 0.5 * y**2)
    base += depth * rng.uniform(0.0, 0.015) * smooth_field(across, (4.0, 2.0), rng)
    result: Float32Array = base.astype(np.float32)
    return result


def _pit(across: tuple[int, int], rng: np.random.Generator) -> Float32Array:
    """Return how deep in the fovea each A-scan is, (A-scan, B-scan) from 0 to 1."""
    x, y = np.ix_(np.linspace(0, 1, across[0]), np.linspace(0, 1, across[1]))
    at_x, at_y = rng.uniform(0.25, 0.75, 2)
    wide = rng.uniform(0.06, 0.2)
    radius = ((x - at_x) / wide) ** 2 + ((y - at_y) / (wide * rng.uniform(1.0, 2.0))) ** 2
    result: Float32Array = np.exp(-0.5 * radius).astype(np.float32)
    return result


def _with_fluid(retina: _Retina, rng: np.random.Generator) -> _Retina:
    """Return the retina with 1 to 12 pockets of fluid, alone or in clusters that merge."""
    wanted = int(rng.integers(1, 13))
    told_apart = rng.random() < 0.4
    place = rng.uniform(0.1, 0.9, 2)
    for _ in range(wanted):
        if rng.random() < 0.4:
            place = rng.uniform(0.1, 0.9, 2)
        near = np.clip(place + rng.normal(0.0, 0.07, 2), 0.02, 0.98)
        retina = _with_pocket(retina, near, told_apart, rng)
    return retina


def _with_pocket(
    retina: _Retina, place: npt.NDArray[np.float64], told_apart: bool, rng: np.random.Generator
) -> _Retina:
    """Return the retina with one more pocket around `place` (A-scan, B-scan, from 0 to 1)."""
    kind = rng.choice(("within", "under retina", "under epithelium"), p=(0.65, 0.22, 0.13))
    within = kind == "within"
    rise = _rise(retina.shape, place, within, rng)
    if within:
        level, up, pushed = (
            int(rng.integers(1, retina.layers - 1)),
            rng.uniform(0.3, 0.7),
            rng.random(),
        )
    else:
        level, up, pushed = retina.layers - (kind == "under retina"), 1.0, 1.0
    surface = retina.surfaces[level]
    label = FLUID_BELOW if told_apart and kind == "under epithelium" else FLUID
    pocket = _Pocket(surface - up * rise, surface + (1 - up) * rise, level, label)
    # A cyst bends the layers above it gently; what lies under the retina lifts them as they are.
    shift = np.float32(pushed * up) * (_spread(rise, 0.5) if within else rise)
    surfaces = retina.surfaces.copy()
    surfaces[: level + (not within)] -= shift
    lifted = [
        _Pocket(p.top - shift, p.bottom - shift, p.level, p.label) if p.level < level else p
        for p in retina.pockets
    ]
    return _Retina(retina.shape, surfaces, [*lifted, pocket])


def _rise(
    shape: tuple[int, int, int],
    place: npt.NDArray[np.float64],
    within: bool,
    rng: np.random.Generator,
) -> Float32Array:
    """Return the height (A-scan, B-scan) of a pocket, in voxels of depth, 0 outside it.

    Cysts within the retina are round, down to a few voxels; detachments under it are flat.
    """
    width, depth, scans = shape
    least, most, steepest = (0.012, 0.09, 3.0) if within else (0.04, 0.25, 1.2)
    half_width = width * np.exp(rng.uniform(np.log(least), np.log(most)))
    half_scans = rng.uniform(0.5, 5.0)
    height = depth * np.exp(rng.uniform(np.log(0.02), np.log(0.2)))
    height = min(height, steepest * half_width)
    x, y = np.ix_(np.arange(width), np.arange(scans))
    drift = rng.normal(0.0, 0.08, scans).cumsum() * half_width
    at_x, at_y = place * (width, scans)
    square = ((x - at_x - drift + drift[int(at_y)]) / half_width) ** 2
    square = square + ((y - at_y) / half_scans) ** 2
    cells = (width / max(half_width, 4.0), scans / 2)
    rough = rng.uniform(0.1, 0.5) * smooth_field((width, scans), cells, rng)
    inside = np.sqrt(np.clip(1 + rough - square, 0.0, None)) * (square < 3)
    varied = np.exp(rng.normal(0.0, 0.25, scans))
    rise: Float32Array = (height * inside * varied).astype(np.float32)
    return rise if within else _spread(rise, 0.15)


def _spread(rise: Float32Array, share: float) -> Float32Array:
    """Return a pocket's height smoothed over a share of its width along A-scans."""
    from scipy.ndimage import gaussian_filter1d

    wide = int((rise > 0).any(axis=1).sum())
    spread: Float32Array = gaussian_filter1d(rise, max(share * wide, 0.5), axis=0)
    spread[spread < 0.5] = 0
    return spread


def _jittered(retina: _Retina, rng: np.random.Generator) -> _Retina:
    """Return the retina as the eye moved between B-scans: each shifted in depth."""
    scans = retina.shape[2]
    depth = retina.shape[1]
    shift = rng.uniform(0.0, 0.012) * depth * rng.standard_normal(scans)
    shift += rng.uniform(0.0, 0.02) * depth * smooth_field((scans,), (scans / 3,), rng)
    moved = shift.astype(np.float32)
    return _Retina(
        retina.shape,
        retina.surfaces + moved,
        [_Pocket(p.top + moved, p.bottom + moved, p.level, p.label) for p in retina.pockets],
    )


def _labels(retina: _Retina) -> LabelArray:
    """Return labels (A-scan, depth, B-scan): layers, choroid, and fluid over them."""
    z = np.arange(retina.shape[1], dtype=np.float32)[None, :, None]
    labels = np.zeros(retina.shape, dtype=np.uint16)
    for surface in retina.surfaces:
        labels += z >= surface[:, None, :]
    labels[labels == len(retina.surfaces)] = 0
    for pocket in retina.pockets:
        columns, scans = np.nonzero(pocket.bottom > pocket.top)
        if not len(columns):
            continue
        box = (slice(columns.min(), columns.max() + 1), slice(scans.min(), scans.max() + 1))
        top, bottom = pocket.top[box][:, None], pocket.bottom[box][:, None]
        labels[box[0], :, box[1]][(z >= top) & (z < bottom)] = pocket.label
    return labels


def _image(retina: _Retina, labels: LabelArray, rng: np.random.Generator) -> Float32Array:
    """Return the image (A-scan, depth, B-scan) in [0, 1] of a retina with these labels."""
    from scipy.ndimage import gaussian_filter1d

    image = _reflectivity(retina, rng)[labels]
    below = labels == 0
    below &= np.arange(retina.shape[1])[None, :, None] >= retina.surfaces[-2][:, None, :]
    image[below] = rng.uniform(0.05, 0.4)
    image *= _texture(retina, labels, rng)
    image = gaussian_filter1d(image, rng.uniform(0.4, 1.2), axis=1, truncate=3.0)
    image = gaussian_filter1d(image, rng.uniform(0.4, 1.5), axis=0, truncate=3.0)
    image *= _shadows(retina, rng)
    image *= np.exp(rng.uniform(0.0, 0.15) * smooth_field(retina.shape, (2.0, 1.0, 2.0), rng))
    image *= np.exp(rng.normal(0.0, rng.uniform(0.0, 0.1), retina.shape[2])).astype(np.float32)
    return _speckled(image, rng)


def _reflectivity(retina: _Retina, rng: np.random.Generator) -> Float32Array:
    """Return the mean intensity of every label (102,) float32: light and dark layers by turns."""
    layers = retina.layers
    values = np.zeros(FLUID_BELOW + 1, dtype=np.float32)
    dark, light = np.sort(rng.uniform(0.15, 0.7, 2))
    mean = np.where((np.arange(layers) + rng.integers(2)) % 2, dark, light)
    values[1 : layers + 1] = np.clip(mean + rng.normal(0.0, 0.1, layers), 0.08, 0.85)
    values[layers] = rng.uniform(0.75, 1.0)
    values[layers + 1] = rng.uniform(0.3, 0.65)
    values[0] = rng.uniform(0.01, 0.12)
    grey = rng.random() < 0.3
    values[FLUID] = values[0] + (rng.uniform(0.05, 0.25) if grey else rng.uniform(0.0, 0.06))
    values[FLUID_BELOW] = values[FLUID] + rng.uniform(0.0, 0.15)
    return values


def _texture(retina: _Retina, labels: LabelArray, rng: np.random.Generator) -> Float32Array:
    """Return a factor (A-scan, depth, B-scan): vessels of the choroid, and light fading below."""
    width, depth, scans = retina.shape
    texture: Float32Array = 1 + 0.08 * smooth_field(
        retina.shape, (width / 8, depth / 5, scans), rng
    )
    cells = (width / rng.uniform(8, 20), depth / rng.uniform(6, 14), scans / rng.uniform(1, 3))
    vessels = smooth_field(retina.shape, cells, rng) > rng.uniform(0.0, 1.0)
    texture[vessels & (labels == retina.layers + 1)] *= rng.uniform(0.4, 0.9)
    z = np.arange(depth, dtype=np.float32)[None, :, None]
    under = np.clip(z - retina.surfaces[-2][:, None, :], 0, None)
    texture *= np.exp(-under * np.float32(rng.uniform(1.0, 6.0) / depth))
    return texture


def _shadows(retina: _Retina, rng: np.random.Generator) -> Float32Array:
    """Return a factor (A-scan, depth, B-scan): columns under vessels are darker."""
    width, depth, scans = retina.shape
    dark = np.ones((width, scans), dtype=np.float32)
    x = np.arange(width, dtype=np.float32)[:, None]
    for _ in range(rng.integers(0, 9)):
        path = rng.uniform(0, width) + rng.normal(0, 0.02) * width * np.arange(scans)
        path = path + rng.uniform(0.0, 4.0) * smooth_field((scans,), (scans / 5,), rng)
        half = rng.uniform(0.8, 4.5)
        dark *= 1 - np.float32(rng.uniform(0.15, 0.75)) * np.exp(-(((x - path) / half) ** 2))
    z = np.arange(depth, dtype=np.float32)[None, :, None]
    start = retina.surfaces[min(2, retina.layers - 1)][:, None, :]
    factor: Float32Array = np.where(z > start, dark[:, None, :], np.float32(1)).astype(np.float32)
    return factor


def _speckled(image: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Return the image with speckle of a random number of averaged looks, in [0, 1]."""
    from scipy.ndimage import gaussian_filter1d

    appearance = np.float32(np.exp(rng.uniform(np.log(2.0), np.log(40.0))))
    speckle = rng.standard_gamma(appearance, image.shape, dtype=np.float32) / appearance
    if rng.random() < 0.5:
        speckle = gaussian_filter1d(speckle, rng.uniform(0.4, 1.0), axis=0, truncate=3.0)
    image = image * speckle
    floor = np.float32(rng.uniform(0.0, 0.06))
    image += floor * np.abs(rng.standard_normal(image.shape, dtype=np.float32))
    top = np.percentile(image.ravel()[::17], rng.uniform(97.0, 99.8))
    image = np.clip(image / max(float(top), 1e-6), 0.0, 1.0)
    # Instruments show speckle on scales from linear to nearly logarithmic.
    image **= np.float32(rng.uniform(0.35, 0.85))
    return image.astype(np.float32)
