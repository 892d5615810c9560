"""The tables of an evaluation on disk: rows are appended case by case, so a kill loses little.

A folder holds ``settings.json``, ``scores.csv`` (see `ScoreRow`), ``distances.csv`` (see
`DistanceRow`) and ``cases.csv`` (see `CaseRow`). The row in cases.csv is written last and says how
many rows the case has in the other two; when a folder is opened again, everything of a case for
which that does not hold is removed, and the case is evaluated anew.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from fewslice.errors import InputError, ReadError
from fewslice.evaluation.rows import CaseResult, CaseRow, DistanceRow, ScoreRow
from fewslice.io import atomic_path
from fewslice.io.atomic import failures_named

SETTINGS = "settings.json"
TABLES: dict[str, type[Any]] = {
    "cases.csv": CaseRow,
    "scores.csv": ScoreRow,
    "distances.csv": DistanceRow,
}


@dataclass(frozen=True)
class Results:
    """A folder of results. finished: the cases that are in it, in the order they were finished."""

    folder: Path
    finished: tuple[str, ...]

    def path(self, name: str) -> Path:
        """Return the path of one file in the folder."""
        return self.folder / name

    def append(self, result: CaseResult) -> None:
        """Write the rows of one case. Raises WriteError, such as for a full disk."""
        self._append("scores.csv", result.scores)
        self._append("distances.csv", result.distances)
        self._append("cases.csv", [result.case])

    def _append(self, name: str, rows: Iterable[Any]) -> None:
        with (
            failures_named(self.path(name)),
            self.path(name).open("a", encoding="utf-8", newline="") as stream,
        ):
            csv.writer(stream, lineterminator="\n").writerows(map(astuple, rows))


def columns(name: str) -> list[str]:
    """Return the columns of one table."""
    return [field.name for field in fields(TABLES[name])]


def open_results(folder: Path, settings: Mapping[str, Any]) -> Results:
    """Open a folder for results: a new or empty one, or that of an evaluation not finished.

    settings: what must be the same for the tables to be continued; JSON values only.

    Raises InputError if the folder holds something else or results of other settings, and
    WriteError if it cannot be made or written.
    """
    wanted = json.loads(json.dumps(dict(settings)))
    with failures_named(folder):
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    if empty:
        write_json(folder / SETTINGS, wanted)
    else:
        _require_same(_stored_settings(folder), wanted, folder)
    return Results(folder, _repair(folder))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file that is there as a whole or not at all."""
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _stored_settings(folder: Path) -> dict[str, Any]:
    try:
        stored = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stored = None
    if not isinstance(stored, dict):
        raise InputError(
            f"{folder} is not empty and holds no readable {SETTINGS} of an evaluation; choose a "
            "new folder."
        )
    return stored


def _require_same(stored: Mapping[str, Any], wanted: Mapping[str, Any], folder: Path) -> None:
    differing = [key for key in {**wanted, **stored} if stored.get(key) != wanted.get(key)]
    if differing:
        found = "; ".join(
            f"{key}: {json.dumps(stored.get(key))} there, {json.dumps(wanted.get(key))} now"
            for key in differing
        )
        raise InputError(
            f"{folder} holds an evaluation with other settings ({found}); choose another folder, "
            "or delete this one to start again."
        )


def _repair(folder: Path) -> tuple[str, ...]:
    """Remove what a kill left incomplete, write missing headers, return the finished cases."""
    tables = {name: _read(folder / name, columns(name)) for name in TABLES}
    counts = {name: Counter(row[0] for row in rows) for name, rows in tables.items()}
    finished = tuple(
        case
        for case, scores, distances, *_ in tables["cases.csv"]
        if counts["cases.csv"][case] == 1
        and scores == str(counts["scores.csv"][case])
        and distances == str(counts["distances.csv"][case])
    )
    kept = set(finished)
    for name, rows in tables.items():
        with (
            atomic_path(folder / name) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as stream,
        ):
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns(name))
            writer.writerows(row for row in rows if row[0] in kept)
    return finished


def _read(path: Path, header: list[str]) -> list[list[str]]:
    """Return the complete rows of a table without its header; none if the file is missing."""
    if not path.exists():
        return []
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise ReadError(f"{path} cannot be read ({error.strerror}); check its permissions.") from (
            error
        )
    complete = text[: text.rfind("\n") + 1]  # the last line may have been cut by a kill
    rows = list(csv.reader(complete.splitlines(keepends=True)))
    if rows and rows[0] != header:
        raise InputError(
            f"{path} has other columns than this version writes; choose another folder."
        )
    return [row for row in rows[1:] if len(row) == len(header)]
