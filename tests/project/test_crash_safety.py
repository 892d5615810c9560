"""What was acknowledged is there, whatever happens to the process or the disk."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import WriteError
from fewslice.project.opening import open_project
from fewslice.project.revisions import history, revision_labels
from fewslice.project.saving import save_revision
from tests.support.projects import SmallProject, small_project
from tests.support.saving_process import labels, place

_CHANGES = 200
_KILLS = 8
_MB = 1 << 20


def check_all(small: SmallProject, acknowledged: dict[int, int]) -> None:
    """Check that every change that was acknowledged is there once, and every revision readable."""
    project = open_project(small.project.directory, small.url)
    revisions = history(project, small.scan)
    kept = {int(each.client_key or ""): each for each in revisions}
    assert len(kept) == len(revisions)
    assert {number: kept[number].id for number in acknowledged} == acknowledged
    for number, revision in kept.items():
        assert revision.place == place(number)
        np.testing.assert_array_equal(revision_labels(project, revision), labels(number))
    project.engine.dispose()


@pytest.mark.slow
def test_killed_at_random_moments_of_200_saves(small: SmallProject) -> None:
    moments = np.random.default_rng(19)
    acknowledged: dict[int, int] = {}
    for _ in range(_KILLS):
        lines = int(moments.integers(5, _CHANGES // _KILLS))
        acknowledged |= _killed(small, len(acknowledged), lines, moments.uniform(0, 0.03))
        check_all(small, acknowledged)
    acknowledged |= _killed(small, len(acknowledged), _CHANGES - len(acknowledged), 0)
    assert sorted(acknowledged) == list(range(_CHANGES))
    check_all(small, acknowledged)


def _killed(small: SmallProject, first: int, lines: int, seconds: float) -> dict[int, int]:
    """Save from a change on, kill the process some time after so many, and return which were
    acknowledged.
    """
    given = [small.project.directory, small.url or "-", small.scan, small.ann, first, _CHANGES]
    command = [sys.executable, "-m", "tests.support.saving_process", *map(str, given)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        time.sleep(seconds)
        process.kill()
        said += process.stdout.read().splitlines(keepends=True)
    whole = [line.split() for line in said if line.endswith("\n")]
    assert len(whole) >= lines
    return {int(number): int(revision) for number, revision in whole}


@pytest.fixture
def full_disk(tmp_path: Path, new_url: Callable[[], str | None]) -> Iterator[SmallProject]:
    """A project on a disk of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={4 * _MB}", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("A small file system can only be mounted by root.")
    try:
        made = small_project(disk, new_url())
        yield made
        made.project.engine.dispose()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_gives_a_sentence_and_loses_nothing(full_disk: SmallProject) -> None:
    small, acknowledged, refused = full_disk, {}, []
    for number, free in enumerate((None, 0, 2048, 4096, 8192, 16384, 32768, 65536, None)):
        with filled(small.project.directory.parent / "filler", free):
            try:
                acknowledged[number] = _save(small, number)
            except WriteError as error:
                refused.append(str(error))
    assert refused
    assert all("what was saved before is untouched" in sentence for sentence in refused)
    assert {0, 8} <= acknowledged.keys()
    check_all(small, acknowledged)


def test_a_limit_of_the_system_gives_a_sentence_and_loses_nothing(small: SmallProject) -> None:
    acknowledged = {0: _save(small, 0)}
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, limit[1]))
    try:
        with pytest.raises(WriteError, match="what was saved before is untouched: free space"):
            _save(small, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    acknowledged[2] = _save(small, 2)
    check_all(small, acknowledged)


def _save(small: SmallProject, number: int) -> int:
    axis, index = place(number)
    saved = save_revision(
        small.project,
        small.scan,
        small.ann,
        action="draw",
        axis=axis,
        index=index,
        labels=labels(number),
        client_key=f"{number}",
    )
    return saved.revision.id


@contextmanager
def filled(path: Path, free: int | None) -> Iterator[None]:
    """Fill a disk but for some bytes. free: None to leave it as it is."""
    if free is not None:
        with suppress(OSError), path.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        with path.open("rb+") as file:
            file.truncate(path.stat().st_size - free)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
