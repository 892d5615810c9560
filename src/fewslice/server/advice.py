"""Suggestions as they were made last, so that the same question is asked once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

_SCANS = 1000


class Advice:
    """The last suggestion of each scan, and those under way. Places are of the scan's own axes."""

    def __init__(self) -> None:
        self._found: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self._asked: dict[tuple[int, int | None, int], int] = {}
        self._lock = Lock()

    def get(self, scan: int) -> dict[str, Any] | None:
        """Return the last suggestion for a scan, which may be older than its drawing."""
        with self._lock:
            return self._found.get(scan)

    def put(self, scan: int, result: dict[str, Any]) -> None:
        """Keep a suggestion."""
        with self._lock:
            self._found[scan] = result
            self._found.move_to_end(scan)
            while len(self._found) > _SCANS:
                self._found.popitem(last=False)

    def ask(
        self, scan: int, revision: int | None, count: int, enqueue: Callable[[], int]
    ) -> tuple[int, bool]:
        """Return the job that answers a question, and whether it is new: it runs once."""
        key = (scan, revision, count)
        with self._lock:
            if key in self._asked:
                return self._asked[key], False
            self._asked[key] = enqueue()
            return self._asked[key], True

    def answered(self, scan: int, revision: int | None, count: int) -> None:
        """Forget that a question is under way."""
        with self._lock:
            self._asked.pop((scan, revision, count), None)
