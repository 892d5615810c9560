"""What people draw: one slice at a time, acknowledged once it is on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from starlette.responses import Response

from fewslice.errors import AccessError, InputError, NotFoundError
from fewslice.project.blindness import sees_others
from fewslice.project.conflicts import open_conflicts, resolve_conflict
from fewslice.project.drawings import blame
from fewslice.project.people import Person
from fewslice.project.revisions import (
    Revision,
    get_revision,
    history,
    revision_labels,
    slice_head,
)
from fewslice.project.saving import Saved as SavedValue
from fewslice.project.saving import save_revision
from fewslice.project.scans import get_scan
from fewslice.project.undo import redo, undo
from fewslice.server.arrays import MEDIA_TYPE, REVISION, pack, unpack
from fewslice.server.auth import Somebody
from fewslice.server.context import Context, Served
from fewslice.server.models.base import Identifier
from fewslice.server.models.slices import (
    DrawnSlice,
    HistoryEntry,
    Mark,
    OpenConflict,
    Resolution,
    Saved,
    Step,
)
from fewslice.server.ras import RasView
from fewslice.volumes.image import LabelArray

router = APIRouter(prefix="/scans/{scan}", tags=["slices"])

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
_ARRAY_BODY = {
    "requestBody": {
        "required": True,
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@dataclass(frozen=True)
class AskedSlice:
    """A slice as a page names it. view: how the page sees the scan. place: axis and index there."""

    scan: int
    view: RasView
    place: tuple[int, int]


@dataclass(frozen=True)
class Stroke:
    """How a slice came to be as it is sent. parent: the head that the person had seen."""

    action: str
    parent: int | None
    tool: str
    seconds: float
    key: str | None


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


def whose(served: Context, scan: int, person: Person, annotator: int | None = None) -> int | None:
    """Return whose slices are meant: one's own where people annotate independently, else None for
    everybody's. annotator: somebody who was asked for instead. Raises AccessError for somebody who
    may not see that (yet).
    """
    row = get_scan(served.project, scan)
    own = person.id if row.independent else None
    if annotator is None or annotator == own:
        return own
    if not sees_others(served.project, row, person):
        raise _too_early()
    return annotator


def seen(served: Context, scan: int, person: Person, revisions: list[Revision]) -> list[Revision]:
    """Return those of a scan's revisions that a person may see (by now)."""
    if sees_others(served.project, get_scan(served.project, scan), person):
        return revisions
    return [each for each in revisions if each.lane == person.id]


def _too_early() -> AccessError:
    return AccessError(
        "This scan is annotated independently: what others draw can be seen once all have handed "
        "it in, or by a reviewer or an admin."
    )


def _revision(served: Context, scan: int, revision: int, person: Person) -> Revision:
    """Return a revision of a scan. Raises NotFoundError, and AccessError as `whose` does."""
    found = get_revision(served.project, revision)
    if found.scan_id != scan:
        raise NotFoundError(f"The revision {revision} is not of this scan.")
    if not seen(served, scan, person, [found]):
        raise _too_early()
    return found


async def _body(request: Request) -> bytes:
    return await request.body()


def _stroke(
    x_action: Annotated[Literal["draw", "accept", "correct"], Header()] = "draw",
    x_parent: Annotated[str, Header(max_length=20, pattern=r"^(|[1-9][0-9]{0,15})$")] = "",
    x_tool: Annotated[str, Header(max_length=100)] = "",
    x_active_seconds: Annotated[float, Header(ge=0, le=86_400)] = 0.0,
    x_client_key: Annotated[str, Header(max_length=100)] = "",
) -> Stroke:
    parent = int(x_parent) if x_parent else None
    return Stroke(x_action, parent, x_tool, x_active_seconds, x_client_key or None)


@router.get("/slices", response_model=list[DrawnSlice])
def slices(
    scan: Identifier,
    served: Served,
    person: Somebody,
    annotator: Annotator = None,
) -> Any:
    """List the slices that somebody spoke of; where people annotate independently, one's own."""
    view, mine = view_of(served, scan), whose(served, scan, person, annotator)
    found = []
    for place, origin in blame(served.project, scan, mine).items():
        axis, index = view.to_page(place)
        entry = {"axis": axis, "index": index, "kind": origin.kind, "person": origin.person}
        found.append({**entry, "time": origin.time.isoformat(), "revision": origin.revision})
    return sorted(found, key=lambda each: (each["axis"], each["index"]))


@router.get("/slices/{axis}/{index}", response_class=Response, responses=ARRAY_RESPONSE)
def get_slice(
    asked: Asked, served: Served, person: Somebody, annotator: Annotator = None
) -> Response:
    """Return what is drawn on a slice: 0 background, 255 not looked at, else a structure."""
    mine = whose(served, asked.scan, person, annotator)
    head = slice_head(served.project, asked.scan, asked.place, mine)
    axis, index = asked.view.to_page(asked.place)
    nothing = f"Nothing is drawn on slice {index} across axis {axis}."
    return _labels(served, asked.view, head, nothing)


