"""Jobs for tests: module-level functions, so that workers in other processes can import them.

Each leaves a file for every call, by which a test counts them.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from fewslice.errors import InputError


def called(folder: Path, name: object) -> None:
    """Leave a trace of one call."""
    (folder / f"{name}.{os.getpid()}.{time.monotonic_ns()}").touch()


def calls(folder: Path) -> dict[str, int]:
    """Return how often each name was called."""
    names = [path.name.split(".")[0] for path in folder.iterdir()]
    return {name: names.count(name) for name in sorted(set(names))}


def square(folder: Path, number: int) -> int:
    called(folder, number)
    return number * number


def troubled(folder: Path, number: int) -> int:
    """1 refuses, 2 breaks, 3 ends its worker; all others are squared."""
    called(folder, number)
    if number == 1:
        raise InputError("One is not wanted; give another number.")
    if number == 2:
        raise ZeroDivisionError("two is a bug")
    if number == 3:
        os._exit(1)
    return number * number


def held(folder: Path, number: int) -> int:
    """Job 0 waits, the first time it is called, until its worker is killed; others are squared."""
    first = number == 0 and not any(folder.glob("0.*"))
    called(folder, number)
    if first:
        time.sleep(600)
    return number * number


def meet(folder: Path, number: int) -> bool:
    """Wait until the other job is being done as well; False if it never is."""
    called(folder, number)
    deadline = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(list(folder.iterdir())) == 2


def threads(number: int) -> tuple[int, str]:
    return os.getpid(), os.environ["OMP_NUM_THREADS"]


def environment(name: str) -> str:
    return os.environ[name]


def endless(folder: Path, number: int) -> int:
    called(folder, number)
    if number > 0:
        time.sleep(600)
    return number


_hoard: list[bytes] = []


def hoarding(folder: Path, number: int) -> int:
    """Keep 400 MB from the first call on, as libraries do once they are loaded."""
    called(folder, number)
    if not _hoard:
        _hoard.append(os.urandom(1) * 400_000_000)
    time.sleep(1.1)  # loky looks at a process once a second
    return number * number


def loaded(name: str) -> bool:
    """Return whether the process that does the job has loaded a module."""
    return name in sys.modules


def unpackable(folder: Path, number: int | None) -> object:
    """Return the number; without one, something that cannot be sent to another process."""
    called(folder, number)
    return threading.Lock() if number is None else number
