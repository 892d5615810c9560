"""The public surface as text: every public name, with the signatures of what can be called.

``make surface`` writes it to tests/public_surface.txt.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cached_property
from inspect import isfunction
from pathlib import Path
from typing import Any

import fewslice

SNAPSHOT = Path(__file__).parents[1] / "public_surface.txt"


_WIDTH = 88


class _Shown:
    """Shown in a signature as the text it was made from, without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def public_surface() -> str:
    """Return one block a public name, one line a parameter, so that a change shows in a diff."""
    return "\n".join(line for name in fewslice.__all__ for line in (*_described(name), ""))


def _described(name: str) -> list[str]:
    value = getattr(fewslice, name)
    if not isinstance(value, type):
        return [f"{name}{_signature(value)}" if callable(value) else name]
    if issubclass(value, Exception):
        return [f"class {name}({value.__bases__[0].__name__})"]
    return [f"class {name}{_signature(value)}", *_members(value)]


def _members(kind: type) -> Iterator[str]:
    for name in dir(kind):
        value = inspect.getattr_static(kind, name)
        if name.startswith("_"):
            continue
        if isinstance(value, property | cached_property):
            getter = value.fget if isinstance(value, property) else value.func
            assert getter is not None
            yield f"    property {name} -> {inspect.signature(getter).return_annotation}"
        elif callable(value) or isinstance(value, classmethod | staticmethod):
            yield _indented(f"{name}{_signature(getattr(kind, name))}")


def _signature(function: Callable[..., Any]) -> str:
    found = inspect.signature(function)
    shown = [_shown(each) for each in found.parameters.values() if each.name != "self"]
    end = "" if isinstance(function, type) else f" -> {found.return_annotation}"
    line = f"{inspect.Signature(shown)}{end}"
    if len(line) <= _WIDTH:
        return line
    return "\n".join(["(", *(f"    {each}," for each in _with_star(shown)), f"){end}"])


def _with_star(parameters: list[inspect.Parameter]) -> list[str]:
    """Return the parameters, with a star before those that are given by name only."""
    texts = [str(each) for each in parameters]
    named = [each.kind is each.KEYWORD_ONLY for each in parameters]
    return [*texts[: named.index(True)], "*", *texts[named.index(True) :]] if any(named) else texts


def _shown(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return the parameter as the code has it; of a function, the default's address differs."""
    written = parameter.annotation
    if isinstance(written, str):
        parameter = parameter.replace(annotation=_Shown(written))
    return parameter.replace(default=_Shown("...")) if isfunction(parameter.default) else parameter


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


if __name__ == "__main__":
    SNAPSHOT.write_text(public_surface(), encoding="utf-8")
