"""What happens in a project, in order, for those who watch: the page, by way of the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from fewslice.project.database import Project, is_sqlite, reading, writing
from fewslice.project.tables import EventTable

_ORDER_LOCK = 7_301_967  # any number, the same in all processes
_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Event:
    """Something that happened.

    kind: "job", "slices", "saved", "lease", "status", "training" ... data: what JSON can say.
    """

    id: int
    kind: str
    scan_id: int | None
    job_id: int | None
    time: datetime
    data: dict[str, Any] = field(default_factory=dict)


def publish(
    project: Project,
    kind: str,
    *,
    scan_id: int | None = None,
    job_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Say that something happened."""
    with writing(project) as session:
        add_event(project, session, kind, scan_id=scan_id, job_id=job_id, data=data)


def add_event(  # noqa: PLR0913 - as `publish`
    project: Project,
    session: Session,
    kind: str,
    *,
    scan_id: int | None = None,
    job_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Say that something happened, once the transaction ends.

    Call it last: others who say something wait for the end of this transaction. Else an event with
    a higher number could be seen before one with a lower number, which a watcher would then miss.
    """
    if not is_sqlite(session.connection()):
        session.execute(text(f"SELECT pg_advisory_xact_lock({_ORDER_LOCK})"))
    session.add(
        EventTable(kind=kind, scan_id=scan_id, job_id=job_id, data=data or {}, time=project.now())
    )
    session.flush()


def watch(project: Project, after_id: int, most: int = 1000) -> list[Event]:
    """Return what happened after the event of that number, oldest first. It never waits."""
    with reading(project) as session:
        rows = session.scalars(
            select(EventTable).where(EventTable.id > after_id).order_by(EventTable.id).limit(most)
        )
        return [
            Event(row.id, row.kind, row.scan_id, row.job_id, row.time, row.data) for row in rows
        ]


def latest_event(project: Project) -> int:
    """Return the number of the latest event, 0 if nothing happened yet."""
    with reading(project) as session:
        return session.scalar(select(func.max(EventTable.id))) or 0


def forget_events(project: Project) -> None:
    """Remove events of more than a day ago; the newest stays, so that numbers go on."""
    with writing(project) as session:
        newest = session.scalar(select(func.max(EventTable.id))) or 0
        session.execute(
            delete(EventTable).where(
                EventTable.time < project.now() - _KEPT, EventTable.id != newest
            )
        )
