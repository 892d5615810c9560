"""What people draw: one slice at a time, acknowledged once it is on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import Response

from fewslice.errors import InputError
from fewslice.project.drawings import blame
from fewslice.project.revisions import slice_head
from fewslice.project.saving import save_revision
from fewslice.server.arrays import MEDIA_TYPE, unpack
from fewslice.server.auth import Somebody
from fewslice.server.context import Served
from fewslice.server.models.base import Identifier
from fewslice.server.models.slices import DrawnSlice, Mark, Saved
from fewslice.server.routes.slice_access import (
    ARRAY_RESPONSE,
    Annotator,
    Asked,
    annotator_meant,
    saved_json,
    slice_response,
    view_of,
)

router = APIRouter(prefix="/scans/{scan}", tags=["slices"])

_ARRAY_BODY = {
    "requestBody": {
        "required": True,
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@dataclass(frozen=True)
class Stroke:
    """How a slice came to be as it is sent. parent: the head that the person had seen."""

    action: str
    parent: int | None
    tool: str
    seconds: float
    key: str | None


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
    view, mine = view_of(served, scan), annotator_meant(served, scan, person, annotator)
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
    mine = annotator_meant(served, asked.scan, person, annotator)
    head = slice_head(served.project, asked.scan, asked.place, mine)
    axis, index = asked.view.to_page(asked.place)
    nothing = f"Nothing is drawn on slice {index} across axis {axis}."
    return slice_response(served, asked.view, head, nothing)


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
    return saved_json(saved)


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
    return saved_json(saved)
