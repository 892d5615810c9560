"""Engines: from a few annotated slices to probabilities for the volume, all behind one protocol."""

from __future__ import annotations

from fewslice.engines.adapted import Adapted
from fewslice.engines.auto import Auto
from fewslice.engines.interpolation import Interpolation
from fewslice.engines.network import Network
from fewslice.engines.protocol import (
    Engine,
    Prediction,
    PreparedScan,
    Progress,
    Scan,
    SupportScan,
    silent,
)
from fewslice.engines.random_walker import RandomWalker
from fewslice.errors import InputError

ENGINES: dict[str, Engine] = {
    "auto": Auto(),
    "interpolation": Interpolation(),
    "random-walker": RandomWalker(),
    "network": Network(),
    "adapted": Adapted(),
}
"""Every engine by the name people call it."""


def find_engine(name: str) -> Engine:
    """Return the engine of that name; InputError lists the names that exist."""
    if name not in ENGINES:
        raise InputError(f"There is no engine {name!r}; choose one of {', '.join(ENGINES)}.")
    return ENGINES[name]


__all__ = [
    "ENGINES",
    "Engine",
    "Prediction",
    "PreparedScan",
    "Progress",
    "Scan",
    "SupportScan",
    "find_engine",
    "silent",
]
