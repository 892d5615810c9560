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
from fewslice.server.advice import Advice
from fewslice.server.events import Hub
from fewslice.server.previews import Answers, Previews
from fewslice.server.ras import RasView
from fewslice.server.work_kinds import SEGMENT, SLICES, SUGGEST

_SAVED, _ANSWER = "saved", "answer"


class Relay:
    """Passes news on, and drops what it makes stale."""

    def __init__(
        self, project: Project, hub: Hub, shown: tuple[Previews, Answers], advice: Advice
    ) -> None:
        self._project, self._hub, self._advice = project, hub, advice
        self._previews, self._answers = shown
        self._view = lru_cache(maxsize=1000)(_view_of(project))

    def tell(self, event: Event) -> None:
        """Pass on what happened in the project."""
        data: dict[str, Any] = dict(event.data)
        annotator = data.pop("annotator", None)
        if event.scan_id is not None:
            data["scan"] = event.scan_id
            self._drop_stale(event.scan_id, event.kind, annotator)
        if event.job_id is not None:
            data["job"] = event.job_id
            self._ended(event.job_id, data)
        if event.kind == _SAVED and event.scan_id is not None:
            place = self._view(event.scan_id).to_page((data["axis"], data["index"]))
            data["axis"], data["index"] = place
        self._hub.publish(event.kind, annotator=annotator, **data)

    def heard(self, message: tuple[Any, ...], wake: Callable[[], None]) -> None:
        """Take a message of a worker. wake: looks for what was written to the project."""
        if message[0] != SLICES:
            wake()
            return
        _, job, (scan, annotator), axis, first, labels = message
        view = self._view(scan)
        for place in self._previews.put((scan, annotator), axis, first, labels):
            to, at = view.to_page(place)
            self._hub.publish(SLICES, annotator=annotator, job=job, scan=scan, axis=to, index=at)

    def _drop_stale(self, scan: int, kind: str, annotator: int | None) -> None:
        if kind == _ANSWER:
            self._answers.drop(scan)
            self._previews.drop((scan, annotator))

    def _ended(self, number: int, data: dict[str, Any]) -> None:
        """Drop what a segmentation showed before, and keep what a suggestion found."""
        if data.get("state") in jobs.OPEN or data.get("kind") not in (SEGMENT, SUGGEST):
            return
        job = jobs.get_job(self._project, number)
        if job.kind == SEGMENT and job.scan_id is not None:
            self._previews.drop((job.scan_id, job.payload.get("annotator")))
        elif job.state == jobs.FINISHED:
            self._advice.put(job)


def _view_of(project: Project) -> Callable[[int], RasView]:
    def view(scan: int) -> RasView:
        row = get_scan(project, scan)
        return RasView.of_affine(row.shape, row.affine)

    return view
