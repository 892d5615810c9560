"""The network as engines use it: loaded, on a device, asked for many slices."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from fewslice.engines.base import SMALLEST_HALF, Progress, silent
from fewslice.engines.network.features import SliceFeatures
from fewslice.engines.network.inputs import cropped, target_inputs
from fewslice.networks.fewslice_net import MULTIPLE, FewsliceNet, cut
from fewslice.networks.inputs import Remembered
from fewslice.networks.memory import nearest, of_structure
from fewslice.networks.shipped import shipped_weights
from fewslice.networks.weights import load_weights
from fewslice.typing import Float32Array

_PIXELS_AT_ONCE = 40_000
_MARGIN = 12
_LEAST_SIDE = 32
_IN_ONE_THREAD = 30_000  # numbers; of more PyTorch wakes threads, which takes longer than they save
_POSSIBLE = -5.5  # log-odds: a chance of one in 250
_NEAREST = 8  # annotated slices of the scan that a slice is compared with, as many as in training


def load_network(weights: Path | None = None, device: str | None = None) -> FewsliceNet:
    """Return a network with the shipped weights, or with those of a file, ready to be asked.

    device: where it works; None takes a GPU if there is one. Raises WeightsError if the file is
    not what it should be.
    """
    path, digest = (weights, None) if weights is not None else shipped_weights()
    settings, state = load_weights(path, digest)
    network = FewsliceNet(settings)
    network.load_state_dict(state)
    return network.to(device or best_device()).eval()


@cache
def shipped_network(device: str | None) -> FewsliceNet:
    """Return the network with the shipped weights, read once in a process: it is never changed."""
    return load_network(None, device)


def best_device() -> str:
    """Return "cuda" where there is such a GPU, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_of(network: FewsliceNet) -> torch.device:
    """Return where a network's weights are."""
    return next(network.parameters()).device


@torch.inference_mode()
def doubtful_odds(
    network: FewsliceNet,
    memory: tuple[Remembered, ...],
    features: SliceFeatures,
    asked: npt.NDArray[np.intp],
    progress: Progress = silent,
) -> Float32Array:
    """Return log-odds (slice, structure, rows, columns) of the slices asked for.

    Images are encoded slice by slice, once for all structures, as those of the memory are: what
    the network normalises by is then the whole slice in both. The network answers each structure
    in the box in which walk or outlines leave room for it (`doubtful_box`), a few slices at a time;
    elsewhere the walk's log-odds stay, since over most of a slice all agree on background. The
    memory is written once; of many annotated slices each target reads the nearest ones.
    """
    device = device_of(network)
    written = network.remember(tuple(group.to(device) for group in memory))
    odds: Float32Array = features.walk[asked].copy()
    slices, structures, rows, columns = odds.shape
    at_once = max(1, _PIXELS_AT_ONCE // (rows * columns))
    for start in range(0, slices, at_once):
        group = slice(start, min(start + at_once, slices))
        inputs = target_inputs(features, asked[group], ())
        near = nearest(written, inputs.place.to(device), _NEAREST)
        boxes = [doubtful_box(features, asked[group], number) for number in range(structures)]
        if any(boxes):
            levels = network.encoded(inputs.images.to(device))
        for structure, box in enumerate(boxes):
            if box is None:
                continue
            part = cropped(inputs, structure, box).to(device)
            logits = network.answer_from(cut(levels, *box), part, of_structure(near, structure))
            odds[(group, structure, *box)] = logits[:, 0].float().cpu().numpy()
        progress(group.stop / slices)
    return odds


def put_halves(target: npt.NDArray[np.float16], probability: Float32Array) -> None:
    """Write what `fewslice.engines.base.as_half` returns into an array (rows, columns).

    PyTorch converts with an instruction of the processor's, a dozen times as fast as numpy. What
    is below the normal range of halves is set to 0 in `probability`, too.
    """
    np.multiply(probability, probability >= SMALLEST_HALF, out=probability)
    rows = max(1, _IN_ONE_THREAD // target.shape[1])
    for first in range(0, len(target), rows):
        part = slice(first, first + rows)
        torch.from_numpy(target[part]).copy_(torch.from_numpy(probability[part]))


def doubtful_box(
    features: SliceFeatures, targets: npt.NDArray[np.intp], structure: int
) -> tuple[slice, slice] | None:
    """Return the rows and columns in which a structure may be on some slices; None if nowhere.

    With a margin of `_MARGIN` pixels that the network sees around it, never fewer than
    `_LEAST_SIDE` pixels a side where the slice has as many, and from a multiple of `MULTIPLE` to
    another one, or to the end of the slice: so the network's cells are those of the whole slice.
    """
    possible = (features.walk[targets, structure] > _POSSIBLE) | (
        features.shape[targets, structure] > _POSSIBLE
    )
    inplane = possible.any(axis=0)
    if not inplane.any():
        return None
    sides = []
    for axis, length in enumerate(inplane.shape):
        touched = np.flatnonzero(inplane.any(axis=1 - axis))
        first = max(int(touched[0]) - _MARGIN, 0)
        stop = min(int(touched[-1]) + 1 + _MARGIN, length)
        short = max(_LEAST_SIDE - (stop - first), 0)
        first = max(min(first - short // 2, length - (stop - first) - short), 0)
        stop = min(max(stop, first + _LEAST_SIDE), length)
        sides.append(slice(first - first % MULTIPLE, min(stop + -stop % MULTIPLE, length)))
    return sides[0], sides[1]
