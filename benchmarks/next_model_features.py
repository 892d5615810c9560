"""What `benchmarks/next_model.py` caches of each scan, and the small model that learns from it.

The shipped image encoder looks at every slice once. What it sees is brought to a few numbers a
pixel (principal components), to which intensity and place are added. A model of a task is then a
few small perceptrons on these numbers: it learns in a second what slices teach, so that many seeds
of a strategy can be compared. It is not the model that `fewslice train` makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812

from fewslice.engines.network.inference import load_network
from fewslice.training.grid import choose_grid
from fewslice.training.intensity import choose_intensity
from fewslice.training.network import TaskNet, TaskShape
from fewslice.training.scan import TaskScan
from fewslice.training.slices import class_numbers, stack_of
from fewslice.typing import Float16Array, Float32Array

COMPONENTS = 24
_FITTED = 16  # scans that components are fitted on; what the encoder saw of one takes 300 MB
MEMBERS = 3
_HIDDEN = 32
_STEPS = 150
_BATCH = 1024


@dataclass(frozen=True, eq=False)
class Cached:
    """A scan on the model's grid.

    features: float16 (slice, rows, columns, feature). truth: int16 (slice, rows, columns), -1 where
    unknown. spacing: mm from slice to slice.
    """

    name: str
    features: Float16Array
    truth: npt.NDArray[np.int16]
    spacing: float

    def coarser(self, slices: int = 1, pixels: int = 1) -> Cached:
        """Return every so manieth slice, and row and column."""
        some = (slice(None, None, slices), *(slice(None, None, pixels),) * 2)
        thin = np.ascontiguousarray(self.features[some])
        return Cached(self.name, thin, self.truth[some], self.spacing * slices)


def cached_scans(
    scans: Sequence[TaskScan], values: Sequence[int], *, coarser: float = 1.0
) -> list[Cached]:
    """Look at all slices once. The annotation of the scans is their truth.

    coarser: how many times as wide pixels are than those `fewslice train` would take.
    """
    grid, intensity = choose_grid(scans), choose_intensity(scans)
    row, column = grid.pixel
    grid = replace(grid, pixel=(row * coarser, column * coarser))
    network = TaskNet(TaskShape(len(intensity), len(values) + 1))
    network.begin_with(load_network(device="cpu"), decoder=False)
    network.eval()
    axes: tuple[Float32Array, Float32Array] | None = None
    waiting: list[Float32Array] = []  # what the encoder saw of scans, until the axes are known
    found: list[Cached] = []
    for scan in scans:
        stack = stack_of(scan.scan, grid, intensity)
        deep, plain = _seen(network, stack)
        turn = stack.turned.turn
        labels = np.moveaxis(turn.array(scan.annotation.labels), grid.plane, 0)
        size = (stack.images.shape[2], stack.images.shape[3])
        known = np.ones(labels.shape[1:], dtype=bool)
        truth = np.stack([class_numbers(each, known, values, size) for each in labels])
        spacing = float(stack.turned.geometry.spacing[grid.plane])
        found.append(Cached(scan.name, plain.astype(np.float16), truth, spacing))
        waiting.append(deep)
        if axes is None and len(found) < min(_FITTED, len(scans)):
            continue
        axes = axes or _components(waiting)
        at = len(found) - len(waiting)
        found[at:] = [
            _with_components(one, each, *axes)
            for one, each in zip(found[at:], waiting, strict=True)
        ]
        waiting.clear()
    return found


def _with_components(
    plain: Cached, deep: Float32Array, mean: Float32Array, axes: Float32Array
) -> Cached:
    """Return a scan with the encoder's components before its other features."""
    reduced = ((deep - mean) @ axes).astype(np.float16)
    return replace(plain, features=np.concatenate([reduced, plain.features], axis=-1))


@torch.inference_mode()
def _seen(network: TaskNet, stack: object) -> tuple[Float32Array, Float32Array]:
    """Return the encoder's features, and intensities with places, each (slice, h, w, feature)."""
    at = np.arange(len(stack.images))  # type: ignore[attr-defined]
    images = stack.images  # type: ignore[attr-defined]
    height, width = images.shape[2:]
    deep = []
    for index in at:
        one = torch.from_numpy(stack.seen(np.array([index])))  # type: ignore[attr-defined]
        levels = network.features(one)
        whole = levels[0].shape[2:]
        full = [F.interpolate(each, whole, mode="bilinear", align_corners=False) for each in levels]
        deep.append(torch.cat(full, dim=1)[0, :, :height, :width].permute(1, 2, 0).numpy())
    places = stack.places(at)  # type: ignore[attr-defined]
    plain = np.concatenate([images, places], axis=1).transpose(0, 2, 3, 1)
    return np.stack(deep).astype(np.float16), np.ascontiguousarray(plain)


