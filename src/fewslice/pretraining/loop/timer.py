"""How long a training has taken, and how much of that the network was at work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Wall-clock time of training, and the part of it in which the network is at work."""

    def __init__(self) -> None:
        self._origin = time.monotonic()
        self._busy = 0.0
        self._mark = (self._origin, 0.0)

    def start(self, seconds: float) -> None:
        """Begin with `seconds` already spent."""
        now = time.monotonic()
        self._origin = now - seconds
        self._mark = (now, self._busy)

    def seconds(self) -> float:
        """Return the seconds spent on training."""
        return time.monotonic() - self._origin

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count the time within as work."""
        start = time.monotonic()
        yield
        self._busy += time.monotonic() - start

    def busy_since_last_time(self) -> float:
        """Return the part of the time since the last call that was work, 0 to 1."""
        now = time.monotonic()
        then, busy = self._mark
        self._mark = (now, self._busy)
        return (self._busy - busy) / max(now - then, 1e-9)
