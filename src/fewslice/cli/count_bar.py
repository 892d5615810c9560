"""The progress bar of the commands that work through many scans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fewslice.batch.jobs import CountProgress


@contextmanager
def count_bar(quiet: bool, doing: str, what: str) -> Iterator[CountProgress]:
    """Yield what shows, on standard error, how many are done and how many there are.

    doing: such as "Segmenting". what: such as "scans".
    """
    from tqdm import tqdm

    style = (
        "{desc} {percentage:3.0f}% |{bar}| {n:g}/{total} " + what + " [{elapsed}, {remaining} left]"
    )
    # None: no bar where standard error is no terminal, so that logs stay readable.
    hidden = True if quiet else None
    with tqdm(desc=doing, bar_format=style, leave=False, disable=hidden) as bar:
        yield lambda done, total: _move(bar, done, total)


def _move(bar: Any, done: float, total: int) -> None:
    bar.total = total
    bar.update(round(done, 1) - bar.n)
    bar.refresh()
