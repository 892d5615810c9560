"""The progress bar of the commands that segment one scan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fewslice.engines import Progress


@contextmanager
def progress_bar(quiet: bool, doing: str = "Segmenting") -> Iterator[Progress]:
    """Yield a `Progress` shown on standard error."""
    from tqdm import tqdm

    style = "{desc} {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left"
    # None: no bar where standard error is no terminal, so that logs stay readable.
    hidden = True if quiet else None
    with tqdm(total=1.0, desc=doing, bar_format=style, leave=False, disable=hidden) as bar:
        yield lambda fraction: _advance(bar, fraction)


def _advance(bar: Any, fraction: float) -> None:
    bar.update(max(0.0, min(1.0, fraction) - bar.n))
