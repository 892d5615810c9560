"""The volumetric rivals of `fewslice train`: 3D U-Nets on patches, with ignored voxels.

One is light; the other, `dynunet`, is built as nnU-Net's (Isensee et al. 2021), as an anchor: with
the loss on annotated voxels only it is what ScribbleBench (arXiv:2403.12834) found hard to beat.


Everything but the network is that of the 2.5D model: turned scans, intensities, pixels in the
plane, loss, optimiser, mean of weights. As 3D U-Nets for sparse slices (Çiçek et al., MICCAI 2016)
it sees a box around each annotated slice and learns from the voxels that are known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fewslice.training.augment import _linear
from fewslice.training.grid import TaskGrid, choose_grid
from fewslice.training.intensity import Intensity, choose_intensity
from fewslice.training.loss import task_loss
from fewslice.training.scan import TaskScan, TaskSettings, label_values
from fewslice.training.slices import class_numbers, stack_of
from fewslice.typing import Float32Array

PATCH = (24, 64, 64)
_WIDTHS = (12, 24, 48)
_MULTIPLE = 8  # a network halves a volume three times at most


def _block(inside: int, outside: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(inside, outside, 3, padding=1),
        nn.GroupNorm(outside // 6, outside),
        nn.SiLU(),
        nn.Conv3d(outside, outside, 3, padding=1),
        nn.GroupNorm(outside // 6, outside),
        nn.SiLU(),
    )


class Net3d(nn.Module):
    """A U-Net of three resolutions. (n, channel + 3 places, d, h, w) to (n, class, d, h, w)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        one, two, four = _WIDTHS
        self.down = nn.ModuleList([_block(channels + 3, one), _block(one, two), _block(two, four)])
        self.up = nn.ModuleList([_block(four + two, two), _block(two + one, one)])
        self.last = nn.Conv3d(one, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        levels: list[Tensor] = []
        for block in self.down:
            x = block(F.avg_pool3d(levels[-1], 2) if levels else x)
            levels.append(x)
        for block, skip in zip(self.up, levels[-2::-1], strict=True):
            x = F.interpolate(x, skip.shape[2:], mode="trilinear", align_corners=False)
            x = block(torch.cat([x, skip], dim=1))
        found: Tensor = self.last(x)
        return found


@dataclass(frozen=True, eq=False)
class Volume:
    """images: (channel + 3, d, h, w) with places. truth: int16 (d, h, w). at: annotated slices."""

    images: Float32Array
    truth: npt.NDArray[np.int16]
    at: npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Model3d:
    """A trained network with what it needs to see a scan."""

    network: nn.Module
    grid: TaskGrid
    intensity: tuple[Intensity, ...]
    values: tuple[int, ...]
    steps: int


def seen_volume(scan: TaskScan, grid: TaskGrid, intensity: Sequence[Intensity]) -> Float32Array:
    """Return a scan on the model's pixels, with places: (channel + 3, slice, rows, columns)."""
    stack = stack_of(scan.scan, grid, intensity)
    places = stack.places(np.arange(len(stack.images)))
    return np.ascontiguousarray(np.concatenate([stack.images, places], axis=1).swapaxes(0, 1))


def dynunet(channels: int, classes: int) -> nn.Module:
    """Return a network as nnU-Net makes them, of MONAI's DynUNet: four resolutions, 16 channels up.

    It takes and gives what `Net3d` does.
    """
    from monai.networks.nets.dynunet import DynUNet  # of benchmarks only

    found: nn.Module = DynUNet(
        spatial_dims=3,
        in_channels=channels + 3,
        out_channels=classes,
        kernel_size=[3, 3, 3, 3],
        strides=[1, 2, 2, 2],
        upsample_kernel_size=[2, 2, 2],
        filters=[16, 32, 64, 128],
        norm_name="instance",
    )
    return found


def train_3d(
    scans: Sequence[TaskScan],
    settings: TaskSettings,
    build: Callable[[int, int], nn.Module] = Net3d,
) -> Model3d:
    """Train for `settings.seconds`, or `settings.steps`. build: of channels and classes."""
    start = time.monotonic()
    values, grid = label_values(scans), choose_grid(scans)
    intensity = choose_intensity(scans)
    volumes = [_volume(scan, grid, intensity, values) for scan in scans]
    torch.manual_seed(settings.seed)
    network = build(len(intensity), len(values) + 1)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate)
    average = [p.detach().clone() for p in network.parameters()]
    step = 0
    while True:
        done = (time.monotonic() - start) / settings.seconds
        if settings.steps is not None:
            done = step / settings.steps
        if done >= 1:
            break
        rng = np.random.default_rng((settings.seed, step))
        images, truth = _patch(volumes, len(values) + 1, rng)
        logits = network(images).flatten(2, 3)
        nobody = torch.zeros(1, len(values) + 1, dtype=torch.bool)
        loss = task_loss(logits, truth.flatten(2, 3), nobody)
        rate = settings.learning_rate * min(1, (step + 1) / 20) * 0.5 * (1 + np.cos(np.pi * done))
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        weight = 1 - min(0.99, (1 + step) / (10 + step))
        for mean, now in zip(average, network.parameters(), strict=True):
            mean.lerp_(now.detach(), weight)
        step += 1
    for now, mean in zip(network.parameters(), average, strict=True):
        now.data.copy_(mean)
    return Model3d(network, grid, intensity, (0, *values), step)


