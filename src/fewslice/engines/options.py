"""What can be set of an engine that people choose by its name."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from fewslice.engines.base import Engine
from fewslice.errors import InputError

_INSIDE = "network"  # an engine that holds the network engine under this name has its options too


@dataclass(frozen=True)
class EngineOptions:
    """Settings of an engine, each a field of its dataclass; None is for what the engine has anyway.

    weights: a file of network weights, for engines that hold a network. seconds: time to fine-tune,
    more than 0. server: address of a server, for engines that ask one.
    """

    weights: Path | None = None
    seconds: float | None = None
    server: str | None = None

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

    def with_source(self, source: str, engine: Engine) -> EngineOptions:
        """Return these options with what follows an engine's name and =, an address or a path.

        Raises InputError if that was given as an option, too.
        """
        name = "server" if hasattr(engine, "server") else "weights"
        if getattr(self, name) is not None:
            raise InputError(
                f"The engine was given {source!r} after its name and {getattr(self, name)} as "
                f"--{name}; leave one of them out."
            )
        if name == "server":
            return replace(self, server=source)
        return replace(self, weights=Path(source))


def configured(engine: Engine, options: EngineOptions) -> tuple[Engine, tuple[str, ...]]:
    """Return an engine with options, and the names of those it has no use for."""
    unused = []
    for name, value in options.given.items():
        changed = _with(engine, name, value)
        if changed is None:
            unused.append(name)
        else:
            engine = changed
    return engine, tuple(unused)


def options_of(engine: Engine) -> EngineOptions:
    """Return the options that hold for an engine."""
    return EngineOptions(**{each.name: _value(engine, each.name) for each in fields(EngineOptions)})


def _with(engine: Any, name: str, value: Any) -> Any:
    """Return an engine whose field, or that of the network in it, has another value; or None."""
    if not is_dataclass(engine) or isinstance(engine, type):
        return None
    if name in engine.__dataclass_fields__:
        return replace(engine, **{name: value})
    inside = _with(getattr(engine, _INSIDE, None), name, value)
    return None if inside is None else replace(engine, **{_INSIDE: inside})


def _value(engine: Any, name: str) -> Any:
    if not is_dataclass(engine):
        return None
    if name in engine.__dataclass_fields__:
        return getattr(engine, name)
    return _value(getattr(engine, _INSIDE, None), name)
