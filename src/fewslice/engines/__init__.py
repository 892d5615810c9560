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
from fewslice.engines.nninteractive.engine import NNInteractive
from fewslice.engines.options import EngineOptions, configured, options_of
from fewslice.engines.prompted.monai_bundle import MonaiBundle
from fewslice.engines.prompted.torchscript import TorchScript
from fewslice.engines.random_walker.engine import RandomWalker
from fewslice.engines.universeg.engine import UniverSeg
from fewslice.errors import InputError

ENGINES: dict[str, Engine] = {
    "auto": Auto(),
    "interpolation": Interpolation(),
    "random-walker": RandomWalker(),
    "network": Network(),
    "finetuned": Finetuned(),
    "atlas": Atlas(),
}
"""Every engine that works as it is, by the name people call it."""

OTHER_ENGINES: dict[str, Engine] = {
    "universeg": UniverSeg(),
    "nninteractive": NNInteractive(),
    "torchscript": TorchScript(),
    "monai-bundle": MonaiBundle(),
}
"""Engines of others, by name: each needs a file or a server that does not come with fewslice."""


def find_engine(name: str, options: EngineOptions | None = None) -> Engine:
    """Return the engine of that name, with options.

    name: may go on with = and the engine's weights or server, as in "universeg=FILE". Raises
    InputError that lists the names that exist, or the engines that an option is for.
    """
    name, _, source = name.partition("=")
    known = ENGINES | OTHER_ENGINES
    if name not in known:
        raise InputError(f"There is no engine {name!r}; choose one of {', '.join(known)}.")
    options = options or EngineOptions()
    if source:
        options = options.with_source(source, known[name])
    engine, unused = configured(known[name], options)
    if unused:
        raise InputError(
            f"The engine {name} has no use for {_OPTIONS[unused[0]]}; leave that out, or choose "
            f"{_listed(_engines_with(options, unused[0]))}."
        )
    return engine


def as_engine(engine: str | Engine) -> Engine:
    """Return an engine that is given by its name or as it is.

    Raises InputError for a name as `find_engine` does, and for what is no engine.
    """
    if isinstance(engine, str):
        return find_engine(engine)
    if isinstance(engine, type) or not hasattr(engine, "prepare"):
        given = f"the class {engine.__name__}" if isinstance(engine, type) else repr(engine)
        raise InputError(
            f"The engine is {given}; expected a name ({', '.join(ENGINES)}), an engine such as "
            "fewslice.engines.Network(), or a model from fewslice.load_model."
        )
    return engine


def engine_name(engine: Engine) -> str:
    """Return the name people call an engine by; that of its class if it has none.

    A `TrainedEngine` is called a model.
    """
    if isinstance(engine, TrainedEngine):
        return "model"
    known = ENGINES | OTHER_ENGINES
    named = [name for name, other in known.items() if other is engine]
    named += [name for name, other in known.items() if type(other) is type(engine)]
    return named[0] if named else type(engine).__name__


_OPTIONS = {
    "weights": "a file of weights",
    "seconds": "seconds to fine-tune in",
    "server": "the address of a server",
}


def _engines_with(options: EngineOptions, name: str) -> list[str]:
    one = EngineOptions(**{name: options.given[name]})
    known = ENGINES | OTHER_ENGINES
    return [each for each, engine in known.items() if not configured(engine, one)[1]]


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


__all__ = [
    "ENGINES",
    "OTHER_ENGINES",
    "Atlas",
    "Auto",
    "Engine",
    "EngineOptions",
    "Finetuned",
    "Interpolation",
    "MonaiBundle",
    "NNInteractive",
    "Network",
    "Prediction",
    "PreparedScan",
    "Progress",
    "RandomWalker",
    "Scan",
    "SupportScan",
    "TorchScript",
    "TrainedEngine",
    "UniverSeg",
    "engine_name",
    "find_engine",
    "options_of",
    "silent",
]
