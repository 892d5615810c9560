"""What the commands that train share: a progress bar, and stopping when asked to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_RANK = "RANK"  # which torchrun sets for each process
_ONE_REQUEST = 2.0  # seconds within which, under torchrun, a second signal repeats the first


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Yield whether Ctrl-C was pressed or the system wants the process to end.

    The second time it ends at once; under torchrun only after two seconds, since there one Ctrl-C
    reaches a process from the terminal and again from torchrun.
    """
    patience = _ONE_REQUEST if _RANK in os.environ else 0.0
    first: float | None = None

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        if first is None:
            first = now
        elif now - first >= patience:
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield lambda: first is not None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def training_bar(quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """Yield what shows the fraction done and a few words on standard error.

    Of several processes under torchrun only the first shows a bar.
    """
    from tqdm import tqdm

    style = "{desc} {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left"
    # None: no bar where standard error is no terminal.
    hidden = True if quiet or os.environ.get(_RANK, "0") != "0" else None
    with tqdm(total=1.0, desc="Training", bar_format=style, leave=False, disable=hidden) as bar:
        yield lambda fraction, words: _show(bar, fraction, words)


def _show(bar: Any, fraction: float, words: str) -> None:
    if not bar.disable:
        bar.set_description_str(f"Training: {words}", refresh=False)
        bar.update(max(-bar.n, min(1.0, fraction) - bar.n))
