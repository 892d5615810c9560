"""What the routes of a scan's slices share: which slice is meant, whose, and how it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path, Query
from starlette.responses import Response

from fewslice.errors import AccessError, NotFoundError
from fewslice.project.blindness import sees_others
from fewslice.project.people import Person
from fewslice.project.revisions import Revision, revision_labels
from fewslice.project.saving import Saved
from fewslice.project.scans import get_scan
from fewslice.server.arrays import MEDIA_TYPE, REVISION, pack
from fewslice.server.auth import Somebody
from fewslice.server.context import Context, Served
from fewslice.server.models.base import Identifier
from fewslice.server.ras import RasView
from fewslice.volumes.image import LabelArray

PageAxis = Annotated[int, Path(ge=0, le=2)]
PageIndex = Annotated[int, Path(ge=0, le=100_000)]
Annotator = Annotated[
    int | None,
    Query(ge=1, le=2**53, description="Whose slices, where people annotate independently."),
]
ARRAY_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Deflated bytes; X-Shape, X-Dtype and X-Hash say what they are",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@dataclass(frozen=True)
class AskedSlice:
    """A slice as a page names it. view: how the page sees the scan. place: axis and index there."""

    scan: int
    view: RasView
    place: tuple[int, int]


def view_of(served: Context, scan: int) -> RasView:
    """Return how the page sees a scan. Raises NotFoundError."""
    row = get_scan(served.project, scan)
    return RasView.of_affine(row.shape, row.affine)


def asked_slice(
    scan: Identifier, axis: PageAxis, index: PageIndex, served: Served, _person: Somebody
) -> AskedSlice:
    """Return the slice that a path names, to somebody who is known. Raises NotFoundError."""
    view = view_of(served, scan)
    return AskedSlice(scan, view, view.to_scan((axis, index)))


Asked = Annotated[AskedSlice, Depends(asked_slice)]


def annotator_meant(
    served: Context, scan: int, person: Person, annotator: int | None = None
) -> int | None:
    """Return whose slices are meant: one's own where people annotate independently, else None for
    everybody's. annotator: somebody who was asked for instead. Raises AccessError for somebody who
    may not see that (yet).
    """
    row = get_scan(served.project, scan)
    own = person.id if row.independent else None
    if annotator is None or annotator == own:
        return own
    if not sees_others(served.project, row, person):
        raise too_early()
    return annotator


def visible_revisions(
    served: Context, scan: int, person: Person, revisions: list[Revision]
) -> list[Revision]:
    """Return those of a scan's revisions that a person may see (by now)."""
    if sees_others(served.project, get_scan(served.project, scan), person):
        return revisions
    return [each for each in revisions if each.lane == person.id]


def too_early() -> AccessError:
    """Return what to raise where others may not be seen yet."""
    return AccessError(
        "This scan is annotated independently: what others draw can be seen once all have handed "
        "it in, or by a reviewer or an admin."
    )


def packed(labels: LabelArray, revision: int | None) -> Response:
    """Return labels as a response. The revision is the one that they show, or that they know."""
    found = pack(labels)
    headers = dict(found.headers)
    if revision is not None:
        headers[REVISION] = str(revision)
    return Response(found.body, media_type=MEDIA_TYPE, headers=headers)


def slice_response(served: Context, view: RasView, head: Revision | None, nothing: str) -> Response:
    """Return the slice that a revision shows. nothing: what NotFoundError says if there is none."""
    labels = None if head is None else revision_labels(served.project, head)
    if head is None or labels is None:
        raise NotFoundError(nothing)
    return packed(view.slice_to_page(labels, head.axis), head.id)


def saved_json(saved: Saved) -> dict[str, Any]:
    """Return what was saved as `fewslice.server.models.slices.Saved` has it."""
    other = None if saved.conflict is None else other_json(saved.conflict)
    return {"revision": saved.revision.id, "head": saved.head.id, "conflict": other}


def other_json(revision: Revision) -> dict[str, Any]:
    """Return the other revision of a conflict, as `Conflict` has it."""
    time = revision.time.isoformat()
    return {"revision": revision.id, "person": revision.person, "time": time}
