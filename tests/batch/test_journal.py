"""A journal: what is in it is not computed again, whatever a kill left of its last line."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fewslice.batch.jobs import Job
from fewslice.batch.journal import open_journal, resume
from fewslice.errors import InputError, WriteError
from tests.support.dask_cluster import dask_cluster, until
from tests.support.job_functions import calls, held, square, troubled

SETTINGS: dict[str, Any] = {"seed": 1, "engine": "auto"}


def written(path: Path, results: Mapping[str, Any]) -> Path:
    with open_journal(path, SETTINGS) as journal:
        for key, result in results.items():
            journal.append(key, result)
    return path


def finished(path: Path) -> dict[str, Any]:
    with open_journal(path, SETTINGS) as journal:
        return dict(journal.finished)


def test_results_come_back(tmp_path: Path) -> None:
    results = {"a": 1, "b é": {"dice": [0.5, None]}, "c": None}
    path = written(tmp_path / "new" / "folder" / "journal.jsonl", results)
    assert finished(path) == results
    lines = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == {"identity": SETTINGS}
    assert json.loads(lines[1]) == {"key": "a", "result": 1}


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_line_cut_by_a_kill_is_dropped(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path / "journal.jsonl", {"a": 1, "b": "long enough to be cut"})
    path.write_bytes(path.read_bytes()[:-cut])
    assert finished(path) == {"a": 1}
    written(path, {"b": 2})  # begins on a line of its own
    assert finished(path) == {"a": 1, "b": 2}


def test_another_identity_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.jsonl", {"a": 1})
    before = path.read_bytes()
    message = r"other settings \(seed: 1 there, 2 now; plane: null there, 0 now\); choose another"
    with (
        pytest.raises(InputError, match=message),
        open_journal(path, SETTINGS | {"seed": 2, "plane": 0}),
    ):
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"case,dice\n", b'{"dice": 1}\n', b"\x00\xff"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no journal of a run"):
        finished(path)
    assert path.read_bytes() == content


def test_damage_elsewhere_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.jsonl", {"a": 1, "b": 2})
    first, _, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b'{"key": "a", "res\n' + third)
    with pytest.raises(InputError, match=r"Line 2 of .* is damaged; remove that line"):
        finished(path)


def test_only_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with (
        open_journal(path, SETTINGS),
        pytest.raises(InputError, match="in use by another run"),
        open_journal(path, SETTINGS),
    ):
        pass
    assert finished(path) == {}


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="cannot be written"):
        finished(tmp_path / "file" / "journal.jsonl")


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    jobs = [Job(str(number), (tmp_path / "calls", number)) for number in (0, 1, 4)]
    (tmp_path / "calls").mkdir()
    for _ in range(2):
        with open_journal(tmp_path / "journal.jsonl", SETTINGS) as journal:
            found = {each.key: each for each in resume(troubled, jobs, journal, workers=1)}
        assert {key: each.result for key, each in found.items()} == {"0": 0, "1": None, "4": 16}
    assert calls(tmp_path / "calls") == {"0": 1, "1": 2, "4": 1}


@pytest.mark.slow
def test_nothing_is_computed_twice_on_a_cluster(tmp_path: Path) -> None:
    """A worker is killed, then the run is left early and taken up again: same results as ever."""
    folder = tmp_path / "calls"
    folder.mkdir()
    jobs = [Job(str(number), (folder, number)) for number in range(10)]
    with dask_cluster(tmp_path) as two:

        def kill() -> None:
            until(lambda: any(folder.glob("0.*")), "job 0")
            os.kill(int(next(folder.glob("0.*")).name.split(".")[1]), signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        with open_journal(tmp_path / "journal.jsonl", SETTINGS) as journal:
            some = resume(held, jobs, journal, scheduler=two.address)
            early = {next(some).key for _ in range(4)}
            some.close()  # type: ignore[attr-defined]
        killer.join()
        known = finished(tmp_path / "journal.jsonl")
        assert known.keys() == early
        before = calls(folder)
        with open_journal(tmp_path / "journal.jsonl", SETTINGS) as journal:
            found = {
                each.key: each.result for each in resume(held, jobs, journal, scheduler=two.address)
            }
    assert found == {str(number): number * number for number in range(10)}
    assert {key: calls(folder)[key] for key in early} == {key: before[key] for key in early}
    count = len(list(folder.iterdir()))
    assert {job.key: square(folder, job.arguments[1]) for job in jobs} == found
    assert len(list(folder.iterdir())) == count + len(jobs)  # the files do count calls
