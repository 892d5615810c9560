"""Saving one change of one slice, acknowledged only once it is on disk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from fewslice.annotation.annotation import SliceIndex
from fewslice.annotation.drawing import Drawing
from fewslice.errors import ConflictError, InputError, NotFoundError
from fewslice.project.database import Project, reading, writing
from fewslice.project.events import add_event
from fewslice.project.people import found_person
from fewslice.project.revisions import (
    ABSENT,
    ACTIONS,
    ERASE,
    MARKS,
    Revision,
    found_revision,
    head_row,
    values,
)
from fewslice.project.scans import IN_PROGRESS, found_scan, locked_scan
from fewslice.project.tables import HeadTable, RevisionTable, ScanTable, StructureTable
from fewslice.project.voxels import Stored, content_hash, load_array, store_array
from fewslice.volumes.image import UNKNOWN, LabelArray, structure_values


@dataclass(frozen=True)
class Saved:
    """What became of a change.

    revision: the change. head: what holds on the slice now. conflict: another person's revision
    that stayed the head instead, or None.
    """

    revision: Revision
    head: Revision
    conflict: Revision | None = None


@dataclass(frozen=True)
class Change:
    """A checked change, its labels already on disk. shape: of the slice."""

    place: SliceIndex
    action: str
    shape: tuple[int, ...]
    content: Stored | None
    parent: int | None
    tool: str
    active_seconds: float
    client_key: str | None
    apart: bool

    @property
    def hash(self) -> str | None:
        """Of its labels; None of a mark."""
        return None if self.content is None else self.content.hash


def save_revision(  # noqa: PLR0913 - what is known of a stroke
    project: Project,
    scan_id: int,
    by: int,
    *,
    action: str,
    axis: int,
    index: int,
    labels: npt.ArrayLike | None = None,
    parent: int | None = None,
    tool: str = "",
    active_seconds: float = 0.0,
    client_key: str | None = None,
    apart: bool = False,
) -> Saved:
    """Save a change of a slice. When this returns it is on disk.

    Parameters
    ----------
    scan_id, by
        The scan, and the person who made the change.
    action
        "draw", "accept" (an engine's slice as it is), "correct" (one that was edited) or "import",
        with `labels`; "absent" (no structure on it), "present" (said to hold one, not drawn) or
        "erase" (as if nobody had spoken of it), without.
    axis, index
        The slice: array axis of the scan, and index from 0.
    labels
        (first, second) of the other two array axes in their order: 0 background, 255 not looked
        at, else a structure of the project.
    parent
        The head of the slice that the person had seen; None if there was none.
    tool, active_seconds
        What it was drawn with, and for how long.
    client_key
        Names the change, so that one that is sent again after a lost connection is stored once.
    apart
        Whether it was made where the person did not see what they drew here since `parent`, as in
        another program: that is then kept as what other people drew is.

    Returns
    -------
    Saved
        If another person has changed the slice since `parent`, or a locked structure would be
        painted over, the change is kept as a conflict and the head stays as it is. The same voxels
        are never a conflict: if they are another person's, the slice stays that person's.

    Raises
    ------
    InputError
        If something does not fit, such as labels of another shape. NotFoundError: there is no such
        scan or parent. ConflictError: `client_key` names another change.
    WriteError
        If it cannot be saved; then nothing has changed.
    """
    shape, drawn = _checked(project, scan_id, action, (axis, index), labels)
    if not 0 <= active_seconds < float("inf"):
        raise InputError(f"A slice took {active_seconds} seconds; expected 0 or more.")
    content = None if drawn is None else store_array(project, drawn)
    change = Change(
        (axis, index), action, shape, content, parent, tool, active_seconds, client_key, apart
    )
    with writing(project) as session:
        scan = locked_scan(session, scan_id)
        found_person(session, by)
        before = _same_change(session, scan_id, by, change)
        if before is not None:
            return saved_value(session, before)
        lane = lane_of(scan, by)
        head = head_row(session, scan_id, change.place, lane)
        row = _row(project, scan_id, by, lane, change)
        row.replaced_id = None if head is None else head.id
        _require_parent(session, row)
        shown = _shown(session, head)
        same = head is not None and _leaves(shown, change)
        if head is not None and not same and _clashes(project, session, head, row, change):
            kept = _kept_already(session, head, row)
            if kept is not None:
                return saved_value(session, kept)
            row.conflict_id = head.id
        session.add(row)
        session.flush()
        others = same and (shown is None or shown.person_id != by)
        row.shows_id = head.shows_id if head is not None and others else row.id
        settle(project, session, scan, row)
        return saved_value(session, row)


def settle(project: Project, session: Session, scan: ScanTable, row: RevisionTable) -> None:
    """Make a revision the head of its slice, unless it is a conflict, and say that it was saved.

    What leaves the slice as it was leaves the scan's review as it was, too.
    """
    session.flush()
    if row.conflict_id is None:
        session.merge(
            HeadTable(
                scan_id=row.scan_id,
                axis=row.axis,
                index=row.index,
                lane=row.lane,
                revision_id=row.id,
            )
        )
        replaced = None if row.replaced_id is None else found_revision(session, row.replaced_id)
        if replaced is None or replaced.shows_id != row.shows_id:
            scan.status = IN_PROGRESS
    session.flush()
    data = {
        "axis": row.axis,
        "index": row.index,
        "revision": row.id,
        "person_id": row.person_id,
        "conflict": row.conflict_id,
        "annotator": row.lane or None,
    }
    add_event(project, session, "saved", scan_id=row.scan_id, data=data)


def lane_of(scan: ScanTable, person_id: int) -> int:
    """Return where a person's revisions of a scan go: 0, or apart from those of the others."""
    return person_id if scan.independent else 0


def saved_value(session: Session, row: RevisionTable) -> Saved:
    """Return a revision with what holds on its slice now."""
    head = head_row(session, row.scan_id, (row.axis, row.index), row.lane) or row
    revision, present = values(session, [row, head])
    conflict = None
    if row.conflict_id is not None:
        conflict = values(session, [found_revision(session, row.conflict_id)])[0]
    return Saved(revision, present, conflict)


def _checked(
    project: Project,
    scan_id: int,
    action: str,
    place: SliceIndex,
    labels: npt.ArrayLike | None,
) -> tuple[tuple[int, ...], LabelArray | None]:
    """Return the shape of a slice and the labels that are stored, or raise InputError."""
    if action not in ACTIONS:
        raise InputError(f"There is no action '{action}'; expected one of {', '.join(ACTIONS)}.")
    if (labels is None) != (action in MARKS):
        what = "with" if labels is not None else "without"
        raise InputError(f"The action '{action}' came {what} labels, which does not fit it.")
    with reading(project) as session:
        shape = tuple(found_scan(session, scan_id).shape)
        known = set(session.scalars(select(StructureTable.value)))
    drawing = Drawing((shape[0], shape[1], shape[2]))
    if place[1] < 0:
        raise InputError(f"There is no slice {place[1]}; slices are counted from 0.")
    drawing.checked(place)
    sides = tuple(length for axis, length in enumerate(shape) if axis != place[0])
    if labels is None:
        return sides, None
    (drawn,) = drawing.drawn(place, labels).slices
    unknown = set(structure_values(drawn.labels)) - known
    if unknown:
        raise InputError(
            f"The label {min(unknown)} is no structure of this project; expected 0, "
            f"{UNKNOWN} or one of {', '.join(map(str, sorted(known))) or 'none yet'}: add it first."
        )
    return sides, drawn.labels.astype(np.uint8)  # structures are 1 to 254


def _same_change(session: Session, scan_id: int, by: int, change: Change) -> RevisionTable | None:
    """Return the revision of that client key, if there is one."""
    if change.client_key is None:
        return None
    row = session.scalar(
        select(RevisionTable).where(
            RevisionTable.person_id == by, RevisionTable.client_key == change.client_key
        )
    )
    if row is None:
        return None
    stored = (row.scan_id, row.axis, row.index, row.action, row.hash)
    if stored != (scan_id, *change.place, change.action, change.hash):
        raise ConflictError(
            f"The key '{change.client_key}' names another change already; give each its own."
        )
    return row


def _row(project: Project, scan_id: int, by: int, lane: int, change: Change) -> RevisionTable:
    return RevisionTable(
        scan_id=scan_id,
        axis=change.place[0],
        index=change.place[1],
        lane=lane,
        person_id=by,
        action=change.action,
        hash=change.hash,
        dtype=None if change.content is None else change.content.dtype,
        parent_id=change.parent,
        tool=change.tool,
        active_seconds=change.active_seconds,
        client_key=change.client_key,
        time=project.now(),
    )


def _require_parent(session: Session, row: RevisionTable) -> None:
    """Raise NotFoundError unless the parent is a revision of the same slice."""
    if row.parent_id is None:
        return
    parent = found_revision(session, row.parent_id)
    mine = (row.scan_id, row.axis, row.index, row.lane)
    if (parent.scan_id, parent.axis, parent.index, parent.lane) != mine:
        raise NotFoundError(
            f"The revision {parent.id} is not of slice {row.index} across array axis {row.axis}; "
            "give the one that the change was made on."
        )


def _shown(session: Session, head: RevisionTable | None) -> RevisionTable | None:
    """Return the revision whose content a slice has; None if that is nobody's."""
    if head is None or head.shows_id is None:
        return None
    return found_revision(session, head.shows_id)


def _leaves(shown: RevisionTable | None, change: Change) -> bool:
    """Whether a change leaves a slice as it is, whatever was done to it."""
    if shown is None:
        return change.action == ERASE
    said = _said(change.action, change.hash, change.shape)
    return said == _said(shown.action, shown.hash, change.shape)


def _said(action: str, hashed: str | None, shape: tuple[int, ...]) -> str:
    """Return what a revision says of its voxels. A slice that is absent is one of zeros."""
    return content_hash(np.zeros(shape, np.uint8)) if action == ABSENT else hashed or action


def _clashes(
    project: Project, session: Session, head: RevisionTable, row: RevisionTable, change: Change
) -> bool:
    """Whether a change must not take the place of the head of its slice."""
    shown = _shown(session, head)
    changed = _changed_since(session, head, row, own=change.apart)
    return changed or _over_lock(project, session, shown, change)


def _changed_since(session: Session, head: RevisionTable, row: RevisionTable, *, own: bool) -> bool:
    """Whether somebody else, or own: anybody, has changed a slice since the parent of a change."""
    parent = None if row.parent_id is None else found_revision(session, row.parent_id)
    if (None if parent is None else parent.shows_id) == head.shows_id:
        return False  # changed and taken back
    newer = select(RevisionTable.id).where(
        *_on_slice(row),
        RevisionTable.id > (row.parent_id or 0),
        true() if own else RevisionTable.person_id != row.person_id,
        RevisionTable.conflict_id.is_(None),
        # who drew what was there already has changed nothing
        or_(RevisionTable.action.not_in(ACTIONS), RevisionTable.shows_id == RevisionTable.id),
    )
    return session.scalar(newer.limit(1)) is not None


def _kept_already(
    session: Session, head: RevisionTable, row: RevisionTable
) -> RevisionTable | None:
    """Return a conflict that says the same of the same head, such as of a label sent twice."""
    if row.client_key is not None:
        return None
    rows = session.scalars(
        select(RevisionTable).where(
            *_on_slice(row),
            RevisionTable.person_id == row.person_id,
            RevisionTable.action == row.action,
            RevisionTable.hash == row.hash,
            RevisionTable.conflict_id.is_not(None),
        )
    )
    for each in rows:
        if found_revision(session, each.conflict_id or 0).shows_id == head.shows_id:
            return each
    return None


def _on_slice(row: RevisionTable) -> tuple[ColumnElement[bool], ...]:
    """Return what revisions of the same slice have in common."""
    return (
        RevisionTable.scan_id == row.scan_id,
        RevisionTable.axis == row.axis,
        RevisionTable.index == row.index,
        RevisionTable.lane == row.lane,
    )


def _over_lock(
    project: Project, session: Session, shown: RevisionTable | None, change: Change
) -> bool:
    """Whether voxels of a locked structure would become something else."""
    if shown is None or shown.hash is None or shown.dtype is None:
        return False
    query = select(StructureTable.value).where(StructureTable.locked)
    locked = list(session.scalars(query))
    if not locked:
        return False
    before = load_array(project, Stored(shown.hash, shown.dtype, change.shape))
    after = load_array(project, change.content) if change.content else np.zeros_like(before)
    return bool((np.isin(before, locked) & (before != after)).any())
