"""Who sees what others draw, where people annotate a scan independently.

Whoever annotates sees nothing of the others until all who drew on the scan have handed it in: what
was seen is no longer independent, and agreement would be measured too high. Reviewers and admins
see everything.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fewslice.project.database import Project, reading
from fewslice.project.people import ANNOTATOR, Person
from fewslice.project.scans import ACCEPTED, RETURNED, SUBMITTED, ScanRow
from fewslice.project.tables import HeadTable, ReviewTable, RevisionTable


def sees_others(project: Project, scan: ScanRow, person: Person) -> bool:
    """Return whether a person may see what others drew on a scan."""
    if not scan.independent or person.role != ANNOTATOR or scan.status == ACCEPTED:
        return True
    with reading(project) as session:
        drew = set(session.scalars(select(HeadTable.lane).where(HeadTable.scan_id == scan.id)))
        done = _handed_in(session, scan.id)
    return person.id in drew and len(drew) > 1 and drew <= done


def handed_in(project: Project, scan_id: int) -> set[int]:
    """Return who handed a scan in and has changed nothing since, nor got it back."""
    with reading(project) as session:
        return _handed_in(session, scan_id)


def _handed_in(session: Session, scan_id: int) -> set[int]:
    returned = session.scalar(
        select(func.max(ReviewTable.id)).where(
            ReviewTable.scan_id == scan_id, ReviewTable.verdict == RETURNED
        )
    )
    submitted = session.execute(
        select(ReviewTable.person_id, func.max(ReviewTable.time).label("time"))
        .where(
            ReviewTable.scan_id == scan_id,
            ReviewTable.verdict == SUBMITTED,
            ReviewTable.id > (returned or 0),
        )
        .group_by(ReviewTable.person_id)
    )
    drawn = session.execute(
        select(RevisionTable.lane, func.max(RevisionTable.time).label("time"))
        .where(RevisionTable.scan_id == scan_id)
        .group_by(RevisionTable.lane)
    )
    last = {row.lane: row.time for row in drawn}
    return {
        row.person_id
        for row in submitted
        if row.person_id not in last or last[row.person_id] <= row.time
    }
