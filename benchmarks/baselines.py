"""Rivals of the engines, behind the same protocol: a U-Net trained from scratch, and Biomedisa."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from fewslice.annotation.annotation import Annotation, drawn_voxels
from fewslice.engines import Prediction, Progress, Scan, SupportScan, silent
from fewslice.engines.base import as_half, empty_probability
from fewslice.engines.field_of_view import field_of_view
from fewslice.volumes.region import Region

PEER = Path(__file__).parent / "peer_biomedisa.py"
MOST_SIDE = 160
"""Slices of the region with longer sides than this are reduced before the U-Net sees them."""
BATCH = 4
MULTIPLE = 16


@dataclass(frozen=True)
class UNet:
    """MONAI's BasicUNet, trained from scratch on nothing but the annotated slices.

    Every slice comes with its two neighbours; the region is the one the other engines look at.
    seconds, steps: of training, at most, with Dice and cross-entropy, flips, turns, zoom and
    changes of intensity, and AdamW whose rate falls to 0 as a cosine.
    """

    seconds: float = 30.0
    steps: int = 100_000

    @property
    def uses_support(self) -> bool:
        return False

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedUNet:
        return PreparedUNet(scan, self)


@dataclass(frozen=True, eq=False)
class PreparedUNet:
    scan: Scan
    engine: UNet

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        axis = annotation.axis
        region = field_of_view(annotation, self.scan.spacing, 0.35, 1.0)
        images = _slices(self.scan, region, axis)
        at = [i - region.start[axis] for i in annotation.along(axis)]
        inside = [number for number, i in enumerate(at) if 0 <= i < len(images)]
        values = (0, *annotation.drawn_values)
        labels = np.moveaxis(annotation.labels[region.slices], axis, 0)
        truth = np.searchsorted(values, labels[[at[n] for n in inside]])
        network = _trained(
            images[[at[n] for n in inside]], torch.from_numpy(truth), len(values), self.engine
        )
        probability = empty_probability(len(values), region.shape, axis)
        by_slice = np.moveaxis(probability, 1 + axis, 0)
        with torch.inference_mode():
            for number in range(len(images)):
                chances = network(images[number : number + 1]).softmax(dim=1)
                size = by_slice.shape[2:]
                fine = functional.interpolate(_cut(chances, images), size, mode="bilinear")
                by_slice[number] = as_half(fine[0].numpy())
        progress(1.0)
        return Prediction(region, values, probability)


def _slices(scan: Scan, region: Region, axis: int) -> Tensor:
    """Return the slices of a region with their neighbours, (slice, 3 * channel, h, w), scaled."""
    channels = np.moveaxis(scan.channels[(slice(None), *region.slices)], axis + 1, 0)
    images = torch.from_numpy(np.ascontiguousarray(channels, dtype=np.float32))
    low, high = (images.flatten(2).transpose(0, 1).flatten(1).quantile(q) for q in (0.02, 0.98))
    images = ((images - low) / (high - low).clamp(min=1e-6)).clamp(-0.5, 1.5)
    last = len(images) - 1
    around = [(torch.arange(len(images)) + step).clamp(0, last) for step in (-1, 0, 1)]
    images = torch.cat([images[near] for near in around], dim=1)
    sides = [min(side, MOST_SIDE) for side in images.shape[2:]]
    return functional.interpolate(images, sides, mode="bilinear", antialias=True)


def _cut(chances: Tensor, images: Tensor) -> Tensor:
    return chances[..., : images.shape[2], : images.shape[3]]


class _Padded(torch.nn.Module):
    """A BasicUNet for slices of any size: padded to a multiple of 16, and cut again by `_cut`."""

    def __init__(self, channels: int, classes: int) -> None:
        from monai.networks.nets.basic_unet import BasicUNet

        super().__init__()
        self.inner: torch.nn.Module = BasicUNet(
            spatial_dims=2,
            in_channels=channels,
            out_channels=classes,
            features=(16, 32, 64, 128, 128, 16),
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        found: Tensor = self.inner(
            functional.pad(x, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        )
        return found


def _trained(images: Tensor, truth: Tensor, classes: int, engine: UNet) -> torch.nn.Module:
    from monai.losses.dice import DiceCELoss

    torch.manual_seed(0)
    network = _Padded(images.shape[1], classes)
    size = (images.shape[2], images.shape[3])
    masks = functional.one_hot(truth.long(), classes).movedim(-1, 1).float()
    masks = functional.interpolate(masks, size, mode="bilinear", antialias=True)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    loss_of: Any = DiceCELoss(softmax=True, include_background=False)
    start = monotonic()
    for step in range(engine.steps):
        spent = max((monotonic() - start) / engine.seconds, step / engine.steps)
        if spent >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * 0.5 * (1 + np.cos(np.pi * spent))
        chosen = torch.randint(len(images), (BATCH,))
        x, y = _augmented(images[chosen], masks[chosen])
        loss: Tensor = loss_of(_cut(network(x), x), y)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    return network.eval()


def _augmented(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Turn, mirror and zoom a batch, and change its intensities."""
    flips = [axis for axis in (2, 3) if torch.rand(()) < 0.5]
    x, y = x.flip(flips), y.flip(flips)
    if torch.rand(()) < 0.5:
        x, y = x.transpose(2, 3), y.transpose(2, 3)
    zoom = float(torch.empty(()).uniform_(0.8, 1.25))
    turn = float(torch.empty(()).uniform_(-0.3, 0.3))
    matrix = zoom * torch.tensor(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0]], dtype=torch.float32
    )
    shape = [len(x), 1, x.shape[2], x.shape[3]]
    grid = functional.affine_grid(matrix.expand(len(x), 2, 3), shape, align_corners=False)
    x = functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    y = functional.grid_sample(y, grid, padding_mode="border", align_corners=False)
    gain = 1 + 0.2 * torch.randn(len(x), 1, 1, 1)
    x = x * gain + 0.1 * torch.randn(len(x), 1, 1, 1)
    return x + 0.05 * torch.rand(()) * torch.randn_like(x), y


