"""What can be set of an engine that people choose by its name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fewslice.engines.base import Engine
from fewslice.engines.ensemble.engine import Auto
from fewslice.engines.network.engine import Network
from fewslice.engines.network.finetuned_engine import Finetuned
from fewslice.errors import InputError


@dataclass(frozen=True)
class EngineOptions:
    """Settings of an engine; None is for what the engine has anyway.

    weights: a file of network weights, for engines that hold a network. seconds: time to fine-tune,
    more than 0. save_to: where the fine-tuned state goes, a file of weights again.
    """

    weights: Path | None = None
    seconds: float | None = None
    save_to: Path | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise InputError(
                f"{self.seconds:g} seconds are no time to fine-tune in; give a number above 0, "
                "such as 30."
            )

    @property
    def given(self) -> dict[str, Any]:
        """The settings that are not None, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def configured(engine: Engine, options: EngineOptions) -> tuple[Engine, tuple[str, ...]]:
    """Return an engine with options, and the names of those it has no use for."""
    unused = []
    for name, value in options.given.items():
        changed = _SETTERS[name](engine, value)
        if changed is None:
            unused.append(name)
        else:
            engine = changed
    return engine, tuple(unused)


def options_of(engine: Engine) -> EngineOptions:
    """Return the options that hold for an engine."""
    if isinstance(engine, Finetuned):
        return EngineOptions(engine.network.weights, engine.seconds, engine.save_to)
    if isinstance(engine, Auto):
        finetuning = engine.finetuning
        return (
            EngineOptions(engine.network.weights) if finetuning is None else options_of(finetuning)
        )
    return EngineOptions(engine.weights if isinstance(engine, Network) else None)


def _with_weights(engine: Engine, weights: Path) -> Engine | None:
    if isinstance(engine, Network):
        return replace(engine, weights=weights)
    if isinstance(engine, Finetuned | Auto):
        return replace(engine, network=replace(engine.network, weights=weights))
    return None


def _with_seconds(engine: Engine, seconds: float) -> Engine | None:
    return replace(engine, seconds=seconds) if isinstance(engine, Finetuned | Auto) else None


def _with_save_to(engine: Engine, save_to: Path) -> Engine | None:
    return replace(engine, save_to=save_to) if isinstance(engine, Finetuned | Auto) else None


_SETTERS: dict[str, Callable[[Engine, Any], Engine | None]] = {
    "weights": _with_weights,
    "seconds": _with_seconds,
    "save_to": _with_save_to,
}
