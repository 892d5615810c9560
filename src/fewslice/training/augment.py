"""Training patches: a slice turned, stretched, bent and recoloured at random.

Slices are never mirrored: left and right are often different labels (parotid glands, kidneys).
Sizes of the changes are those of nnU-Net (Isensee et al., Nature Methods 2021), somewhat smaller
for intensities that have a unit (HU).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from fewslice.training.intensity import HIGH, LOW
from fewslice.training.sampling import ANYWHERE
from fewslice.training.slices import TrainingSlice, places_of

_TURN = 20.0  # degrees, at most
_STRETCH = 0.25  # of the logarithm of a length, at most
_BEND = 0.05  # of a patch's side: standard deviation of a bend
_ELSEWHERE = 0.1  # of half a scan's extent: standard deviation of where a slice is said to lie


@dataclass(frozen=True, eq=False)
class Batch:
    """Patches to learn from, on the CPU.

    images: (n, channel * 3, h, w). places: (n, 3, h, w). truth: (n, class, h, w), the share of
    each class, 0 for all where unknown. not_looked_for: bool (n, class).
    """

    images: Tensor
    places: Tensor
    truth: Tensor
    not_looked_for: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the same on another device."""
        return Batch(
            *(
                part.to(device)
                for part in (self.images, self.places, self.truth, self.not_looked_for)
            )
        )


def draw_batch(
    chosen: Sequence[tuple[TrainingSlice, int]],
    classes: int,
    size: tuple[int, int],
    fixed: bool,
    rng: np.random.Generator,
) -> Batch:
    """Return a patch of each chosen slice.

    chosen: slices with the class a patch is centred on, see `task_choice.choose`. size: rows and
    columns. fixed: whether intensities are HU.
    """
    parts = [_patch(training_slice, aim, classes, size, rng) for training_slice, aim in chosen]
    images = torch.cat([images for images, _, _ in parts])
    return Batch(
        images=_recoloured(images, 0.5 if fixed else 1.0, rng),
        places=torch.cat([places for _, places, _ in parts]),
        truth=torch.cat([truth for _, _, truth in parts]),
        not_looked_for=torch.from_numpy(
            np.stack([training_slice.not_looked_for for training_slice, _ in chosen])
        ),
    )


def _patch(
    training_slice: TrainingSlice,
    aim: int,
    classes: int,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return images, places and truth of one patch, each with a leading axis of 1."""
    rows, columns = _positions(training_slice, aim, size, rng)
    height, width = training_slice.truth.shape
    unit = np.stack(
        [2 * columns / max(width - 1, 1) - 1, 2 * rows / max(height - 1, 1) - 1], axis=-1
    )
    where = torch.from_numpy(unit.astype(np.float32))[None]
    images = F.grid_sample(
        torch.from_numpy(training_slice.images)[None],
        where,
        padding_mode="border",
        align_corners=True,
    )
    truth = torch.from_numpy(training_slice.truth.astype(np.int64))
    shares = F.one_hot(truth + 1, classes + 1)[..., 1:].permute(2, 0, 1).float()[None]
    shares = F.grid_sample(shares, where, padding_mode="zeros", align_corners=True)
    moved = rng.normal(0, _ELSEWHERE, 3)
    places = places_of(
        training_slice.across + moved[0],
        (rows - (height - 1) / 2) * training_slice.spacing[0] + moved[1],
        (columns - (width - 1) / 2) * training_slice.spacing[1] + moved[2],
    )
    return images, torch.from_numpy(places)[None], shares


def _positions(
    training_slice: TrainingSlice, aim: int, size: tuple[int, int], rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the row and column in the slice that each pixel of the patch comes from."""
    centre = _centre(training_slice.truth, aim, size, rng)
    steps = np.array(training_slice.pixel)
    offsets = np.stack(
        np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in size), indexing="ij"), axis=-1
    )
    moved = (offsets * steps) @ _linear(rng).T / steps
    if rng.random() < 0.5:
        strength = rng.uniform(0, _BEND) * min(size)
        coarse = torch.from_numpy(rng.normal(0, strength, (1, 2, 5, 5)))
        field = F.interpolate(coarse, size, mode="bicubic", align_corners=True)
        moved = moved + field[0].permute(1, 2, 0).numpy()
    return centre[0] + moved[..., 0], centre[1] + moved[..., 1]


def _linear(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a random turn, stretch and slant, (2, 2)."""
    angle = np.deg2rad(rng.uniform(-_TURN, _TURN)) if rng.random() < 0.7 else 0.0
    stretch = np.exp(rng.uniform(-_STRETCH, _STRETCH) + rng.uniform(-0.1, 0.1, 2))
    slant = rng.uniform(-0.1, 0.1)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(turn @ np.diag(stretch) @ np.array([[1.0, slant], [0.0, 1.0]]))


def _centre(
    truth: npt.NDArray[np.int16], aim: int, size: tuple[int, int], rng: np.random.Generator
) -> tuple[float, float]:
    wanted = np.argwhere(truth >= 0 if aim == ANYWHERE else truth == aim)
    voxel = wanted[int(rng.integers(len(wanted)))]
    middle = [
        _within(float(at), length, side, rng)
        for at, length, side in zip(voxel, truth.shape, size, strict=True)
    ]
    return middle[0], middle[1]


def _within(aim: float, length: int, side: int, rng: np.random.Generator) -> float:
    """Return the middle of a patch along one axis: about `aim`, without much beyond the slice."""
    jitter = rng.uniform(-0.1, 0.1) * min(side, length)
    low, high = (side - 1) / 2, length - 1 - (side - 1) / 2
    if high <= low:
        return (length - 1) / 2 + jitter
    return float(np.clip(aim + rng.uniform(-0.25, 0.25) * side, low, high)) + jitter


def _recoloured(images: Tensor, much: float, rng: np.random.Generator) -> Tensor:
    """Return patches with intensities changed, each its own way, in [-0.25, 1.25]."""
    return torch.stack([_one_recoloured(image, much, rng) for image in images])


def _one_recoloured(image: Tensor, much: float, rng: np.random.Generator) -> Tensor:
    if rng.random() < 0.3:
        unit = image.clamp(0, 1)
        image = unit ** float(np.exp(much * rng.normal(0, 0.3))) + (image - unit)
    if rng.random() < 0.5:
        contrast, shift = np.exp(much * rng.normal(0, 0.2)), much * rng.normal(0, 0.07)
        image = (image - 0.5) * float(contrast) + 0.5 + float(shift)
    if rng.random() < 0.3:
        coarse = torch.from_numpy(much * rng.normal(0, 0.12, (1, 1, 4, 4)).astype(np.float32))
        field = F.interpolate(coarse, image.shape[-2:], mode="bicubic", align_corners=True)
        image = image * field[0].exp()
    if rng.random() < 0.15:
        image = _blurred(image, float(rng.uniform(0.4, 1.0)))
    if rng.random() < 0.2:
        strength = float(np.exp(rng.uniform(-5.0, -2.5)))
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        image = image + strength * torch.from_numpy(noise)
    return image.clamp(LOW, HIGH)


def _blurred(image: Tensor, sigma: float) -> Tensor:
    reach = torch.arange(-2, 3, dtype=torch.float32)
    weights = torch.exp(-(reach**2) / (2 * sigma**2))
    kernel = (weights / weights.sum())[None] * (weights / weights.sum())[:, None]
    padded = F.pad(image[:, None], (2, 2, 2, 2), mode="replicate")
    return F.conv2d(padded, kernel[None, None])[:, 0]
