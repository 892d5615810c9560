"""Changes of two people to one slice: both are kept until somebody chooses."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from fewslice.errors import ConflictError, InputError
from fewslice.project.database import Project, reading, writing
from fewslice.project.people import found_person
from fewslice.project.revisions import RESOLVE, Revision, found_revision, head_row, values
from fewslice.project.saving import Saved, saved_value, settle
from fewslice.project.scans import locked_scan
from fewslice.project.tables import RevisionTable


def open_conflicts(project: Project, scan_id: int) -> list[Revision]:
    """Return the changes that did not become the head of their slice and wait for a choice."""
    with reading(project) as session:
        return values(session, open_rows(session, scan_id))


def open_rows(session: Session, scan_id: int) -> Sequence[RevisionTable]:
    """Return the rows of what `open_conflicts` returns."""
    choice = aliased(RevisionTable)
    chosen = select(choice.target_id).where(choice.action == RESOLVE)
    return session.scalars(
        select(RevisionTable)
        .where(
            RevisionTable.scan_id == scan_id,
            RevisionTable.conflict_id.is_not(None),
            RevisionTable.id.not_in(chosen),
        )
        .order_by(RevisionTable.id)
    ).all()


def resolve_conflict(project: Project, revision_id: int, *, keep: bool, by: int) -> Saved:
    """Choose between a change that is a conflict and the head of its slice.

    keep: whether the change becomes what holds; else the head stays. Either way nothing is lost:
    the choice is a revision itself. Raises InputError if the revision is no conflict, and
    ConflictError if somebody has chosen already.
    """
    with writing(project) as session:
        scan = locked_scan(session, found_revision(session, revision_id).scan_id)
        found_person(session, by)
        row = found_revision(session, revision_id)
        if row.conflict_id is None:
            raise InputError(f"The revision {revision_id} is no conflict; nothing is to be chosen.")
        query = select(RevisionTable.id).where(
            RevisionTable.action == RESOLVE, RevisionTable.target_id == revision_id
        )
        if session.scalar(query) is not None:
            raise ConflictError(
                f"Somebody has chosen already whether to keep the revision {revision_id}."
            )
        head = head_row(session, row.scan_id, (row.axis, row.index), row.lane)
        choice = RevisionTable(
            scan_id=row.scan_id,
            axis=row.axis,
            index=row.index,
            lane=row.lane,
            person_id=by,
            action=RESOLVE,
            target_id=row.id,
            parent_id=None if head is None else head.id,
            replaced_id=None if head is None else head.id,
            shows_id=row.id if keep or head is None else head.shows_id,
            tool="",
            active_seconds=0.0,
            time=project.now(),
        )
        session.add(choice)
        settle(project, session, scan, choice)
        return saved_value(session, choice)
