"""Long work as rows of a table: queued, claimed by a worker, finished, or said to have failed.

A worker claims a job, says now and then that it is alive (`heartbeat`, `progress`), looks whether
the job was cancelled (what both return), and ends it. Jobs whose worker went away are marked
interrupted when the server starts, or once their heartbeat is too old.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fewslice.errors import NotFoundError
from fewslice.project.database import Project, reading, writing
from fewslice.project.events import add_event
from fewslice.project.tables import JobTable

QUEUED, RUNNING = "queued", "running"
FINISHED, FAILED, CANCELLED, INTERRUPTED = "finished", "failed", "cancelled", "interrupted"
OPEN = (QUEUED, RUNNING)
_RECENT = 100


@dataclass(frozen=True)
class Job:
    """A piece of long work.

    kind: "segment", "train" ... payload, result: what JSON can say. state: "queued", "running",
    "finished", "failed", "cancelled" or "interrupted". fraction: done, 0 to 1. text: what it does
    now, or why it failed. cancelled: whether it was asked to stop.
    """

    id: int
    kind: str
    scan_id: int | None
    payload: dict[str, Any]
    state: str
    fraction: float
    text: str
    result: Any
    worker: str | None
    cancelled: bool
    person_id: int
    time: datetime
    heartbeat: datetime | None
    finished: datetime | None


def enqueue(  # noqa: PLR0913 - what a job consists of
    project: Project,
    kind: str,
    scan_id: int | None = None,
    payload: dict[str, Any] | None = None,
    *,
    by: int,
    session: Session | None = None,
) -> Job:
    """Queue a job. session: of `writing`, to queue it in the same transaction as something else."""
    row = JobTable(
        kind=kind,
        scan_id=scan_id,
        payload=payload or {},
        state=QUEUED,
        fraction=0.0,
        text="",
        result=None,
        worker=None,
        cancelled=False,
        person_id=by,
        time=project.now(),
    )
    if session is not None:
        return _added(project, session, row)
    with writing(project) as own:
        return _added(project, own, row)


def claim(
    project: Project,
    worker: str,
    kinds: Sequence[str] | None = None,
    *,
    waited: timedelta = timedelta(0),
) -> Job | None:
    """Give the oldest queued job to a worker, or None. No two workers get the same one.

    waited: only one that was queued at least so long ago.
    """
    query = select(JobTable).where(JobTable.state == QUEUED).order_by(JobTable.id).limit(1)
    if kinds is not None:
        query = query.where(JobTable.kind.in_(kinds))
    if waited:
        query = query.where(JobTable.time <= project.now() - waited)
    with reading(project) as session:
        if session.scalar(query) is None:
            return None  # nothing is locked to find that out
    with writing(project) as session:
        row = session.scalar(query.with_for_update(skip_locked=True))
        if row is None:
            return None
        row.state, row.worker, row.heartbeat = RUNNING, worker, project.now()
        return _told(project, session, row)


def heartbeat(project: Project, job_id: int) -> bool:
    """Say that the worker is alive. Returns whether it should go on."""
    with writing(project) as session:
        row = _locked(session, job_id)
        row.heartbeat = project.now()
        return _goes_on(row)


def progress(project: Project, job_id: int, fraction: float, text: str = "") -> bool:
    """Say how far a job is. Returns whether it should go on."""
    with writing(project) as session:
        row = _locked(session, job_id)
        if row.state == RUNNING:
            row.fraction, row.text = min(max(fraction, 0.0), 1.0), text
            row.heartbeat = project.now()
            _told(project, session, row)
        return _goes_on(row)


def finish(project: Project, job_id: int, result: Any = None) -> Job:
    """End a job with its result. A job that has ended already stays as it is."""
    return _end(project, job_id, FINISHED, "", result)


def fail(project: Project, job_id: int, sentence: str) -> Job:
    """End a job that did not succeed, and say why."""
    return _end(project, job_id, FAILED, sentence)


def cancel(project: Project, job_id: int) -> Job:
    """Cancel a job: at once if it waits, else its worker is asked to stop and calls `cancelled`."""
    with writing(project) as session:
        row = _locked(session, job_id)
        if row.state in OPEN:
            row.cancelled = True
            if row.state == QUEUED:
                row.state, row.finished = CANCELLED, project.now()
            return _told(project, session, row)
        return _value(row)


def cancelled(project: Project, job_id: int) -> Job:
    """End a job whose worker stopped since it was cancelled."""
    return _end(project, job_id, CANCELLED, "")


def mark_interrupted(project: Project, silent_for: timedelta | None = None) -> list[Job]:
    """Say of running jobs that they were interrupted, and return them.

    silent_for: only those whose worker gave no sign of life for so long; None for all, when the
    server starts and no worker runs yet.
    """
    query = select(JobTable).where(JobTable.state == RUNNING).order_by(JobTable.id)
    if silent_for is not None:
        query = query.where(JobTable.heartbeat < project.now() - silent_for)
    with writing(project) as session:
        rows = session.scalars(query.with_for_update()).all()
        for row in rows:
            row.state, row.finished = INTERRUPTED, project.now()
            row.text = "It was interrupted before it was finished; start it again."
        return [_told(project, session, row) for row in rows]


def get_job(project: Project, job_id: int) -> Job:
    """Return a job. Raises NotFoundError."""
    with reading(project) as session:
        row = session.get(JobTable, job_id)
        if row is None:
            raise NotFoundError(f"There is no job {job_id} in the project.")
        return _value(row)


def list_jobs(
    project: Project, *, states: Sequence[str] | None = None, most: int = 100
) -> list[Job]:
    """Return the newest jobs, newest first; states: only those in one of them."""
    query = select(JobTable).order_by(JobTable.id.desc()).limit(most)
    if states is not None:
        query = query.where(JobTable.state.in_(states))
    with reading(project) as session:
        return [_value(row) for row in session.scalars(query)]


def latest_finished(
    project: Project, kind: str, scan_id: int, annotator: int | None = None
) -> Job | None:
    """Return the newest job of a kind that was finished for a scan; None if there is none.

    annotator: of a scan that people annotate independently, for whose slices.
    """
    query = (
        select(JobTable)
        .where(JobTable.kind == kind, JobTable.scan_id == scan_id, JobTable.state == FINISHED)
        .order_by(JobTable.id.desc())
        .limit(_RECENT)
    )
    with reading(project) as session:
        found = [_value(row) for row in session.scalars(query)]
    return next((each for each in found if each.payload.get("annotator") == annotator), None)


def _added(project: Project, session: Session, row: JobTable) -> Job:
    session.add(row)
    return _told(project, session, row)


def _end(project: Project, job_id: int, state: str, text: str, result: Any = None) -> Job:
    with writing(project) as session:
        row = _locked(session, job_id)
        if row.state not in OPEN:
            return _value(row)
        row.state, row.text, row.result, row.finished = state, text, result, project.now()
        row.fraction = 1.0 if state == FINISHED else row.fraction
        return _told(project, session, row)


def _locked(session: Session, job_id: int) -> JobTable:
    row = session.get(JobTable, job_id, with_for_update=True)
    if row is None:
        raise NotFoundError(f"There is no job {job_id} in the project.")
    return row


def _goes_on(row: JobTable) -> bool:
    return row.state == RUNNING and not row.cancelled


def _told(project: Project, session: Session, row: JobTable) -> Job:
    """Say that a job has changed, and return it."""
    session.flush()
    data = {"kind": row.kind, "state": row.state, "fraction": row.fraction, "text": row.text}
    add_event(project, session, "job", scan_id=row.scan_id, job_id=row.id, data=data)
    return _value(row)


def _value(row: JobTable) -> Job:
    return Job(
        row.id,
        row.kind,
        row.scan_id,
        row.payload,
        row.state,
        row.fraction,
        row.text,
        row.result,
        row.worker,
        row.cancelled,
        row.person_id,
        row.time,
        row.heartbeat,
        row.finished,
    )
