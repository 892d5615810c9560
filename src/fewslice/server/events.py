"""What happens on the server, told to everybody who listens, in order and with numbers.

The last few thousand events are kept, so that a page that lost its connection for a while gets what
it missed; one that was away for longer, or from before a restart, is told to ask for everything.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

_KEPT = 5000

RESET = "reset"
"""The kind of event that says: what you know may be old, ask for everything again."""


@dataclass(frozen=True)
class Event:
    """Something that happened.

    number: from 1, since the server started. data: plain values. annotator: who alone of those who
    annotate may hear of it, since they do so independently.
    """

    number: int
    kind: str
    data: Mapping[str, Any]
    annotator: int | None = None


class Hub:
    """The events of one server. Any thread may publish; listeners are coroutines."""

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(4)
        self._events: deque[Event] = deque(maxlen=_KEPT)
        self._count = 0
        self._lock = Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._closed = False

    def publish(self, kind: str, /, *, annotator: int | None = None, **data: Any) -> None:
        """Tell all listeners; of an annotator's own work, see `Event`."""
        with self._lock:
            self._count += 1
            self._events.append(Event(self._count, kind, data, annotator))
            waiting = list(self._waiting)
        _wake(waiting)

    def close(self) -> None:
        """End all listening: the server stops."""
        with self._lock:
            self._closed = True
            waiting = list(self._waiting)
        _wake(waiting)

    @property
    def last(self) -> int:
        """The number of the latest event, 0 before the first."""
        return self._count

    def identifier(self, event: Event) -> str:
        """Return what a listener gives as Last-Event-ID to go on after an event."""
        return f"{self._epoch}-{event.number}"

    def after(self, identifier: str) -> int | None:
        """Return the number that an identifier stands for; None if what came since is lost."""
        epoch, _, number = identifier.partition("-")
        if epoch != self._epoch or not (number.isascii() and number.isdigit()):
            return None
        with self._lock:
            oldest = self._events[0].number if self._events else self._count + 1
        found = int(number[:18])
        return found if oldest - 1 <= found <= self._count else None

    async def listen(self, after: int) -> AsyncIterator[Event]:
        """Yield the events after a number, as they come, until the server stops."""
        wake = asyncio.Event()
        waiter = (asyncio.get_running_loop(), wake)
        with self._lock:
            self._waiting.add(waiter)
        try:
            while not self._closed:
                wake.clear()
                for event in self._since(after):
                    after = event.number
                    yield event
                await wake.wait()
        finally:
            with self._lock:
                self._waiting.discard(waiter)

    def reset(self) -> Event:
        """Return the event for a listener that missed some."""
        return Event(self._count, RESET, {})

    def _since(self, number: int) -> list[Event]:
        with self._lock:
            missed = min(self._count - number, len(self._events))
            return list(self._events)[-missed:] if missed > 0 else []


def _wake(waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    for loop, wake in waiting:
        if not loop.is_closed():
            loop.call_soon_threadsafe(wake.set)
