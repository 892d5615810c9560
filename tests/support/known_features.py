"""SliceFeatures with numbers that tests can follow, and networks that are not trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from fewslice.engines.interpolation.signed_distance import CERTAIN
from fewslice.engines.network.features import SUREST, SliceFeatures
from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.settings import NetworkSettings
from fewslice.networks.weights import save_weights

TINY = NetworkSettings(widths=(8, 8, 8, 8), keys=8, values=8, heads=2)


def random_features(
    shape: tuple[int, int, int] = (6, 10, 12),
    structures: int = 2,
    channels: int = 1,
    positions: tuple[int, ...] = (1, 4),
    moving: float = 0.0,
) -> SliceFeatures:
    """Return features of random numbers within their ranges, on a grid that is not square.

    moving: outlines move by up to so many rows and columns.
    """
    rng = np.random.default_rng(11)
    slices, height, width = shape
    full = (slices, structures, height, width)
    seeds = np.full(shape, -1, dtype=np.intp)
    seeds[list(positions)] = rng.integers(-1, structures + 1, (len(positions), height, width))
    outlines = rng.uniform(-9, 9, (len(positions), *full[1:])).astype(np.float32)
    return SliceFeatures(
        step=(3.0, 0.5, 2.0),
        origin=(-4.0, 7.0, -11.0),
        images=rng.random((slices, channels, height, width), dtype=np.float32),
        seeds=seeds,
        shape=rng.uniform(-CERTAIN, CERTAIN, full).astype(np.float32),
        appearance=rng.uniform(-4, 4, full).astype(np.float32),
        walk=rng.uniform(-SUREST, SUREST, full).astype(np.float32),
        outlines=outlines,
        positions=positions,
        moves=(moving * rng.uniform(-1, 1, (len(positions), structures, slices, 2))).astype(
            np.float32
        ),
        radii=np.linspace(4.0, 9.0, structures),
    )


def untrained(*, random: bool = False) -> FewsliceNet:
    """Return a tiny network. It answers its base, or, if `random`, corrects it anyhow."""
    torch.manual_seed(0)
    network = FewsliceNet(TINY)
    if random:
        torch.nn.init.normal_(network.decoder.logit.weight)
    return network.eval()


def weights_file(folder: Path, *, random: bool = False) -> Path:
    """Write the weights of an untrained network."""
    path = folder / "untrained.safetensors"
    save_weights(path, untrained(random=random), TINY, {})
    return path
