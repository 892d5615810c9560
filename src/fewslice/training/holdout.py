"""Which annotated slices judge models for good, and which have taught them: a model folder's file.

A slice that judges must never have been learned from by any version of the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fewslice.errors import ReadError
from fewslice.training.version_files import write_json

_SLICES = "slices.json"


@dataclass(frozen=True)
class SliceRoles:
    """What earlier trainings held out to judge by, and what they learned from, by slice key."""

    held_out: frozenset[str] = frozenset()
    learned: frozenset[str] = frozenset()


def read_roles(folder: Path | None) -> SliceRoles:
    """Return the roles so far, none without a folder. Raises ReadError if the file is damaged."""
    if folder is None or not (folder / _SLICES).is_file():
        return SliceRoles()
    try:
        content = json.loads((folder / _SLICES).read_bytes())
        return SliceRoles(
            frozenset(str(key) for key in content["held_out"]),
            frozenset(str(key) for key in content["learned"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReadError(
            f"{folder / _SLICES} is damaged ({error}); restore it from a copy, or use a new model "
            "folder: it says which slices models may be judged by."
        ) from error


def add_roles(
    folder: Path, roles: SliceRoles, held_out: Iterable[str], learned: Iterable[str]
) -> None:
    """Write the roles so far together with those of a new training."""
    write_json(
        folder / _SLICES,
        {
            "held_out": sorted({*roles.held_out, *held_out}),
            "learned": sorted({*roles.learned, *learned}),
        },
    )
