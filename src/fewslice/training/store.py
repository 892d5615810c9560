"""A folder of models: every version that was trained, which one is promoted, and how that came.

    FOLDER/versions/0001/                    see `version_files`
    FOLDER/promoted                          number of the version in use
    FOLDER/history.json                      promotions, refusals and rollbacks in their order
    FOLDER/slices.json                       which slices are held out to judge, which were learned
    FOLDER/unfinished.safetensors            state of a training that was interrupted

Versions are put in place as a whole and never changed; `promoted` alone says which one is used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fewslice.errors import InputError, ReadError, WeightsError
from fewslice.io.atomic import atomic_folder, atomic_path, make_parent
from fewslice.training.choice import Choice
from fewslice.training.version_files import (
    DESCRIPTION,
    read_choice,
    read_description,
    read_digest,
    read_json,
    read_model,
    write_json,
    write_log,
    write_model,
)

if TYPE_CHECKING:
    from fewslice.training.model import TaskModel

PROMOTED, _HISTORY, _VERSIONS = "promoted", "history.json", "versions"


@dataclass(frozen=True)
class Version:
    """One version of a model folder.

    number: from 1. score: Dice on the held-out slices when it was new, None if there were none.
    before: that of the version promoted then, on the same slices. promoted: whether it is in use.
    slices, scans: how many it was trained on. choice: whether the network answers, the scans it
    learned from, or the mean of both.
    """

    number: int
    score: float | None
    before: float | None
    promoted: bool
    slices: int
    scans: int
    choice: Choice = field(default_factory=Choice)


def load_model(path: str | os.PathLike[str], device: str | None = None) -> TaskModel:
    """Read a model of one's own task, an engine for `segment`.

    Parameters
    ----------
    path
        A model folder, of which the promoted version is read, or one version in versions/NNNN.
    device
        Where the model works, such as "cpu" or "cuda:0"; default: a GPU if there is one.

    Returns
    -------
    TaskModel
        Ready for ``segment(image, engine=model)``.

    Raises
    ------
    ReadError
        If there is no model.
    WeightsError
        If its files are damaged or do not belong together.
    """
    return read_model(version_in_use(Path(path)), device)


@lru_cache(maxsize=1)  # a worker answers for many scans with the same model
def cached_model(path: str) -> TaskModel:
    """Read a model as `load_model` does, or return the one read last if it was this one."""
    return load_model(path)


def model_in_use(path: Path) -> tuple[Path, str]:
    """Return the folder of the version in use, absolute, and the SHA-256 of what answers.

    Raises ReadError if there is none.
    """
    folder = version_in_use(path).absolute()
    return folder, read_digest(folder)


def choice_in_use(path: Path) -> Choice:
    """Return who answers for the version in use. Raises ReadError or WeightsError."""
    folder = version_in_use(path)
    return read_choice(read_description(folder), folder)


def version_in_use(path: Path) -> Path:
    """Return the folder of the promoted version; the path of a version stands for itself.

    Raises ReadError if no version is promoted.
    """
    if (path / DESCRIPTION).is_file():
        return path
    number = promoted(path)
    if number is None:
        raise ReadError(
            f"{path} holds no promoted model; expected a folder that fewslice train has "
            "written, or one of its versions."
        )
    return version_folder(path, number)


def version_folder(folder: Path, number: int) -> Path:
    """Return where a version lies."""
    return folder / _VERSIONS / f"{number:04d}"


def save_version(
    folder: Path,
    model: TaskModel,
    facts: Mapping[str, Any],
    losses: Sequence[tuple[int, float]],
    choice: Choice | None = None,
) -> int:
    """Write a new version as a whole and return its number. Raises WriteError.

    facts and choice: see `write_model`. losses: steps and their loss.
    """
    number = max(numbers(folder), default=0) + 1
    target = version_folder(folder, number)
    make_parent(target)
    with atomic_folder(target) as place:
        write_model(place, model, facts, choice)
        write_log(place, losses)
    return number


def numbers(folder: Path) -> tuple[int, ...]:
    """Return the numbers of all complete versions, ascending."""
    place = folder / _VERSIONS
    if not place.is_dir():
        return ()
    return tuple(
        sorted(
            int(path.name)
            for path in place.iterdir()
            if path.name.isdigit() and (path / DESCRIPTION).is_file()
        )
    )


def promoted(folder: Path) -> int | None:
    """Return the number of the version in use, or None. Raises ReadError if it is damaged."""
    path = folder / PROMOTED
    if not path.is_file():
        return None
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise ReadError(
            f"{path} holds no number of a version; write the one to use into it, such as 1."
        ) from error


def promote(folder: Path, number: int) -> None:
    """Put a version in use."""
    _remember(folder, {"action": "promoted", "version": number})
    _point(folder, number)


def refuse(folder: Path, number: int) -> None:
    """Remember that a version was not better than the one in use."""
    _remember(folder, {"action": "not promoted", "version": number})


def roll_back(folder: Path) -> int:
    """Put the version in use again that was so before the last promotion; return its number.

    Raises InputError if there is none.
    """
    now = promoted(folder)
    stack = _promotions(folder)
    place = max((n for n, number in enumerate(stack) if number == now), default=0)
    if now is None or place == 0:
        raise InputError(
            f"{folder} has no earlier promotion to return to; see fewslice models {folder}."
        )
    before = stack[place - 1]
    _remember(folder, {"action": "rolled back", "version": now, "to": before})
    _point(folder, before)
    return before


def _promotions(folder: Path) -> list[int]:
    """Return the versions in use one after the other, those rolled back left out."""
    stack: list[int] = []
    for event in history(folder):
        if event.get("action") == "promoted":
            stack.append(int(event["version"]))
        elif event.get("action") == "rolled back" and stack:
            stack.pop()
    return stack


def history(folder: Path) -> list[dict[str, Any]]:
    """Return promotions, refusals and rollbacks in their order.

    Raises WeightsError if the file is damaged.
    """
    path = folder / _HISTORY
    events = read_json(path) if path.is_file() else []
    if not isinstance(events, list) or not all(map(_is_event, events)):
        raise WeightsError(f"{path} is damaged (no list of events); restore it from a copy.")
    return events


def _is_event(content: object) -> bool:
    return isinstance(content, dict) and isinstance(content.get("version"), int)


def versions(folder: str | os.PathLike[str]) -> tuple[Version, ...]:
    """Return all versions of a model folder. Raises ReadError if it is none."""
    place = Path(folder)
    found = numbers(place)
    if not found:
        raise ReadError(f"{place} holds no models; expected a folder of fewslice train.")
    now = promoted(place)
    result = []
    for number in found:
        described = read_description(version_folder(place, number))
        result.append(
            Version(
                number,
                described.get("score"),
                described.get("before"),
                number == now,
                int(described.get("trained_slices", 0)),
                int(described.get("trained_scans", 0)),
                read_choice(described, version_folder(place, number)),
            )
        )
    return tuple(result)


def _remember(folder: Path, event: dict[str, Any]) -> None:
    write_json(folder / _HISTORY, [*history(folder), event])


def _point(folder: Path, number: int) -> None:
    with atomic_path(folder / PROMOTED) as temporary:
        temporary.write_text(f"{number}\n", encoding="ascii")
