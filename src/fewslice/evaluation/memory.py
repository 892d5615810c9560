"""How much memory a call needs, seen from outside.

A thread looks at the resident memory of this process every 5 ms and keeps the greatest increase
over the start. That counts everything the process really holds (also inside libraries, which
tracemalloc does not see), with limits: a peak shorter than 5 ms can be missed, what other threads
do meanwhile counts as well, and memory that was free inside the process before the call is used
without any increase (on Linux it is given back to the system first, so that little is left). Take
it as a lower bound, good to some MB.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread

import psutil

INTERVAL = 0.005
"""Seconds between two looks."""


@dataclass
class Peak:
    """Greatest increase of resident memory over the start, in MB (10^6 bytes), at least 0."""

    megabytes: float = 0.0


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the peak of the body; the yielded `Peak` is final when the body has ended."""
    _give_back()
    process = psutil.Process()
    start = process.memory_info().rss
    peak, ended = Peak(), Event()

    def look() -> None:
        increase = (process.memory_info().rss - start) / 1e6
        peak.megabytes = max(peak.megabytes, increase)

    def watch() -> None:
        while not ended.wait(INTERVAL):
            look()

    watcher = Thread(target=watch, name="fewslice-peak-memory", daemon=True)
    watcher.start()
    try:
        yield peak
        look()
    finally:
        ended.set()
        watcher.join()


def _give_back() -> None:
    """Give memory that is free inside this process back to the system, where that is possible."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # a C library without malloc_trim
            ctypes.CDLL(None).malloc_trim(0)
