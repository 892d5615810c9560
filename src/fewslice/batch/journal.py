"""What is finished of a long run, on disk, so that after a kill nothing is computed twice.

A journal is a file of lines of JSON: the first holds the run's identity (its settings), each
further one the key and the result of a finished job. A line that a kill cut short is dropped when
the file is opened again. Failures are not in it: they are tried again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fewslice.batch.jobs import Function, Job, Outcome, stream
from fewslice.errors import InputError
from fewslice.io.atomic import atomic_path, failures_named


@dataclass(frozen=True)
class Journal:
    """An open journal. finished: the result of each finished job by its key."""

    path: Path
    finished: dict[str, Any]
    _file: BinaryIO

    def append(self, key: str, result: Any) -> None:
        """Write down a result (JSON values) for good. Raises WriteError, as for a full disk."""
        # Writing to the middle of a line is impossible: one line, one call, at the end.
        with failures_named(self.path):
            self._file.write(_line({"key": key, "result": result}))
            self._file.flush()
            os.fsync(self._file.fileno())
        self.finished[key] = result


@contextmanager
def open_journal(path: Path, identity: Mapping[str, Any]) -> Iterator[Journal]:
    """Open a journal, or begin one; only one process can have it open.

    identity: what must be the same for its results to be of use; JSON values. Raises InputError if
    the file belongs to a run of another identity, is no journal or is in use, and WriteError if it
    cannot be written.
    """
    wanted = json.loads(json.dumps(dict(identity)))
    with failures_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with atomic_path(path) as temporary:
                temporary.write_bytes(_line({"identity": wanted}))
        file = path.open("r+b")
    with file:
        _lock(file, path)
        with failures_named(path):
            identity_line, entries, end = _read(file, path)
            _require_same(identity_line, wanted, path)
            file.truncate(end)
            file.seek(end)
        yield Journal(path, entries, file)


def resume(
    function: Function,
    jobs: Iterable[Job],
    journal: Journal,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
) -> Iterator[Outcome]:
    """As `stream`, with results that the journal holds taken from there, before all others.

    The function must return JSON values. A result is in the journal before it is yielded.
    """
    waiting: list[Job] = []
    for job in jobs:
        if job.key in journal.finished:
            yield Outcome(job.key, journal.finished[job.key])
        else:
            waiting.append(job)
    for outcome in stream(function, waiting, scheduler=scheduler, workers=workers):
        if outcome.failure is None:
            journal.append(outcome.key, outcome.result)
        yield outcome


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def _read(file: BinaryIO, path: Path) -> tuple[object, dict[str, Any], int]:
    """Return the identity, the results and where the last complete line ends, in bytes."""
    lines = file.read().splitlines(keepends=True)
    first = _parsed(lines[0]) if lines else None
    if first is None or "identity" not in first:
        raise InputError(
            f"{path} is no journal of a run; choose another folder, or remove the file."
        )
    end, entries = len(lines[0]), {}
    for number, line in enumerate(lines[1:], 2):
        entry = _parsed(line)
        if entry is None or not {"key", "result"} <= entry.keys():
            if number == len(lines):  # cut by a kill
                break
            raise InputError(
                f"Line {number} of {path} is damaged; remove that line to compute its result "
                "again, or the file to compute all of them."
            )
        entries[entry["key"]] = entry["result"]
        end += len(line)
    return first["identity"], entries, end


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return the object in a line, or None if it is not complete."""
    with suppress(ValueError):
        content = json.loads(line)
        if line.endswith(b"\n") and isinstance(content, dict):
            return content
    return None


def _require_same(found: object, wanted: Mapping[str, Any], path: Path) -> None:
    if found == wanted:
        return
    there = found if isinstance(found, dict) else {}
    differing = "; ".join(
        f"{key}: {json.dumps(there.get(key))} there, {json.dumps(wanted.get(key))} now"
        for key in {**wanted, **there}
        if there.get(key) != wanted.get(key) or (key in there) != (key in wanted)
    )
    raise InputError(
        f"{path} belongs to a run with other settings ({differing}); choose another folder, or "
        "remove the file to start again."
    )


def _lock(file: BinaryIO, path: Path) -> None:
    """Keep other processes out while the file is open. Does nothing where there are no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"{path} is in use by another run; wait until that ends, or choose another folder."
        ) from None
    except OSError:  # a file system without locks
        return
