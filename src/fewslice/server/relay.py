"""What becomes of news: from the project's events and the workers to those who listen.

The store and the workers speak of the scan's own axes, listeners of the page's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fewslice.project import jobs
from fewslice.project.database import Project
from fewslice.project.events import Event
from fewslice.project.scans import get_scan
from fewslice.server.events import Hub
from fewslice.server.previews import Answers, Previews
from fewslice.server.ras import RasView
from fewslice.server.work_kinds import SEGMENT, SLICES

_SAVED, _ANSWER, _JOB = "saved", "answer", "job"


class Relay:
    """Passes news on, and drops what it makes stale."""

    def __init__(self, project: Project, hub: Hub, previews: Previews, answers: Answers) -> None:
        self._hub, self._previews, self._answers = hub, previews, answers
        self._view = lru_cache(maxsize=1000)(_view_of(project))

    def tell(self, event: Event) -> None:
        """Pass on what happened in the project."""
        data: dict[str, Any] = dict(event.data)
        if event.scan_id is not None:
            data["scan"] = event.scan_id
            self._drop_stale(event.scan_id, event.kind, data)
        if event.job_id is not None:
            data["job"] = event.job_id
        if event.kind == _SAVED and event.scan_id is not None:
            place = self._view(event.scan_id).to_page((data["axis"], data["index"]))
            data["axis"], data["index"] = place
        self._hub.publish(event.kind, **data)

    def heard(self, message: tuple[Any, ...], wake: Callable[[], None]) -> None:
        """Take a message of a worker. wake: looks for what was written to the project."""
        if message[0] != SLICES:
            wake()
            return
        _, job, scan, axis, first, labels = message
        view = self._view(scan)
        for place in self._previews.put(scan, axis, first, labels):
            to, at = view.to_page(place)
            self._hub.publish(SLICES, job=job, scan=scan, axis=to, index=at)

    def _drop_stale(self, scan: int, kind: str, data: dict[str, Any]) -> None:
        if kind == _ANSWER:
            self._answers.drop(scan)
            self._previews.drop(scan)
        elif kind == _JOB and data.get("kind") == SEGMENT and data.get("state") not in jobs.OPEN:
            self._previews.drop(scan)


def _view_of(project: Project) -> Callable[[int], RasView]:
    def view(scan: int) -> RasView:
        row = get_scan(project, scan)
        return RasView.of_affine(row.shape, row.affine)

    return view
