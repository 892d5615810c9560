"""Episodes so small and easy that a network learns them within seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fewslice.networks.inputs import SAME_SCAN, Inputs, Remembered
from fewslice.pretraining.loop.config import Config, parse_config
from fewslice.pretraining.loop.loop import Materials
from fewslice.pretraining.tasks.episodes import Episode
from fewslice.pretraining.tasks.feed import Draw

HINTS = 18


def bright_square(number: int) -> Episode:
    """Return slices with a bright square to find; its place follows from the number."""
    generator = torch.Generator().manual_seed(number)
    height, slices = 16 + 8 * (number % 2), 2
    row, column = torch.randint(2, 8, (2,), generator=generator).tolist()
    truth = torch.zeros(slices, height, 16, dtype=torch.int64)
    truth[:, row : row + 6, column : column + 6] = 1
    truth[:, 0] = -1
    noise = 0.3 * torch.rand(slices, 1, 3, height, 16, generator=generator)
    images = noise + 0.6 * (truth == 1)[:, None, None]
    hints = torch.zeros(slices, 1, HINTS, height, 16)
    hints[:, :, 0] = images[:, :, 1]
    known = torch.stack([truth[:1] == 1, truth[:1] == 0], dim=1)[:, None].float()
    memory = Remembered(images[:1], known, torch.zeros(1, 3), torch.full((1,), SAME_SCAN))
    base = torch.full((slices, 1, height, 16), -1.0)
    inputs = Inputs(images, hints, base, torch.zeros(slices, 3), (memory,))
    return Episode(inputs, truth, ("large", "small")[number % 2])


@dataclass(frozen=True)
class Squares:
    """Opens bright squares. beyond: is added to every number."""

    beyond: int = 0

    def __call__(self) -> Draw:
        return lambda number: bright_square(number + self.beyond)


MATERIALS = Materials(Squares(), Squares(beyond=1_000_000))


def settings(folder: Path, **sections: dict[str, Any]) -> dict[str, Any]:
    """Return what a configuration file for a tiny network says. sections: what to change."""
    given: dict[str, dict[str, Any]] = {
        "data": {"bank": str(folder / "bank"), "workers": 0},
        "network": {"widths": [8, 8, 8, 8], "keys": 8, "values": 8, "heads": 2, "hints": HINTS},
        "optimisation": {
            "steps": 12,
            "learning_rate": 0.01,
            "warmup": 2,
            "episodes_per_step": 2,
            "ema": 0.8,
            "device": "cpu",
        },
        "validation": {"every": 4, "episodes": 3},
        "output": {"folder": str(folder / "out"), "log_every": 4, "tensorboard": False},
    }
    for name, changes in sections.items():
        given[name] = given.get(name, {}) | changes
    return given


def config(folder: Path, **sections: dict[str, Any]) -> Config:
    """Return the configuration of a tiny run."""
    return parse_config(settings(folder, **sections), "tiny.toml")
