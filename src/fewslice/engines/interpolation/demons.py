"""How what is seen moves from one image to the next, for many pairs of images at once.

Demons (Thirion, Medical Image Analysis 1998) with the gradients of both images (Wang et al., Phys.
Med. Biol. 2005), coarse to fine: every pixel is pulled to where the other image looks alike, and
pulls and displacements are smoothed. All pairs are one batch, which is why this is written here:
registration libraries take one pair of images at a time, and a hundred slices have 200 of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fewslice.typing import Float32Array

_SMALLEST = 10  # rows or columns of the coarsest images
_FLAT = 1e-4  # squared differences of intensities that are noise
_BATCH = 200_000  # pixels at a time, so that they stay near the processor


@dataclass(frozen=True)
class DemonsSettings:
    """How images are laid over one another; chosen on structures held out from training.

    iterations: at a quarter of the size, at half of it, and at the whole. before, pull,
    displacement: standard deviations in pixels by which images, pulls and displacements are
    smoothed.
    """

    iterations: tuple[int, ...] = (20, 15, 8)
    before: float = 0.5
    pull: float = 1.0
    displacement: float = 1.0


DEFAULT = DemonsSettings()


@torch.inference_mode()
def displacements(
    images: Float32Array, others: Float32Array, settings: DemonsSettings = DEFAULT
) -> Float32Array:
    """Return by how many rows and columns what each pixel shows lies elsewhere on another image.

    images, others: float32 (pair, channel, rows, columns), intensities of about 0 to 1. Result:
    float32 (pair, 2, rows, columns): `others` at a pixel and its displacement looks as `images` at
    the pixel does.
    """
    here, there = torch.from_numpy(images), torch.from_numpy(others)
    many = max(1, _BATCH // max(here[0, 0].numel(), 1)) if len(here) else 1
    batches = zip(torch.split(here, many), torch.split(there, many), strict=True)
    found = [_coarse_to_fine(one, other, settings) for one, other in batches]
    return np.concatenate([each.numpy() for each in found])


def _coarse_to_fine(fixed: Tensor, moving: Tensor, settings: DemonsSettings) -> Tensor:
    rows, columns = fixed.shape[-2:]
    found = torch.zeros(len(fixed), 2, 1, 1)
    for level, iterations in enumerate(settings.iterations):
        smaller = 2 ** (len(settings.iterations) - 1 - level)
        if smaller > 1 and min(rows, columns) < smaller * _SMALLEST:
            continue
        size = (round(rows / smaller), round(columns / smaller))
        found = _enlarged(found, size)
        before, pull, displacement = (
            Smoothing.by(deviation, size)
            for deviation in (settings.before, settings.pull, settings.displacement)
        )
        pair = [before.smoothed(resized(one, size)) for one in (fixed, moving)]
        here, places = _gradient(pair[0]), identity(size)
        for _ in range(iterations):
            warped = sampled(pair[1], places + found)
            pulled = pull.smoothed(_pull(pair[0], warped, here))
            found = displacement.smoothed(found.add_(pulled))
    return found


def _pull(fixed: Tensor, warped: Tensor, gradient: Tensor) -> Tensor:
    """Return by how many pixels, (pair, 2, rows, columns), displacements should change.

    gradient: of the fixed images.
    """
    down, along = (gradient + _gradient(warped)).div_(2).unbind(1)
    difference = fixed - warped
    strength = (down.square() + along.square() + difference.square()).sum(1).add_(_FLAT)
    pulls = [(difference * each).sum(1).div_(strength) for each in (down, along)]
    return torch.stack(pulls, dim=1)


def _gradient(images: Tensor) -> Tensor:
    """Return changes by row and by column, (pair, 2, channel, rows, columns)."""
    padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    along = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    return torch.stack([down, along], dim=1).div_(2)


def identity(size: torch.Size | tuple[int, int]) -> Tensor:
    """Return row and column of each pixel, (2, rows, columns)."""
    rows, columns = (torch.arange(length, dtype=torch.float32) for length in size)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))


def sampled(images: Tensor, places: Tensor) -> Tensor:
    """Return (pair, channel, rows, columns) images at places (pair, 2, rows, columns), linearly.

    Beyond the border is what lies at it.
    """
    rows, columns = (max(length - 1, 1) for length in images.shape[-2:])
    grid = torch.stack([places[:, 1] * (2 / columns) - 1, places[:, 0] * (2 / rows) - 1], dim=-1)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=True)


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return images with other numbers of rows and columns."""
    if images.shape[-2:] == size:
        return images
    return functional.interpolate(images, size, mode="bilinear", antialias=True)


def _enlarged(displacement: Tensor, size: tuple[int, int]) -> Tensor:
    """Return displacements on more pixels, in units of these."""
    rows, columns = displacement.shape[-2:]
    larger = torch.tensor([size[0] / rows, size[1] / columns]).view(1, 2, 1, 1)
    return functional.interpolate(displacement, size, mode="bilinear") * larger


@dataclass(frozen=True, eq=False)
class Smoothing:
    """A Gaussian for images of one size; the border is repeated.

    rows, columns: matrices to multiply with, which on such small images takes a third of a
    convolution's time.
    """

    rows: Tensor
    columns: Tensor

    @classmethod
    def by(cls, deviation: float, size: tuple[int, int]) -> Self:
        """Return the one of so many pixels."""
        rows, columns = (_gaussian(length, deviation) for length in size)
        return cls(rows, columns.T)

    def smoothed(self, images: Tensor) -> Tensor:
        """Return images (..., rows, columns) smoothed."""
        return self.rows @ images @ self.columns


def _gaussian(length: int, deviation: float) -> Tensor:
    """Return the (pixel, pixel) matrix that smooths a line of pixels."""
    reach = max(1, round(2.5 * deviation))
    away = torch.arange(-reach, reach + 1)
    weights = torch.exp(-0.5 * (away / deviation) ** 2)
    taken = (torch.arange(length)[:, None] + away).clamp(0, length - 1)
    matrix = torch.zeros(length, length)
    return matrix.scatter_add_(1, taken, (weights / weights.sum()).expand(length, -1))
