"""The network as engines use it: loaded, on a device, asked for many slices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from fewslice.engines.base import Progress, silent
from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.inputs import Inputs, Remembered
from fewslice.networks.memory import nearest
from fewslice.networks.shipped import shipped_weights
from fewslice.networks.weights import load_weights

Float32Array = npt.NDArray[np.float32]

_PIXELS_AT_ONCE = 40_000
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


def best_device() -> str:
    """Return "cuda" where there is such a GPU, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_of(network: FewsliceNet) -> torch.device:
    """Return where a network's weights are."""
    return next(network.parameters()).device


@torch.inference_mode()
def structure_odds(
    network: FewsliceNet,
    memory: tuple[Remembered, ...],
    inputs_for: Callable[[Sequence[int]], Inputs],
    shape: tuple[int, int, int, int],
    progress: Progress = silent,
) -> Float32Array:
    """Return log-odds of each structure against the background on all slices of a grid.

    memory: written once, read by every slice; of many slices of the scan itself each slice reads
    the nearest ones. inputs_for: makes the inputs of some slices. shape:
    (slice, structure, rows, columns), which is the shape of the result.
    """
    device = device_of(network)
    groups = tuple(group.to(device) for group in memory)
    written = network.remember(groups)
    slices, structures, rows, columns = shape
    at_once = max(1, _PIXELS_AT_ONCE // (structures * rows * columns))
    odds = np.empty(shape, dtype=np.float32)
    for start in range(0, slices, at_once):
        targets = range(start, min(start + at_once, slices))
        inputs = inputs_for(targets).to(device)
        logits = network.answer(inputs, nearest(written, inputs.place, _NEAREST))
        odds[targets.start : targets.stop] = (logits[:, 1:] - logits[:, :1]).float().cpu().numpy()
        progress(targets.stop / slices)
    return odds