def _volume(
    scan: TaskScan, grid: TaskGrid, intensity: Sequence[Intensity], values: Sequence[int]
) -> Volume:
    images = seen_volume(scan, grid, intensity)
    turn = stack_of(scan.scan, grid, intensity).turned.turn
    labels = np.moveaxis(turn.array(scan.annotation.labels), grid.plane, 0)
    known = np.moveaxis(turn.array(scan.annotation.known()), grid.plane, 0)
    size = (images.shape[2], images.shape[3])
    truth = np.stack(
        [class_numbers(*pair, values, size) for pair in zip(labels, known, strict=True)]
    )
    return Volume(images, truth, np.flatnonzero((truth >= 0).any(axis=(1, 2))))


def _patch(
    volumes: Sequence[Volume], classes: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    volume = volumes[int(rng.integers(len(volumes)))]
    shape = volume.truth.shape
    size = [min(side, -(-length // 8) * 8) for side, length in zip(PATCH, shape, strict=True)]
    drawn = np.argwhere(volume.truth > 0)
    centre = drawn[int(rng.integers(len(drawn)))].astype(float)
    for axis, (side, length) in enumerate(zip(size, shape, strict=True)):
        low, high = (side - 1) / 2, length - 1 - (side - 1) / 2
        moved = centre[axis] + rng.uniform(-0.3, 0.3) * side
        centre[axis] = (length - 1) / 2 if high <= low else np.clip(moved, low, high)
    offsets = np.stack(
        np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in size), indexing="ij"), axis=-1
    )
    offsets[..., 1:] = offsets[..., 1:] @ _linear(rng).T
    where = centre + offsets
    unit = np.stack([2 * where[..., a] / max(shape[a] - 1, 1) - 1 for a in (2, 1, 0)], axis=-1)
    grid = torch.from_numpy(unit.astype(np.float32))[None]
    images = F.grid_sample(
        torch.from_numpy(volume.images)[None], grid, padding_mode="border", align_corners=True
    )
    shares = F.one_hot(torch.from_numpy(volume.truth.astype(np.int64)) + 1, classes + 1)[..., 1:]
    truth = F.grid_sample(
        shares.permute(3, 0, 1, 2).float()[None],
        grid,
        mode="nearest",  # linear would blend a known slice with the unknown ones beside it
        padding_mode="zeros",
        align_corners=True,
    )
    gain, shift = np.exp(rng.normal(0, 0.2)), rng.normal(0, 0.07)
    images[:, :-3] = (images[:, :-3] - 0.5) * float(gain) + 0.5 + float(shift)
    return images, truth


@torch.inference_mode()
def labels_3d(model: Model3d, scan: TaskScan) -> npt.NDArray[np.int64]:
    """Return the labels of a scan on its own grid; its pixels must be the model's."""
    images = torch.from_numpy(seen_volume(scan, model.grid, model.intensity))[None]
    depth, height, width = images.shape[2:]
    beyond = [n for side in (width, height, depth) for n in (0, -side % _MULTIPLE)]
    logits = model.network.eval()(F.pad(images, beyond, mode="replicate"))[0]
    logits = logits[:, :depth, :height, :width]
    turn = stack_of(scan.scan, model.grid, model.intensity).turned
    plane = model.grid.plane
    size = [turn.geometry.shape[axis] for axis in model.grid.inplane]
    full = F.interpolate(logits.swapaxes(0, 1), size, mode="bilinear", align_corners=False)
    answer = np.moveaxis(np.array(model.values)[full.argmax(dim=1).numpy()], 0, plane)
    back = tuple(axis for axis in range(3) if turn.turn.flipped[axis])
    undone = [turn.turn.axes.index(axis) for axis in range(3)]
    return np.ascontiguousarray(np.flip(answer, back).transpose(undone))