@dataclass(frozen=True)
class Biomedisa:
    """Biomedisa's smart interpolation (Lösel et al. 2020), in a Python of its own.

    python: an interpreter that has it, see `benchmarks/peer_biomedisa.py`. It takes the slices of
    one axis, and knows no slice marked empty. Intensities are cut at 0.5 % and 99.5 % to 8 bits.
    """

    python: Path

    @property
    def uses_support(self) -> bool:
        return False

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedBiomedisa:
        return PreparedBiomedisa(scan, self.python)


@dataclass(frozen=True, eq=False)
class PreparedBiomedisa:
    scan: Scan
    python: Path

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        axis, channel = annotation.axis, self.scan.channels[0].astype(np.float32)
        low, high = np.percentile(channel, [0.5, 99.5])
        image = np.clip((channel - low) / max(float(high - low), 1e-6), 0, 1) * 255
        labels = np.where(drawn_voxels(annotation.labels), annotation.labels, 0)
        answer = np.moveaxis(
            self._answer(
                np.ascontiguousarray(np.moveaxis(image, axis, 0).astype(np.uint8)),
                np.ascontiguousarray(np.moveaxis(labels, axis, 0).astype(np.int32)),
            ),
            0,
            axis,
        )
        progress(1.0)
        values = (0, *annotation.drawn_values)
        probability = empty_probability(len(values), self.scan.shape, axis)
        for number, value in enumerate(values):
            probability[number] = answer == value
        return Prediction(Region((0, 0, 0), self.scan.shape), values, probability)

    def _answer(
        self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]
    ) -> npt.NDArray[Any]:
        with tempfile.TemporaryDirectory() as folder:
            task, found = Path(folder, "task.npz"), Path(folder, "answer.npy")
            np.savez(task, image=image, labels=labels)
            subprocess.run([self.python, PEER, task, found], check=True, stdout=subprocess.DEVNULL)
            return np.asarray(np.load(found))
