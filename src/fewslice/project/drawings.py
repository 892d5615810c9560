"""What is drawn on a scan now, as engines take it, with who drew each slice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fewslice.annotation.annotation import SliceIndex
from fewslice.annotation.drawing import Drawing
from fewslice.project.database import Project
from fewslice.project.revisions import (
    Revision,
    get_revision,
    latest_revision,
    revision_labels,
    slice_heads,
)
from fewslice.project.scans import get_scan


@dataclass(frozen=True)
class SliceOrigin:
    """Where a slice comes from.

    kind: "human", "accepted", "corrected", "absent" or "present". revision: the head. drawn_by,
    drawn_at, tool, active_seconds: of the revision that it shows, which undo may have brought back.
    """

    kind: str
    revision: int
    person_id: int
    person: str
    time: datetime
    tool: str
    active_seconds: float


@dataclass(frozen=True, eq=False)
class ProjectDrawing:
    """What people drew on a scan.

    drawing: as engines take it. origins: of every slice that somebody spoke of. revision: the
    newest of the scan when this was read; None if there is none.
    """

    drawing: Drawing
    origins: dict[SliceIndex, SliceOrigin]
    revision: int | None


def drawing(project: Project, scan_id: int, annotator: int | None = None) -> ProjectDrawing:
    """Return what holds on the slices of a scan.

    annotator: of a scan that several people annotate independently, whose slices are meant; None
    for everybody's, of which each slice's newest counts. Where two planes cross, the slice that was
    drawn later counts. Raises ReadError if voxels are missing or damaged.
    """
    drawn = Drawing(get_scan(project, scan_id).shape)
    # Read first: a change in between makes the drawing newer than said, never older.
    latest = latest_revision(project, scan_id)
    heads = [head for head in slice_heads(project, scan_id, annotator) if head.kind is not None]
    for head in sorted(heads, key=lambda head: head.shows or 0):
        labels = revision_labels(project, head)
        if head.kind == "absent":
            drawn = drawn.absent(head.place)
        elif labels is None:
            drawn = drawn.said_present(head.place)
        else:
            drawn = drawn.drawn(head.place, labels)
    return ProjectDrawing(drawn, blame(project, scan_id, annotator), latest)


def blame(
    project: Project, scan_id: int, annotator: int | None = None
) -> dict[SliceIndex, SliceOrigin]:
    """Return who drew each slice that holds now, when and how."""
    return {
        head.place: _origin(project, head)
        for head in slice_heads(project, scan_id, annotator)
        if head.kind is not None
    }


def _origin(project: Project, head: Revision) -> SliceOrigin:
    shown = head if head.shows in (None, head.id) else get_revision(project, head.shows or 0)
    return SliceOrigin(
        head.kind or "",
        head.id,
        shown.person_id,
        shown.person,
        shown.time,
        shown.tool,
        shown.active_seconds,
    )
