"""What became of slices: undo and redo, their history, and conflicts between people."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from fewslice.errors import InputError, NotFoundError
from fewslice.project.conflicts import open_conflicts, resolve_conflict
from fewslice.project.people import Person
from fewslice.project.revisions import Revision, get_revision, history
from fewslice.project.undo import redo, undo
from fewslice.server.auth import Somebody
from fewslice.server.context import Context, Served
from fewslice.server.models.base import Identifier
from fewslice.server.models.slices import HistoryEntry, OpenConflict, Resolution, Saved, Step
from fewslice.server.ras import RasView
from fewslice.server.routes.slice_access import (
    ARRAY_RESPONSE,
    other_json,
    saved_json,
    slice_response,
    too_early,
    view_of,
    visible_revisions,
)

router = APIRouter(prefix="/scans/{scan}", tags=["slices"])


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
    return [_entry(view, each) for each in visible_revisions(served, scan, person, found)]


@router.get("/revisions/{revision}", response_class=Response, responses=ARRAY_RESPONSE)
def revision_array(
    scan: Identifier, revision: Identifier, served: Served, person: Somebody
) -> Response:
    """Return a slice as it was after a revision, such as the other one of a conflict."""
    view = view_of(served, scan)
    found = _revision(served, scan, revision, person)
    return slice_response(served, view, found, f"Nothing is drawn in revision {revision}.")


@router.get("/conflicts", response_model=list[OpenConflict])
def conflicts(scan: Identifier, served: Served, person: Somebody) -> Any:
    """List the changes that came later than others of their slice, and wait for a choice."""
    view = view_of(served, scan)
    found = []
    for each in visible_revisions(served, scan, person, open_conflicts(served.project, scan)):
        other = get_revision(served.project, each.conflict or 0)
        found.append({**_entry(view, each), "conflict": other_json(other)})
    return found


@router.post("/conflicts", response_model=Saved)
def resolve(scan: Identifier, body: Resolution, served: Served, person: Somebody) -> Any:
    """Choose between a change and what holds on its slice; either way both are kept."""
    _revision(served, scan, body.revision, person)
    saved = resolve_conflict(served.project, body.revision, keep=body.keep, by=person.id)
    served.watcher.wake()
    return saved_json(saved)


def _revision(served: Context, scan: int, revision: int, person: Person) -> Revision:
    """Return a revision of a scan. Raises NotFoundError, or AccessError if it is too early."""
    found = get_revision(served.project, revision)
    if found.scan_id != scan:
        raise NotFoundError(f"The revision {revision} is not of this scan.")
    if not visible_revisions(served, scan, person, [found]):
        raise too_early()
    return found


def _step(served: Context, scan: int, found: Revision | None) -> dict[str, Any]:
    if found is None:
        return {"revision": None}
    served.watcher.wake()
    axis, index = view_of(served, scan).to_page(found.place)
    return {"revision": found.id, "axis": axis, "index": index}


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
