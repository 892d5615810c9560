"""A bank of prepared tasks on disk: what is slow is done once, episodes are drawn fast."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from fewslice.engines.base import Progress, silent
from fewslice.engines.network.features import SliceFeatures
from fewslice.errors import InputError, ReadError
from fewslice.io.atomic import atomic_path
from fewslice.pretraining.tasks.sources import Job, SourceSettings, jobs, make_tasks
from fewslice.pretraining.tasks.tasks import Task

INDEX = "index.json"


@dataclass(frozen=True)
class Entry:
    """One task of a bank: its file, and what is needed to choose it."""

    file: str
    part: str
    kind: str
    group: str
    scan: str


@dataclass(frozen=True, eq=False)
class Bank:
    """Tasks in a folder."""

    folder: Path
    entries: tuple[Entry, ...]

    @cached_property
    def by_kind(self) -> dict[tuple[str, str], tuple[Entry, ...]]:
        """Entries by (part, kind)."""
        return _grouped(self.entries, lambda entry: (entry.part, entry.kind))

    @cached_property
    def by_group(self) -> dict[tuple[str, str], tuple[Entry, ...]]:
        """Entries by (part, group)."""
        return _grouped(self.entries, lambda entry: (entry.part, entry.group))

    def kinds(self, part: str) -> tuple[str, ...]:
        """Return the kinds of tasks there are in a part, sorted."""
        return tuple(sorted(kind for other, kind in self.by_kind if other == part))

    def load(self, entry: Entry) -> Task:
        """Read one task; ReadError if its file is missing or damaged."""
        return load_task(self.folder / entry.file, entry)


def _grouped(
    entries: tuple[Entry, ...], key: Callable[[Entry], tuple[str, str]]
) -> dict[tuple[str, str], tuple[Entry, ...]]:
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        found.setdefault(key(entry), []).append(entry)
    return {name: tuple(group) for name, group in found.items()}


def open_bank(folder: Path) -> Bank:
    """Open a bank; ReadError if there is none."""
    return Bank(folder, _read_index(folder)[1])


def _read_index(folder: Path) -> tuple[dict[str, Any], tuple[Entry, ...]]:
    """Return what a bank was made from, and its entries."""
    try:
        index = json.loads((folder / INDEX).read_text())
        return index["sources"], tuple(Entry(**entry) for entry in index["entries"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReadError(
            f"{folder} holds no bank of training tasks that can be read ({error}); build it with "
            "fewslice pretrain, or remove the folder to have it built again."
        ) from error


def build_bank(
    folder: Path,
    data: Path,
    settings: SourceSettings,
    progress: Progress = silent,
) -> Bank:
    """Make all tasks of the sources and write them to a folder, unless they are there already.

    data: folder that holds the sources' folders. Raises InputError if the folder holds a bank of
    other sources, and ReadError for scans that cannot be read.
    """
    wanted = json.loads(json.dumps(asdict(settings) | {"processes": 0}))
    if (folder / INDEX).exists():
        made_from, entries = _read_index(folder)
        if made_from != wanted:
            raise InputError(
                f"{folder} holds tasks made from other sources than asked for; remove it or name "
                "another folder."
            )
        return Bank(folder, entries)
    todo = [(folder, at, job) for at, job in enumerate(jobs(settings, data))]
    folder.mkdir(parents=True, exist_ok=True)
    entries = ()
    for done, made in enumerate(_results(todo, settings.processes), start=1):
        entries += made
        progress(done / len(todo))
    index = {"sources": wanted, "entries": [asdict(entry) for entry in entries]}
    with atomic_path(folder / INDEX) as path:
        path.write_text(json.dumps(index, indent=0))
    return Bank(folder, entries)


def _results(todo: list[tuple[Path, int, Job]], processes: int) -> Iterator[tuple[Entry, ...]]:
    """Yield the entries of each job, in order; one process works in this one."""
    if processes == 1:
        yield from map(_do, todo)
        return
    # Forking a process with threads, as numerical libraries have them, may hang.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_do, todo)


def _do(numbered: tuple[Path, int, Job]) -> tuple[Entry, ...]:
    folder, number, job = numbered
    entries = []
    for at, task in enumerate(make_tasks(job)):
        entry = Entry(f"{number:05d}-{at}.npz", job.part, task.kind, task.group, task.scan)
        save_task(folder / entry.file, task)
        entries.append(entry)
    return tuple(entries)


_HALF = ("images", "shape", "appearance", "walk", "outlines", "moves")


def save_task(path: Path, task: Task) -> None:
    """Write a task; floating-point arrays at half precision."""
    arrays: dict[str, Any] = {"truth": task.truth}
    for field in fields(SliceFeatures):
        value = np.asarray(getattr(task.features, field.name))
        arrays[field.name] = value.astype(np.float16) if field.name in _HALF else value
    arrays["seeds"] = arrays["seeds"].astype(np.int8)
    np.savez(path, **arrays)


def load_task(path: Path, entry: Entry) -> Task:
    """Read a task that `save_task` wrote; ReadError if it is missing or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, BadZipFile) as error:
        raise ReadError(
            f"{path} is no training task that can be read ({error}); remove the folder "
            f"{path.parent} to have its tasks made again."
        ) from error
    if values.keys() != {"truth", *(field.name for field in fields(SliceFeatures))}:
        raise ReadError(
            f"{path} is a training task of another version of fewslice; remove the folder "
            f"{path.parent} to have its tasks made again."
        )
    truth = values.pop("truth")
    for name in _HALF:
        values[name] = values[name].astype(np.float32)
    values["seeds"] = values["seeds"].astype(np.intp)
    for name in ("step", "origin"):
        values[name] = tuple(values[name].tolist())
    values["positions"] = tuple(values["positions"].tolist())
    crossing = values["crossing"].reshape(-1, 2).astype(int).tolist()
    values["crossing"] = tuple((axis, at) for axis, at in crossing)
    return Task(SliceFeatures(**values), truth, entry.kind, entry.group, entry.scan)