def _components(deep: Sequence[Float32Array]) -> tuple[Float32Array, Float32Array]:
    """Return the mean of features and the axes that bring them to unit variance, fewer of them."""
    rng = np.random.default_rng(0)
    some = np.concatenate(
        [
            flat[rng.integers(len(flat), size=4000)]
            for flat in (each.reshape(-1, each.shape[-1]) for each in deep)
        ]
    ).astype(np.float32)
    mean = some.mean(axis=0)
    _, size, axes = np.linalg.svd(some - mean, full_matrices=False)
    scale = size[:COMPONENTS] / np.sqrt(len(some))
    return mean, (axes[:COMPONENTS] / scale[:, None]).T.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Perceptrons:
    """A few perceptrons of one hidden layer; weights (member, in, out) and (member, 1, out)."""

    layers: list[tuple[torch.Tensor, torch.Tensor]]

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (member, n, class) of features (member or 1, n, feature)."""
        for number, (weight, bias) in enumerate(self.layers):
            x = x @ weight + bias
            if number < len(self.layers) - 1:
                x = torch.relu(x)
        return x

    @torch.inference_mode()
    def probability(self, scan: Cached) -> Float32Array:
        """Return (member, class, slice, rows, columns)."""
        shape = scan.features.shape[:3]
        flat = torch.from_numpy(scan.features.reshape(1, -1, scan.features.shape[-1])).float()
        found = torch.softmax(self.logits(flat), dim=-1)
        moved = found.permute(0, 2, 1).reshape(len(found), -1, *shape)
        result: Float32Array = moved.numpy()
        return result


def best_answer(chance: Float32Array) -> npt.NDArray[np.bool_]:
    """Return the voxels, those of the highest chances, of which the highest Dice is expected.

    Where a structure is a thousandth of the scan, its probability rarely exceeds a half, however
    much likelier it is than elsewhere (Lipton et al. 2014, Optimal thresholding of classifiers).
    """
    order = np.sort(chance, axis=None)[::-1].astype(np.float64)
    expected = 2 * np.cumsum(order) / (np.arange(1, order.size + 1) + order.sum())
    found: npt.NDArray[np.bool_] = chance >= order[expected.argmax()]
    return found


def learned(drawn: Sequence[tuple[Cached, int]], classes: int, seed: int) -> Perceptrons:
    """Train on slices (scan, number). Classes are drawn alike often, background twice as often."""
    rng = np.random.default_rng([seed, 3])
    pixels = np.concatenate([s.features[n].reshape(-1, s.features.shape[-1]) for s, n in drawn])
    truth = np.concatenate([s.truth[n].ravel() for s, n in drawn])
    by_class = [np.flatnonzero(truth == each) for each in range(classes)]
    there = [each for each in (by_class[0], *by_class) if len(each)]
    torch.manual_seed(seed)
    sizes = (pixels.shape[1], _HIDDEN, classes)
    layers = [
        (torch.randn(MEMBERS, a, b) * (2 / a) ** 0.5, torch.zeros(MEMBERS, 1, b))
        for a, b in pairwise(sizes)
    ]
    flat = [tensor.requires_grad_() for layer in layers for tensor in layer]
    optimiser = torch.optim.AdamW(flat, lr=1e-2, weight_decay=1e-2)
    model = Perceptrons(layers)
    x, y = torch.from_numpy(pixels).float(), torch.from_numpy(truth.astype(np.int64))
    prior = _log_share(by_class, there, classes)
    for step in range(_STEPS):
        some = np.stack([_draw(there, rng) for _ in range(MEMBERS)])
        at = torch.from_numpy(some)
        # What was drawn too often is taken back, so that probabilities are those of all pixels.
        logits = model.logits(x[at]) - prior
        loss = F.cross_entropy(logits.flatten(0, 1), y[at].flatten())
        for group in optimiser.param_groups:
            group["lr"] = 1e-2 * 0.5 * (1 + np.cos(np.pi * step / _STEPS))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    for tensor in flat:
        tensor.detach_()
    return model


def _draw(there: Sequence[npt.NDArray[np.intp]], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    each = _BATCH // len(there)
    return np.concatenate([rng.choice(one, each) for one in there])


def _log_share(
    by_class: Sequence[npt.NDArray[np.intp]], there: Sequence[object], classes: int
) -> torch.Tensor:
    """Return log(true share / drawn share) of each class, (class,)."""
    total = sum(map(len, by_class))
    drawn = [2 if number == 0 else 1 for number in range(classes)]
    shares = [
        np.log(max(len(one), 1) / total * len(there) / times)
        for one, times in zip(by_class, drawn, strict=True)
    ]
    return torch.tensor(shares, dtype=torch.float32)
