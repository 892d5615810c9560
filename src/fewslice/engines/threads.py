"""Doing independent pieces of work on the processors that this process may use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fewslice.processors import available_processors

Piece = TypeVar("Piece")
Done = TypeVar("Done")

_MOST = 4  # threads; each holds a piece in memory
_LIMIT = "OMP_NUM_THREADS"  # what people and our workers say how many threads there may be with


def in_threads(work: Callable[[Piece], Done], pieces: Iterable[Piece]) -> Iterator[Done]:
    """Yield what `work` returns for each piece, in their order.

    numpy and scipy let other threads work while they calculate. What is left undone when the
    iterator is closed, or a piece fails, is dropped.
    """
    threads = thread_count()
    if threads == 1:
        yield from map(work, pieces)
        return
    pool = ThreadPoolExecutor(threads)
    try:
        yield from pool.map(work, pieces)
    finally:
        pool.shutdown(cancel_futures=True)


def thread_count() -> int:
    """Return how many threads may work at once: the processors there are, or what was set."""
    given = os.environ.get(_LIMIT, "")
    if given.isdigit() and int(given) > 0:
        return min(int(given), _MOST)
    return min(available_processors(), _MOST)
