"""A task's model: a network with all that is needed to ask it about any scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewslice.engines.base import (
    Prediction,
    Progress,
    as_half,
    empty_probability,
    silent,
)
from fewslice.errors import InputError
from fewslice.training.grid import TaskGrid, on_pixels, turned
from fewslice.training.intensity import Intensity
from fewslice.training.network import TaskNet, class_probability
from fewslice.training.slices import Stack, stack_of
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.region import Region, bounding_region

Float16Array = npt.NDArray[np.float16]
Float32Array = npt.NDArray[np.float32]

_PIXELS_AT_ONCE = 200_000
_BARELY = 0.02  # probability of any structure below which a voxel need not be answered


@dataclass(frozen=True, eq=False)
class TaskModel:
    """A network, the grid it works on, the scale of intensities, and the label of each class.

    values: the label of each class, background (0) first, ascending. intensity: one a channel.
    """

    network: TaskNet
    grid: TaskGrid
    intensity: tuple[Intensity, ...]
    values: tuple[int, ...]

    @property
    def device(self) -> torch.device:
        """Where the network works."""
        return self.network.prompt.device

    def stack(self, channels: npt.NDArray[Any], geometry: Geometry) -> Stack:
        """Bring a scan to the model's grid. Raises InputError if its channels do not fit."""
        if len(channels) != len(self.intensity):
            raise InputError(
                f"The scan has {len(channels)} channels, but the model was trained on "
                f"{len(self.intensity)}; give the same channels in the same order."
            )
        return stack_of(channels, geometry, self.grid, self.intensity)

    def axis(self, geometry: Geometry) -> int:
        """Return the array axis of a scan across which the model works slice by slice."""
        return turned(geometry).turn.axes[self.grid.plane]


@dataclass(frozen=True, eq=False)
class TaskSamples:
    """Samples of what a scan's labels may be.

    axis: array axis across which the slices lie. values: the label of each class, background
    first. probability: float16 (sample, class, slice, row, column) over all of the scan; rows and
    columns are its other two array axes in their order.
    """

    axis: int
    values: tuple[int, ...]
    probability: Float16Array


def predict(
    model: TaskModel,
    channels: npt.NDArray[Any],
    geometry: Geometry,
    *,
    whole: bool = False,
    progress: Progress = silent,
) -> Prediction:
    """Return class probabilities of a scan, on its own grid and with its own axes.

    channels: (channel, i, j, k). whole: answer every voxel; otherwise the box outside of which no
    structure has a probability of 2 %. Raises InputError if the channels are not the model's.
    """
    stack = model.stack(channels, geometry)
    found = on_stack(model, stack, progress=progress)
    return _prediction(model, stack, found, geometry, whole)


def posterior_samples(
    model: TaskModel,
    channels: npt.NDArray[Any],
    geometry: Geometry,
    *,
    count: int = 8,
    seed: int = 0,
) -> TaskSamples:
    """Return Monte-Carlo dropout samples of a scan (Gal & Ghahramani, ICML 2016).

    Every sample is one thinned network, the same for all slices (its masks are drawn once), so
    that voxels of a sample go together, as BatchBALD needs it (Kirsch et al., NeurIPS 2019).
    Takes samples * classes * voxels * 2 bytes, twice.
    """
    stack = model.stack(channels, geometry)
    generator = torch.Generator().manual_seed(seed)
    masks = [model.network.masks(1, generator) for _ in range(count)]
    axis = model.axis(geometry)
    order = [axis, *(other for other in range(3) if other != axis)]
    shape = [geometry.shape[each] for each in order]
    result = np.empty((count, len(model.values), *shape), dtype=np.float16)
    found = _samples_on_stack(model, stack, masks)
    for number in range(count):
        prediction = _prediction(model, stack, found[number], geometry, whole=True)
        result[number] = prediction.probability.transpose(0, *(1 + each for each in order))
    return TaskSamples(axis, model.values, result)


@torch.inference_mode()
def _samples_on_stack(
    model: TaskModel, stack: Stack, masks: Sequence[Sequence[Tensor]]
) -> Float16Array:
    """Return probabilities on the model's grid: float16 (sample, slice, class, rows, columns)."""
    network = model.network.eval()
    slices, _, rows, columns = stack.images.shape
    result = np.empty((len(masks), slices, len(model.values), rows, columns), dtype=np.float16)
    for some in _batches(stack):
        images = torch.from_numpy(stack.seen(some)).to(model.device)
        levels = network.down(images, torch.from_numpy(stack.places(some)).to(model.device))
        for number, each in enumerate(masks):
            logits = network.up(levels, each)[..., :rows, :columns]
            result[number, some] = as_half(class_probability(logits).cpu().numpy())
    return result


