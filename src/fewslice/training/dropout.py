"""Samples of what a model of the task may answer, for active learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Scan, as_half
from fewslice.segmentation.posterior.samples import Samples
from fewslice.training.model import TaskModel, batches, on_own_grid
from fewslice.training.network import class_probability
from fewslice.training.slices import Stack
from fewslice.training.store import cached_model
from fewslice.typing import Float16Array, Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.region import Region
from fewslice.volumes.segments import Segment


@dataclass(frozen=True, eq=False)
class Dropout:
    """Monte-Carlo dropout (Gal & Ghahramani, ICML 2016): samples of a model's answers to a scan.

    model: the model, or the path of one, which is read where it is needed (workers may be
    elsewhere). count: samples. Every sample is one thinned network, the same for all slices and
    scans, so that voxels of a sample go together, as BatchBALD needs it (Kirsch et al., NeurIPS
    2019). What is drawn on a scan is not looked at.
    """

    model: TaskModel | str
    count: int = 8

    @property
    def stand_in(self) -> int | None:
        """That of the model."""
        return self._read().stand_in

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What the model's structures are called, where that is known."""
        return self._read().segments

    def _read(self) -> TaskModel:
        return cached_model(self.model) if isinstance(self.model, str) else self.model

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        """Return samples of the whole scan, and what the network sees on its slices.

        Takes samples * classes * voxels * 2 bytes, twice.
        """
        model = self._read()
        stack, geometry = model.stack(scan), scan.geometry
        generator = torch.Generator().manual_seed(seed)
        masks = [model.network.masks(1, generator) for _ in range(self.count)]
        axis = model.axis(geometry)
        order = [axis, *inplane_axes(axis)]
        shape = [geometry.shape[each] for each in order]
        result = np.empty((self.count, len(model.values), *shape), dtype=np.float16)
        found = _samples_on_stack(model, stack, masks)
        for number in range(self.count):
            prediction = on_own_grid(model, stack, found[number], whole=True)
            result[number] = prediction.probability.transpose(0, *(1 + each for each in order))
        whole = Region((0, 0, 0), geometry.shape)
        features = slice_features(model, stack)
        return Samples(whole, axis, model.values, result, features=features)


@torch.inference_mode()
def _samples_on_stack(
    model: TaskModel, stack: Stack, masks: Sequence[Sequence[Tensor]]
) -> Float16Array:
    """Return probabilities on the model's grid: float16 (sample, slice, class, rows, columns)."""
    network = model.network.eval()
    slices, _, rows, columns = stack.images.shape
    result = np.empty((len(masks), slices, len(model.values), rows, columns), dtype=np.float16)
    for some in batches(stack):
        images = torch.from_numpy(stack.seen(some)).to(model.device)
        levels = network.down(images, torch.from_numpy(stack.places(some)).to(model.device))
        for number, each in enumerate(masks):
            logits = network.up(levels, each)[..., :rows, :columns]
            result[number, some] = as_half(class_probability(logits).cpu().numpy())
    return result


def slice_features(model: TaskModel, stack: Stack) -> Float32Array:
    """Return what the network sees on each slice across the model's plane: (slice, feature).

    The mean and the greatest value over the slice of the image's features at an eighth of the
    resolution; slices in the order of the scan's array axis.
    """
    parts = []
    with torch.inference_mode():
        for at in batches(stack):
            images = torch.from_numpy(stack.seen(at)).to(model.device)
            deep = model.network.features(images)[-1].flatten(2)
            parts.append(torch.cat([deep.mean(dim=2), deep.amax(dim=2)], dim=1).cpu().numpy())
    features: Float32Array = np.concatenate(parts)
    backwards = stack.turned.turn.flipped[model.grid.plane]
    return features[::-1] if backwards else features
