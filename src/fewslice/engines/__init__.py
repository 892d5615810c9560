"""Engines: from a few annotated slices to probabilities for the volume, all behind one protocol."""

from __future__ import annotations

from fewslice.engines.atlas.engine import Atlas
from fewslice.engines.base import (
    Engine,
    Prediction,
    PreparedScan,
    Progress,
    Scan,
    SupportScan,
    TrainedEngine,
    silent,
)
from fewslice.engines.ensemble.engine import Auto
from fewslice.engines.interpolation.engine import Interpolation
from fewslice.engines.network.engine import Network
from fewslice.engines.network.finetuned_engine import Finetuned
from fewslice.engines.options import EngineOptions, configured, options_of
from fewslice.engines.random_walker.engine import RandomWalker
from fewslice.errors import InputError

ENGINES: dict[str, Engine] = {
    "auto": Auto(),
    "interpolation": Interpolation(),
    "random-walker": RandomWalker(),
    "network": Network(),
    "finetuned": Finetuned(),
    "atlas": Atlas(),
}
"""Every engine by the name people call it."""


def find_engine(name: str, options: EngineOptions | None = None) -> Engine:
    """Return the engine of that name, with options.

    Raises InputError that lists the names that exist, or the engines that an option is for.
    """
    if name not in ENGINES:
        raise InputError(f"There is no engine {name!r}; choose one of {', '.join(ENGINES)}.")
    engine, unused = configured(ENGINES[name], options or EngineOptions())
    if unused:
        raise InputError(
            f"The engine {name} has no use for {_OPTIONS[unused[0]]}; leave that out, or choose "
            f"{_listed(_engines_with(options or EngineOptions(), unused[0]))}."
        )
    return engine


def engine_name(engine: Engine) -> str:
    """Return the name people call an engine by; that of its class if it is not in `ENGINES`.

    A `TrainedEngine` is called a model.
    """
    if isinstance(engine, TrainedEngine):
        return "model"
    named = [name for name, other in ENGINES.items() if other is engine]
    named += [name for name, other in ENGINES.items() if type(other) is type(engine)]
    return named[0] if named else type(engine).__name__


_OPTIONS = {
    "weights": "a file of weights",
    "seconds": "seconds to fine-tune in",
}


def _engines_with(options: EngineOptions, name: str) -> list[str]:
    one = EngineOptions(**{name: options.given[name]})
    return [each for each, engine in ENGINES.items() if not configured(engine, one)[1]]


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


__all__ = [
    "ENGINES",
    "Atlas",
    "Auto",
    "Engine",
    "EngineOptions",
    "Finetuned",
    "Interpolation",
    "Network",
    "Prediction",
    "PreparedScan",
    "Progress",
    "RandomWalker",
    "Scan",
    "SupportScan",
    "TrainedEngine",
    "engine_name",
    "find_engine",
    "options_of",
    "silent",
]
