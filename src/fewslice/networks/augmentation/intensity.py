"""Random changes of intensities, so that a network does not learn what a tissue's value is.

Curves follow nnU-Net (Isensee et al., Nature Methods 2021) and Models Genesis (Zhou et al.,
Medical Image Analysis 2021). As in TorchIO (Pérez-García et al., 2021), a change is drawn once and
can then be applied to any images, so that support and query slices get the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.networks.augmentation.random_fields import spline_basis
from fewslice.typing import Float32Array

LOW, HIGH = -0.25, 1.25
"""The range results are clipped to: a little beyond the [0, 1] images are normalised to."""

_STEPS = 512


@dataclass(frozen=True, eq=False)
class IntensityChange:
    """One random change of intensities, the same for all slices it is applied to.

    curve: float32 (512,), the new value of each old one, evenly from -0.25 to 1.25. blur: standard
    deviation in pixels. sharpening: weight of the unsharp mask. noise: standard deviation of
    Gaussian noise. bias: control points float32 (4, 4) of the log of a factor, the same in all
    slices. jitter: standard deviation of a brightness shift of each slice. 0 turns each off.
    """

    curve: Float32Array
    blur: float
    sharpening: float
    noise: float
    bias: Float32Array
    jitter: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> IntensityChange:
        """Return a change with each of its parts drawn with a probability of its own."""
        blurs, sharpens = rng.random(2) < (0.15, 0.1)
        strength = rng.uniform(0.02, 0.25) if rng.random() < 0.3 else 0.0
        bias = strength * rng.standard_normal((4, 4))
        return cls(
            curve=_curve(rng),
            blur=float(rng.uniform(0.3, 1.2)) if blurs else 0.0,
            sharpening=float(rng.uniform(0.2, 1.0)) if sharpens and not blurs else 0.0,
            noise=float(np.exp(rng.uniform(-5.0, -2.3))) if rng.random() < 0.3 else 0.0,
            bias=bias.astype(np.float32),
            jitter=float(rng.uniform(0.005, 0.04)) if rng.random() < 0.25 else 0.0,
        )

    def apply(self, images: Float32Array, rng: np.random.Generator) -> Float32Array:
        """Return changed images (..., h, w) float32 in [-0.25, 1.25].

        images: values about 0 to 1. rng draws the noise and the jitter only.
        """
        from scipy.ndimage import gaussian_filter1d

        place = (images - LOW) * ((_STEPS - 1) / (HIGH - LOW))
        changed: Float32Array = self.curve[np.clip(np.rint(place), 0, _STEPS - 1).astype(np.int32)]
        if self.blur or self.sharpening:
            wide = self.blur or 1.0
            smooth = gaussian_filter1d(changed, wide, axis=-1, truncate=3.0)
            smooth = gaussian_filter1d(smooth, wide, axis=-2, truncate=3.0)
            changed = smooth if self.blur else changed + self.sharpening * (changed - smooth)
        if self.bias.any():
            changed = changed * self._bias_field(*images.shape[-2:])
        if self.jitter:
            shift = self.jitter * rng.standard_normal((*images.shape[:-2], 1, 1), dtype=np.float32)
            changed = changed + shift
        if self.noise:
            changed = changed + self.noise * rng.standard_normal(images.shape, dtype=np.float32)
        return np.clip(changed, LOW, HIGH).astype(np.float32, copy=False)

    def _bias_field(self, height: int, width: int) -> Float32Array:
        """Return the factor (h, w) that each slice is multiplied by."""
        rows, columns = spline_basis(height, 1.0), spline_basis(width, 1.0)
        field: Float32Array = np.exp(rows @ self.bias @ columns.T)
        return field


def _curve(rng: np.random.Generator) -> Float32Array:
    """Return the new value of each old one (512,): all pointwise changes in one table."""
    old = np.linspace(LOW, HIGH, _STEPS)
    kind = rng.random()
    if kind < 0.5:
        new = _monotone(old, rng)
    elif kind < 0.6:
        new = _broken(old, rng)
    else:
        new = old
    if rng.random() < 0.5:
        unit = np.clip(new, 0.0, 1.0)
        new = unit ** np.exp(rng.normal(0.0, 0.35)) + (new - unit)
    if rng.random() < 0.25:
        new = 1.0 - new
    if rng.random() < 0.5:
        new = (new - 0.5) * np.exp(rng.normal(0.0, 0.2)) + 0.5 + rng.normal(0.0, 0.07)
    curve: Float32Array = np.clip(new, LOW, HIGH).astype(np.float32)
    return curve


def _monotone(old: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a smooth rising curve that keeps 0 and 1, through random control points."""
    from scipy.interpolate import PchipInterpolator

    points = int(rng.integers(2, 5))
    mixed = rng.uniform(0.3, 1.0)
    x = np.linspace(0, 1, points + 2)
    y = (1 - mixed) * x + mixed * np.array([0.0, *np.sort(rng.random(points)), 1.0])
    unit = np.clip(old, 0.0, 1.0)
    curve: npt.NDArray[np.float64] = PchipInterpolator(x, y)(unit) + (old - unit)
    return curve


def _broken(old: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a curve that rises and falls: straight pieces between random values."""
    points = int(rng.integers(4, 8))
    curve: npt.NDArray[np.float64] = np.interp(old, np.linspace(0, 1, points), rng.random(points))
    return curve
