"""Suggestions as they were made last, so that the same question is asked once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from fewslice.project.jobs import Job

_SCANS = 1000


@dataclass(frozen=True)
class Question:
    """What is asked for. annotator: whose slices are meant, of a scan that people annotate
    independently. A worker looks at what is drawn when it begins, so the drawing is no part of it.
    """

    scan: int
    count: int
    annotator: int | None

    @property
    def whose(self) -> tuple[int, int | None]:
        """The drawing that is judged."""
        return self.scan, self.annotator


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

    def put(self, job: Job) -> None:
        """Keep what a finished job found, unless something newer is known; asked for or not."""
        if job.scan_id is None:
            return
        key = (job.scan_id, job.payload.get("annotator"))
        found = {**job.result, "count": job.payload.get("count", 1)}
        with self._lock:
            before = self._found.get(key)
            if before is not None and (before["revision"] or 0) > (found["revision"] or 0):
                return
            self._found[key] = found
            self._found.move_to_end(key)
            while len(self._found) > _SCANS:
                self._found.popitem(last=False)

    def ask(self, question: Question, enqueue: Callable[[], int]) -> int:
        """Return the job that answers a question; asked again meanwhile, it is the same one."""
        with self._lock:
            if question not in self._asked:
                self._asked[question] = enqueue()
            return self._asked[question]

    def answered(self, question: Question, job: int) -> None:
        """Forget that a job is under way; asked again, the question is a new one."""
        with self._lock:
            if self._asked.get(question) == job:
                del self._asked[question]
