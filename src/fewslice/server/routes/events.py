"""Server-sent events: what happens, as it happens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

from fewslice.project.people import ANNOTATOR, Person
from fewslice.server.auth import Somebody
from fewslice.server.context import Context, Served
from fewslice.server.events import Event

router = APIRouter(tags=["events"])

_PING = 15  # seconds


@router.get(
    "/events",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(
    served: Served,
    person: Somebody,
    last_event_id: Annotated[str, Header(max_length=100)] = "",
) -> EventSourceResponse:
    """Tell what happens: `job` (progress), `slices` (parts of an answer under way), `answer`,
    `saved`, `status`, `lease`, `structures`, `training`. With Last-Event-ID it goes on there;
    `reset` says that events were missed, and that everything has to be asked for again.
    """
    return EventSourceResponse(_stream(served, person, last_event_id), ping=_PING)


async def _stream(served: Context, person: Person, last: str) -> AsyncIterator[ServerSentEvent]:
    hub = served.hub
    after = hub.after(last) if last else hub.last
    if after is None:
        start = hub.reset()
        after = start.number
        yield _sent(hub.identifier(start), start.kind, start.data)
    async for event in hub.listen(after):
        if may_hear(event, person.id, person.role):
            yield _sent(hub.identifier(event), event.kind, event.data)


def may_hear(event: Event, person: int, role: str) -> bool:
    """Whether somebody may hear of an event: not of what another one annotates independently."""
    return event.annotator in (None, person) or role != ANNOTATOR


def _sent(identifier: str, kind: str, data: Any) -> ServerSentEvent:
    text = json.dumps(dict(data), ensure_ascii=False, allow_nan=False)
    return ServerSentEvent(data=text, event=kind, id=identifier)
