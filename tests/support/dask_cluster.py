"""A real `dask scheduler` and `dask worker` processes on loopback, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60.0  # seconds; machines that run tests may be busy
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cluster:
    address: str
    file: Path
    workers: tuple[subprocess.Popen[bytes], ...]


@contextmanager
def dask_cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """Start a scheduler and workers (without nannies: a killed one stays dead)."""
    file = folder / "scheduler.json"
    with ExitStack() as stack:
        options = ["--port", "0", "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
        scheduler = _process(folder, "scheduler", *options, "--scheduler-file", file)
        stack.callback(_end, scheduler)
        until(lambda: _address(file) is not None, "the scheduler's file")
        address = _address(file)
        assert address is not None
        started = []
        for _ in range(workers):
            options = ["--no-nanny", "--nthreads", "1", "--dashboard-address", "127.0.0.1:0"]
            started.append(_process(folder, "worker", address, *options))
            stack.callback(_end, started[-1])
        yield Cluster(address, file, tuple(started))


def until(there: Callable[[], bool], what: str) -> None:
    """Wait for something that comes true soon."""
    deadline = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def finds_tests() -> dict[str, str]:
    """Return the environment of a program that imports functions of the tests."""
    path = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
    return os.environ | {"PYTHONPATH": os.pathsep.join(path)}


def _process(folder: Path, *command: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *map(str, command)],
        cwd=folder,
        env=finds_tests(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _address(file: Path) -> str | None:
    try:
        address: str = json.loads(file.read_text(encoding="utf-8"))["address"]
    except (OSError, ValueError):
        return None
    return address
