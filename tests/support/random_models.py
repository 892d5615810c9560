"""A task's model with random weights, and a scan of noise to ask it about."""

from __future__ import annotations

import numpy as np
import torch

from fewslice.engines.base import Scan
from fewslice.training.grid import TaskGrid
from fewslice.training.intensity import Intensity
from fewslice.training.model import TaskModel
from fewslice.training.network import TaskNet, TaskShape
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.orientation import Turn

SPACING = (1.5, 1.0, 3.0)
SHAPE = (12, 15, 9)
GEOMETRY = Geometry.from_spacing(SHAPE, SPACING)
CHANNELS = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)
SCAN = Scan(CHANNELS, GEOMETRY)


def turned_scan(turn: Turn) -> Scan:
    """The same scan, stored otherwise."""
    return Scan(turn.array(CHANNELS), turn.geometry(GEOMETRY))


def random_model(plane: int = 2, pixel: tuple[float, float] = (1.5, 1.0)) -> TaskModel:
    """A model with random weights, for which no two orientations look alike."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = TaskNet(TaskShape(1, 3, widths=(8, 8, 8, 8), values=8, dropout=0.5))
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.sin(torch.arange(parameter.numel())).reshape(parameter.shape)
    return TaskModel(network.eval(), TaskGrid(plane, 3.0, pixel), (Intensity(False),), (0, 4, 7))
