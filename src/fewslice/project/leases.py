"""One scan is open for one person at a time, visibly; another one can take it over.

A lease runs out by itself, so that a closed browser blocks nobody for long. It does not guard the
drawing: a stroke that arrives after a take-over is kept, as a conflict if need be.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from fewslice.errors import ConflictError
from fewslice.project.database import Project, writing
from fewslice.project.events import add_event
from fewslice.project.people import found_person
from fewslice.project.scans import Lease, locked_scan
from fewslice.project.tables import LeaseTable, ScanTable

LIFETIME = timedelta(minutes=5)


def take(
    project: Project,
    scan_id: int,
    person_id: int,
    *,
    force: bool = False,
    lifetime: timedelta = LIFETIME,
) -> Lease:
    """Open a scan for a person, or keep it open.

    force: take it over from whoever has it. Of a scan that people annotate independently nobody
    keeps another one away. Raises ConflictError, which names who has it.
    """
    now = project.now()
    with writing(project) as session:
        scan = locked_scan(session, scan_id)
        person = found_person(session, person_id)
        row = session.get(LeaseTable, scan_id)
        held = row is not None and row.until > now and row.person_id != person_id
        if row is not None and held and not force and not scan.independent:
            raise _held(session, scan, row)
        session.merge(LeaseTable(scan_id=scan_id, person_id=person_id, until=now + lifetime))
        session.flush()
        if row is None or row.person_id != person_id or row.until <= now or held:
            data = {"person_id": person_id, "person": person.name}
            add_event(project, session, "lease", scan_id=scan_id, data=data)
        return Lease(person_id, person.name, now + lifetime)


def renew(project: Project, scan_id: int, person_id: int, lifetime: timedelta = LIFETIME) -> Lease:
    """Keep a scan open. Raises ConflictError if another person has taken it over since."""
    return take(project, scan_id, person_id, lifetime=lifetime)


def release(project: Project, scan_id: int, person_id: int) -> None:
    """Close a scan for others to open; nothing happens if the person does not have it."""
    with writing(project) as session:
        locked_scan(session, scan_id)
        row = session.get(LeaseTable, scan_id)
        if row is None or row.person_id != person_id:
            return
        session.delete(row)
        session.flush()
        data = {"person_id": None, "person": None}
        add_event(project, session, "lease", scan_id=scan_id, data=data)


def _held(session: Session, scan: ScanTable, row: LeaseTable) -> ConflictError:
    holder = found_person(session, row.person_id)
    return ConflictError(
        f"{holder.name} has the scan '{scan.name}' open until {row.until:%H:%M} UTC; open another "
        "one, or take it over."
    )