def slice_features(
    model: TaskModel, channels: npt.NDArray[Any], geometry: Geometry
) -> Float32Array:
    """Return what the network sees on each slice across the model's plane: (slice, feature).

    The mean and the greatest value over the slice of the image's features at an eighth of the
    resolution; slices in the order of the scan's array axis.
    """
    stack = model.stack(channels, geometry)
    parts = []
    with torch.inference_mode():
        for at in _batches(stack):
            images = torch.from_numpy(stack.seen(at)).to(model.device)
            deep = model.network.features(images)[-1].flatten(2)
            parts.append(torch.cat([deep.mean(dim=2), deep.amax(dim=2)], dim=1).cpu().numpy())
    features: Float32Array = np.concatenate(parts)
    backwards = stack.turned.turn.flipped[model.grid.plane]
    return features[::-1] if backwards else features


@torch.inference_mode()
def on_stack(
    model: TaskModel,
    stack: Stack,
    *,
    at: npt.NDArray[np.intp] | None = None,
    progress: Progress = silent,
) -> Float32Array:
    """Return probabilities on a model's grid: float32 (slice, class, rows, columns).

    at: which slices; None for all.
    """
    model.network.eval()
    parts = []
    done = 0
    for some in _batches(stack, at):
        images = torch.from_numpy(stack.seen(some)).to(model.device)
        places = torch.from_numpy(stack.places(some)).to(model.device)
        logits = model.network(images, places)
        parts.append(class_probability(logits).cpu().numpy())
        done += len(some)
        progress(done / (len(stack.images) if at is None else len(at)))
    return np.concatenate(parts)


def _batches(
    stack: Stack, at: npt.NDArray[np.intp] | None = None
) -> Iterator[npt.NDArray[np.intp]]:
    if at is None:
        at = np.arange(len(stack.images))
    rows, columns = stack.images.shape[2:]
    each = max(1, _PIXELS_AT_ONCE // (rows * columns))
    return (at[start : start + each] for start in range(0, len(at), each))


def _prediction(
    model: TaskModel,
    stack: Stack,
    found: npt.NDArray[np.floating[Any]],
    geometry: Geometry,
    whole: bool,
) -> Prediction:
    """Bring probabilities from the model's grid to the scan's, slice by slice."""
    grid = stack.turned.geometry
    plane = model.grid.plane
    size = tuple(grid.shape[axis] for axis in model.grid.inplane)
    box = Region((0, 0, 0), grid.shape) if whole else _box(model, found, grid)
    result = empty_probability(len(model.values), box.shape, plane)
    rows, columns = (box.slices[axis] for axis in model.grid.inplane)
    for place, index in enumerate(range(box.start[plane], box.stop[plane])):
        full = on_pixels(found[index], (size[0], size[1]))[:, rows, columns]
        at = (slice(None), *(place if axis == plane else slice(None) for axis in range(3)))
        result[at] = as_half(full)
    return Prediction(*_as_stored(stack, box, geometry, model.values, result))


def _box(model: TaskModel, found: npt.NDArray[np.floating[Any]], grid: Geometry) -> Region:
    """Return the box of a turned scan in which there may be a structure; never empty."""
    some = found[:, 0] < 1 - _BARELY
    if not some.any():
        return Region((0, 0, 0), (1, 1, 1))
    place = bounding_region(np.moveaxis(some, 0, model.grid.plane))
    start, stop = list(place.start), list(place.stop)
    for axis, length in zip(model.grid.inplane, found.shape[2:], strict=True):
        scale = grid.shape[axis] / length
        start[axis] = max(0, int(np.floor((start[axis] - 0.5) * scale)))
        stop[axis] = min(grid.shape[axis], int(np.ceil((stop[axis] + 0.5) * scale)))
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _as_stored(
    stack: Stack,
    box: Region,
    geometry: Geometry,
    values: tuple[int, ...],
    probability: Float16Array,
) -> tuple[Region, tuple[int, ...], Float16Array]:
    """Undo the turn of a scan: the box and the probabilities with the scan's own axes."""
    turn = stack.turned.turn
    start, stop = [0, 0, 0], [0, 0, 0]
    for axis, stored in enumerate(turn.axes):
        first, last, length = box.start[axis], box.stop[axis], geometry.shape[stored]
        flipped = turn.flipped[axis]
        start[stored] = length - last if flipped else first
        stop[stored] = length - first if flipped else last
    back = tuple(1 + axis for axis in range(3) if turn.flipped[axis])
    undone = [turn.axes.index(axis) for axis in range(3)]
    stored_back = np.flip(probability, back).transpose(0, *(1 + axis for axis in undone))
    region = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    return region, values, stored_back