@router.put(
    "/slices/{axis}/{index}",
    response_model=Saved,
    openapi_extra=_ARRAY_BODY,
)
def put_slice(  # noqa: PLR0913, PLR0917 - FastAPI hands over one argument each
    asked: Asked,
    request: Request,
    served: Served,
    person: Somebody,
    body: Annotated[bytes, Depends(_body)],
    stroke: Annotated[Stroke, Depends(_stroke)],
) -> Any:
    """Save a slice. The answer comes once it is on disk; sent again with the same X-Client-Key it
    is stored once. Where somebody else was faster both are kept, and `conflict` names the other.
    """
    axis, index = asked.place
    page_axis, _ = asked.view.to_page(asked.place)
    labels = unpack(body, request.headers, asked.view.slice_shape(page_axis))
    if labels.dtype.itemsize > 1 and labels.max(initial=0) > 255:
        raise InputError("Labels are 0 to 255; index the structures anew.")
    saved = save_revision(
        served.project,
        asked.scan,
        person.id,
        action=stroke.action,
        axis=axis,
        index=index,
        labels=asked.view.slice_to_scan(labels, page_axis),
        parent=stroke.parent,
        tool=stroke.tool,
        active_seconds=stroke.seconds,
        client_key=stroke.key,
    )
    served.watcher.wake()
    return _saved(saved)


@router.post("/slices/{axis}/{index}/mark", response_model=Saved)
def mark(asked: Asked, body: Mark, served: Served, person: Somebody) -> Any:
    """Say that a slice is empty, or holds the structure, or take back what was said of it."""
    axis, index = asked.place
    saved = save_revision(
        served.project,
        asked.scan,
        person.id,
        action=body.mark,
        axis=axis,
        index=index,
        parent=body.parent,
        active_seconds=body.active_seconds,
        client_key=body.client_key,
    )
    served.watcher.wake()
    return _saved(saved)


@router.post("/undo", response_model=Step)
def undo_step(scan: Identifier, served: Served, person: Somebody) -> Any:
    """Take back the last change one made to a scan that still holds; also weeks later."""
    return _step(served, scan, undo(served.project, scan, person.id))


@router.post("/redo", response_model=Step)
def redo_step(scan: Identifier, served: Served, person: Somebody) -> Any:
    """Make the change anew that one took back last."""
    return _step(served, scan, redo(served.project, scan, person.id))


@router.get("/history", response_model=list[HistoryEntry])
def scan_history(
    scan: Identifier,
    served: Served,
    person: Somebody,
    axis: Annotated[int | None, Query(ge=0, le=2)] = None,
    index: Annotated[int | None, Query(ge=0, le=100_000)] = None,
) -> Any:
    """List all revisions of a scan or of one of its slices, oldest first."""
    view = view_of(served, scan)
    place: tuple[int | None, int | None] = (None, None)
    if axis is not None and index is not None:
        place = view.to_scan((axis, index))
    elif axis is not None or index is not None:
        raise InputError("The history of a slice needs axis and index; give both or neither.")
    found = history(served.project, scan, *place)
    return [_entry(view, each) for each in seen(served, scan, person, found)]


@router.get("/revisions/{revision}", response_class=Response, responses=ARRAY_RESPONSE)
def revision_array(
    scan: Identifier, revision: Identifier, served: Served, person: Somebody
) -> Response:
    """Return a slice as it was after a revision, such as the other one of a conflict."""
    view = view_of(served, scan)
    found = _revision(served, scan, revision, person)
    return _labels(served, view, found, f"Nothing is drawn in revision {revision}.")


@router.get("/conflicts", response_model=list[OpenConflict])
def conflicts(scan: Identifier, served: Served, person: Somebody) -> Any:
    """List the changes beside which somebody else was faster, and that wait for a choice."""
    view = view_of(served, scan)
    found = []
    for each in seen(served, scan, person, open_conflicts(served.project, scan)):
        other = get_revision(served.project, each.conflict or 0)
        found.append({**_entry(view, each), "conflict": _other(other)})
    return found


@router.post("/conflicts", response_model=Saved)
def resolve(scan: Identifier, body: Resolution, served: Served, person: Somebody) -> Any:
    """Choose between a change and what holds on its slice; either way both are kept."""
    _revision(served, scan, body.revision, person)
    saved = resolve_conflict(served.project, body.revision, keep=body.keep, by=person.id)
    served.watcher.wake()
    return _saved(saved)


def packed(labels: LabelArray, revision: int | None) -> Response:
    """Return labels as a response. The revision is the one that they show, or that they know."""
    found = pack(labels)
    headers = dict(found.headers)
    if revision is not None:
        headers[REVISION] = str(revision)
    return Response(found.body, media_type=MEDIA_TYPE, headers=headers)


def _labels(served: Context, view: RasView, head: Revision | None, nothing: str) -> Response:
    labels = None if head is None else revision_labels(served.project, head)
    if head is None or labels is None:
        raise NotFoundError(nothing)
    return packed(view.slice_to_page(labels, head.axis), head.id)


def _step(served: Context, scan: int, found: Revision | None) -> dict[str, Any]:
    if found is None:
        return {"revision": None}
    served.watcher.wake()
    axis, index = view_of(served, scan).to_page(found.place)
    return {"revision": found.id, "axis": axis, "index": index}


def _saved(saved: SavedValue) -> dict[str, Any]:
    other = None if saved.conflict is None else _other(saved.conflict)
    return {"revision": saved.revision.id, "head": saved.head.id, "conflict": other}


def _other(revision: Revision) -> dict[str, Any]:
    time = revision.time.isoformat()
    return {"revision": revision.id, "person": revision.person, "time": time}


def _entry(view: RasView, revision: Revision) -> dict[str, Any]:
    axis, index = view.to_page(revision.place)
    return {
        "revision": revision.id,
        "axis": axis,
        "index": index,
        "action": revision.action,
        "kind": revision.kind,
        "tool": revision.tool,
        "person": revision.person,
        "time": revision.time.isoformat(),
        "parent": revision.parent,
        "active_seconds": revision.active_seconds,
    }
