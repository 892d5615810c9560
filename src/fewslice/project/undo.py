"""Undo and redo of what a person did to a scan: revisions too, so that they outlive restarts.

A person takes back only what still holds on its slice. What another person has changed since, or
drawn just so, is passed over: taking it back would change the other's work.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from fewslice.project.database import Project, writing
from fewslice.project.people import found_person
from fewslice.project.revisions import ACTIONS, REDO, UNDO, Revision, found_revision, head_row
from fewslice.project.saving import lane_of, saved_value, settle
from fewslice.project.scans import locked_scan
from fewslice.project.tables import RevisionTable


def undo(project: Project, scan_id: int, by: int) -> Revision | None:
    """Take back the last change that a person made to a scan and that still holds.

    Returns the revision that does so, or None if there is nothing to take back.
    """
    return _step(project, scan_id, by, UNDO)


def redo(project: Project, scan_id: int, by: int) -> Revision | None:
    """Make the change anew that the person took back last, unless another one was made since."""
    return _step(project, scan_id, by, REDO)


def _step(project: Project, scan_id: int, by: int, action: str) -> Revision | None:
    with writing(project) as session:
        scan = locked_scan(session, scan_id)
        found_person(session, by)
        lane = lane_of(scan, by)
        for target in reversed(_stack(_own(session, scan_id, by, lane), action)):
            head = head_row(session, scan_id, (target.axis, target.index), lane)
            before = _shown_before(session, target)
            # What left a slice as it was shows another's revision, not itself.
            after = target.shows_id
            expected, shown = (after, before) if action == UNDO else (before, after)
            if head is None or head.shows_id != expected or _is_anothers(head, by):
                continue
            row = _row(project, target, by, action)
            row.parent_id = row.replaced_id = head.id
            row.shows_id = shown
            session.add(row)
            settle(project, session, scan, row)
            return saved_value(session, row).revision
    return None


def _own(session: Session, scan_id: int, by: int, lane: int) -> Sequence[RevisionTable]:
    """Return what a person did to a scan, oldest first, without what became a conflict."""
    return session.scalars(
        select(RevisionTable)
        .where(
            RevisionTable.scan_id == scan_id,
            RevisionTable.person_id == by,
            RevisionTable.lane == lane,
            RevisionTable.conflict_id.is_(None),
            RevisionTable.action.in_((*ACTIONS, UNDO, REDO)),
        )
        .order_by(RevisionTable.id)
    ).all()


def _stack(own: Sequence[RevisionTable], action: str) -> list[RevisionTable]:
    """Return what can be taken back, or made anew; the next one last."""
    by_id = {row.id: row for row in own}
    done: list[RevisionTable] = []
    undone: list[RevisionTable] = []
    for row in own:
        if row.target_id is None:
            done.append(row)
            undone.clear()
            continue
        start, end = (done, undone) if row.action == UNDO else (undone, done)
        target = by_id[row.target_id]
        start.remove(target)
        end.append(target)
    return done if action == UNDO else undone


def _is_anothers(head: RevisionTable, by: int) -> bool:
    """Whether another person drew what holds on a slice, even if somebody had drawn the same."""
    return head.person_id != by and head.action in ACTIONS


def _shown_before(session: Session, target: RevisionTable) -> int | None:
    """Return the revision that a slice showed before a change."""
    if target.replaced_id is None:
        return None
    return found_revision(session, target.replaced_id).shows_id


def _row(project: Project, target: RevisionTable, by: int, action: str) -> RevisionTable:
    return RevisionTable(
        scan_id=target.scan_id,
        axis=target.axis,
        index=target.index,
        lane=target.lane,
        person_id=by,
        action=action,
        target_id=target.id,
        tool="",
        active_seconds=0.0,
        time=project.now(),
    )
