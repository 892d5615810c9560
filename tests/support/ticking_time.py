"""Time that passes by being looked at, so that tests of time limits are the same on any machine."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace


def ticks(seconds: float) -> Callable[[], float]:
    """Return a clock that starts at 0 and goes on by so many seconds at every look."""
    return count(0.0, seconds).__next__


def ticking(seconds: float) -> SimpleNamespace:
    """Return what stands in for the module `time`."""
    return SimpleNamespace(monotonic=ticks(seconds))
