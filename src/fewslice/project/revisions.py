"""What was drawn, as a list that only grows: undo, history, blame and conflicts follow from it.

A revision is one change of one slice. The *head* of a slice is the revision that holds now. Whoever
saves says which head was seen (`parent`); where another person has changed the slice since, the
revision is kept beside the head, as a conflict, until somebody chooses
(`fewslice.project.conflicts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from fewslice.annotation.annotation import SliceIndex
from fewslice.errors import NotFoundError
from fewslice.project.database import Project, reading
from fewslice.project.tables import HeadTable, PersonTable, RevisionTable, ScanTable
from fewslice.project.voxels import Stored, load_array
from fewslice.volumes.image import LabelArray

DRAW, ABSENT, PRESENT, ERASE = "draw", "absent", "present", "erase"
ACCEPT, CORRECT, IMPORT = "accept", "correct", "import"
UNDO, REDO, RESOLVE = "undo", "redo", "resolve"

WITH_LABELS = (DRAW, ACCEPT, CORRECT, IMPORT)
MARKS = (ABSENT, PRESENT, ERASE)
ACTIONS = (*WITH_LABELS, *MARKS)
"""What a person does to a slice; undo, redo and resolve are about these."""

KINDS = {
    **{DRAW: "human", IMPORT: "human", ACCEPT: "accepted", CORRECT: "corrected"},
    **{ABSENT: "absent", PRESENT: "present"},
}
"""What a slice is called after each action; after others it is as if nobody had spoken of it."""


@dataclass(frozen=True)
class Revision:
    """One change of one slice.

    Parameters
    ----------
    id, scan_id, axis, index
        Its number, ascending in time, and the slice: array axis of the scan, index from 0.
    person_id, person
        Who made it.
    action
        One of `ACTIONS`, or "undo", "redo", "resolve".
    kind
        What the slice is after it: "human", "accepted", "corrected", "absent", "present"; None if
        it is as if nobody had spoken of it.
    content
        Where the labels are; None unless the slice is drawn after it. Of a slice that is absent
        all labels are 0.
    shows
        The revision whose content the slice has after it: itself unless something was taken back,
        or another person had drawn just that; None for an untouched slice.
    parent
        The head that the person had seen.
    target
        The revision that is undone, redone or resolved.
    conflict
        The head that stayed in its place; None if it became the head.
    lane
        0 where people share the scan, else the person who annotates it independently.
    tool, active_seconds, client_key, time
        As they were given to `save_revision`; when it was saved.
    """

    id: int
    scan_id: int
    axis: int
    index: int
    person_id: int
    person: str
    action: str
    kind: str | None
    content: Stored | None
    shows: int | None
    parent: int | None
    target: int | None
    conflict: int | None
    lane: int
    tool: str
    active_seconds: float
    client_key: str | None
    time: datetime

    @property
    def place(self) -> SliceIndex:
        """(array axis, index)."""
        return self.axis, self.index


def get_revision(project: Project, revision_id: int) -> Revision:
    """Return a revision. Raises NotFoundError."""
    with reading(project) as session:
        return values(session, [found_revision(session, revision_id)])[0]


def history(
    project: Project, scan_id: int, axis: int | None = None, index: int | None = None
) -> list[Revision]:
    """Return all revisions of a scan, or of its slices along an axis, or of one; oldest first."""
    wanted: list[ColumnElement[bool]] = [RevisionTable.scan_id == scan_id]
    if axis is not None:
        wanted.append(RevisionTable.axis == axis)
    if index is not None:
        wanted.append(RevisionTable.index == index)
    with reading(project) as session:
        query = select(RevisionTable).where(*wanted).order_by(RevisionTable.id)
        return values(session, list(session.scalars(query)))


def slice_heads(project: Project, scan_id: int, annotator: int | None = None) -> list[Revision]:
    """Return what holds on every slice that anybody spoke of, by axis and index.

    annotator: of a scan that several people annotate independently, whose slices are meant; None
    for everybody's, of which each slice's newest counts.
    """
    with reading(project) as session:
        rows = session.scalars(
            select(RevisionTable)
            .join(HeadTable, HeadTable.revision_id == RevisionTable.id)
            .where(HeadTable.scan_id == scan_id)
            .order_by(RevisionTable.id)
        )
        scan = session.get(ScanTable, scan_id)
        independent = scan is not None and scan.independent
        heads = {
            (row.axis, row.index): row
            for row in rows
            if not independent or annotator is None or row.lane == annotator
        }
        return values(session, [heads[place] for place in sorted(heads)])


def heads_at(
    project: Project, scan_id: int, revision: int | None, annotator: int | None = None
) -> dict[SliceIndex, Revision]:
    """Return what held on every slice once a revision of the scan was saved; None: nothing yet.

    annotator: as for `slice_heads`.
    """
    if revision is None:
        return {}
    with reading(project) as session:
        wanted = [RevisionTable.scan_id == scan_id, RevisionTable.id <= revision]
        wanted.append(RevisionTable.conflict_id.is_(None))
        scan = session.get(ScanTable, scan_id)
        if scan is not None and scan.independent and annotator is not None:
            wanted.append(RevisionTable.lane == annotator)
        rows = session.scalars(select(RevisionTable).where(*wanted).order_by(RevisionTable.id))
        heads = {(row.axis, row.index): row for row in rows}
        return dict(zip(heads, values(session, list(heads.values())), strict=True))


def slice_head(
    project: Project, scan_id: int, place: SliceIndex, annotator: int | None = None
) -> Revision | None:
    """Return what holds on one slice, as `slice_heads` does."""
    with reading(project) as session:
        scan = session.get(ScanTable, scan_id)
        wanted = [HeadTable.scan_id == scan_id, HeadTable.axis == place[0]]
        wanted.append(HeadTable.index == place[1])
        if scan is not None and scan.independent and annotator is not None:
            wanted.append(HeadTable.lane == annotator)
        query = select(func.max(HeadTable.revision_id)).where(*wanted)
        number = session.scalar(query)
        return None if number is None else values(session, [found_revision(session, number)])[0]


def latest_revision(project: Project, scan_id: int) -> int | None:
    """Return the number of the newest revision of a scan."""
    with reading(project) as session:
        return session.scalar(
            select(RevisionTable.id)
            .where(RevisionTable.scan_id == scan_id)
            .order_by(RevisionTable.id.desc())
            .limit(1)
        )


def revision_labels(project: Project, revision: Revision) -> LabelArray | None:
    """Return the labels a slice has after a revision, read-only; None if it is not drawn then.

    Shape (first, second) of the other two array axes in their order; 255 not looked at.
    """
    return None if revision.content is None else load_array(project, revision.content)


def found_revision(session: Session, revision_id: int) -> RevisionTable:
    """Return the row of a revision. Raises NotFoundError."""
    row = session.get(RevisionTable, revision_id)
    if row is None:
        raise NotFoundError(f"There is no revision {revision_id} in the project.")
    return row


def head_row(session: Session, scan_id: int, place: SliceIndex, lane: int) -> RevisionTable | None:
    """Return the row of the revision that holds on a slice."""
    head = session.get(HeadTable, (scan_id, *place, lane))
    return None if head is None else found_revision(session, head.revision_id)


def values(session: Session, rows: Sequence[RevisionTable]) -> list[Revision]:
    """Return rows as values."""
    people = {row.id: row.name for row in session.scalars(select(PersonTable))}
    known = {row.id: row for row in rows}
    missing = {row.shows_id for row in rows if row.shows_id is not None} - known.keys()
    for start in range(0, len(missing), 500):  # SQLite takes so many values at most
        part = sorted(missing)[start : start + 500]
        query = select(RevisionTable).where(RevisionTable.id.in_(part))
        known |= {row.id: row for row in session.scalars(query)}
    shapes = {row.scan_id: _shape(session, row.scan_id) for row in rows}
    return [
        _value(row, known.get(row.shows_id or 0), people[row.person_id], shapes[row.scan_id])
        for row in rows
    ]


def _shape(session: Session, scan_id: int) -> tuple[int, ...]:
    scan = session.get(ScanTable, scan_id)
    return () if scan is None else tuple(scan.shape)


def _value(
    row: RevisionTable, shown: RevisionTable | None, person: str, shape: tuple[int, ...]
) -> Revision:
    return Revision(
        row.id,
        row.scan_id,
        row.axis,
        row.index,
        row.person_id,
        person,
        row.action,
        None if shown is None else KINDS.get(shown.action),
        None if shown is None else _content(shown, shape),
        row.shows_id,
        row.parent_id,
        row.target_id,
        row.conflict_id,
        row.lane,
        row.tool,
        row.active_seconds,
        row.client_key,
        row.time,
    )


def _content(row: RevisionTable, shape: tuple[int, ...]) -> Stored | None:
    if row.hash is None or row.dtype is None:
        return None
    sides = tuple(length for axis, length in enumerate(shape) if axis != row.axis)
    return Stored(row.hash, row.dtype, sides)
