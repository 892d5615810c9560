"""Suggestions as they were made last, so that the same question is asked once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

_SCANS = 1000


@dataclass(frozen=True)
class Question:
    """What is asked for. revision: the newest of the scan. annotator: whose slices are meant, of a
    scan that people annotate independently.
    """

    scan: int
    revision: int | None
    count: int
    annotator: int | None


class Advice:
    """The last suggestion of each scan, and those under way. Places are of the scan's own axes."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[int, int | None], dict[str, Any]] = OrderedDict()
        self._asked: dict[Question, int] = {}
        self._lock = Lock()

    def get(self, scan: int, annotator: int | None) -> dict[str, Any] | None:
        """Return the last suggestion for a scan, which may be older than its drawing."""
        with self._lock:
            return self._found.get((scan, annotator))

    def put(self, question: Question, result: dict[str, Any]) -> None:
        """Keep a suggestion."""
        key = (question.scan, question.annotator)
        with self._lock:
            self._found[key] = result
            self._found.move_to_end(key)
            while len(self._found) > _SCANS:
                self._found.popitem(last=False)

    def ask(self, question: Question, enqueue: Callable[[], int]) -> int:
        """Return the job that answers a question; asked again meanwhile, it is the same one."""
        with self._lock:
            if question not in self._asked:
                self._asked[question] = enqueue()
            return self._asked[question]

    def answered(self, question: Question) -> None:
        """Forget that a question is under way."""
        with self._lock:
            self._asked.pop(question, None)
