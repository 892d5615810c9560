"""A scan on its way from the annotator to the reviewer, and back if need be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fewslice.annotation.annotation import SliceIndex
from fewslice.errors import AccessError, ConflictError, InputError
from fewslice.project.conflicts import open_rows
from fewslice.project.database import Project, reading, writing
from fewslice.project.events import add_event
from fewslice.project.people import ADMIN, REVIEWER, found_person
from fewslice.project.scans import (
    ACCEPTED,
    IN_PROGRESS,
    NEW,
    RETURNED,
    SUBMITTED,
    ScanRow,
    get_scan,
    locked_scan,
)
from fewslice.project.tables import PersonTable, ReviewTable, ScanTable

Called = Callable[[Sequence[SliceIndex]], str]
"""How slices are called where a person reads of them."""

_FROM = {
    SUBMITTED: (NEW, IN_PROGRESS, RETURNED),
    ACCEPTED: (NEW, IN_PROGRESS, SUBMITTED, RETURNED),
    RETURNED: (SUBMITTED, ACCEPTED),
}


@dataclass(frozen=True)
class Review:
    """What was decided on a scan. verdict: "submitted", "accepted" or "returned"."""

    id: int
    scan_id: int
    person_id: int
    person: str
    verdict: str
    remark: str
    time: datetime


class OpenChoiceError(ConflictError):
    """Two versions of a slice wait for somebody to choose."""


def as_stored(places: Sequence[SliceIndex]) -> str:
    """Return slices by the scan's own axes."""
    return ", ".join(f"slice {index} across array axis {axis}" for axis, index in places)


def submit(
    project: Project, scan_id: int, by: int, remark: str = "", called: Called = as_stored
) -> ScanRow:
    """Say that a scan is annotated and may be reviewed. called: how an error calls its slices.

    Where people annotate independently each says so for their own slices. Raises ConflictError if
    it is handed in already, OpenChoiceError if two versions of a slice wait for a choice.
    """
    return _decide(project, scan_id, by, SUBMITTED, remark, called)


def accept(
    project: Project, scan_id: int, by: int, remark: str = "", called: Called = as_stored
) -> ScanRow:
    """Say that the annotation of a scan is right.

    Raises AccessError unless a reviewer or admin does it, else what `submit` raises.
    """
    return _decide(project, scan_id, by, ACCEPTED, remark, called)


def give_back(project: Project, scan_id: int, by: int, remark: str) -> ScanRow:
    """Give a submitted or accepted scan back to be annotated better.

    remark: what is to be done. Raises InputError without one, else what `accept` raises.
    """
    if not remark.strip():
        raise InputError("A scan is given back without a remark; say what is to be done.")
    return _decide(project, scan_id, by, RETURNED, remark)


def reviews(project: Project, scan_id: int) -> list[Review]:
    """Return what was decided on a scan, oldest first."""
    with reading(project) as session:
        rows = session.execute(
            select(ReviewTable, PersonTable.name)
            .join(PersonTable, PersonTable.id == ReviewTable.person_id)
            .where(ReviewTable.scan_id == scan_id)
            .order_by(ReviewTable.id)
        )
        return [
            Review(row.id, scan_id, row.person_id, name, row.verdict, row.remark, row.time)
            for row, name in rows
        ]


def _decide(  # noqa: PLR0913, PLR0917 - what is decided, by whom, and how it is told
    project: Project,
    scan_id: int,
    by: int,
    verdict: str,
    remark: str,
    called: Called = as_stored,
) -> ScanRow:
    with writing(project) as session:
        scan = locked_scan(session, scan_id)
        person = found_person(session, by)
        if verdict != SUBMITTED and person.role not in (REVIEWER, ADMIN):
            raise AccessError(
                f"{person.name} is {person.role}; only a reviewer or admin accepts and gives back."
            )
        again = scan.independent and verdict == SUBMITTED and scan.status == SUBMITTED
        if scan.status not in _FROM[verdict] and not again:
            raise ConflictError(
                f"The scan '{scan.name}' is {scan.status.replace('_', ' ')}; it cannot become "
                f"{verdict} from there."
            )
        if verdict != RETURNED:
            lane = by if scan.independent and verdict == SUBMITTED else None
            _require_chosen(session, scan, lane, called)
        scan.status = verdict
        session.add(
            ReviewTable(
                scan_id=scan_id,
                person_id=by,
                verdict=verdict,
                remark=remark.strip(),
                time=project.now(),
            )
        )
        session.flush()
        data = {"status": verdict, "remark": remark.strip(), "person": person.name}
        add_event(project, session, "status", scan_id=scan_id, data=data)
    return get_scan(project, scan_id)


def _require_chosen(session: Session, scan: ScanTable, lane: int | None, called: Called) -> None:
    """Raise OpenChoiceError where two versions of a slice are kept. lane: one's own; None for all.

    The choice would change what was handed in or accepted.
    """
    waiting = [each for each in open_rows(session, scan.id) if lane in (None, each.lane)]
    if waiting:
        places = sorted({(each.axis, each.index) for each in waiting})
        raise OpenChoiceError(
            f"The scan '{scan.name}' has two versions of {called(places)}; choose on its page "
            "which counts before it is handed in or accepted."
        )
