"""What the routes share: the project, how the server is run, its events and its workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from fewslice.project.database import Project
from fewslice.server.advice import Advice
from fewslice.server.events import Hub
from fewslice.server.images import ImageCache
from fewslice.server.previews import Answers, Previews
from fewslice.server.relay import Relay
from fewslice.server.settings import Settings
from fewslice.server.watcher import Watcher
from fewslice.server.workers import Workers


@dataclass(frozen=True, eq=False)
class Context:
    """What one server holds."""

    project: Project
    settings: Settings
    hub: Hub
    images: ImageCache
    previews: Previews
    answers: Answers
    advice: Advice
    relay: Relay
    watcher: Watcher
    workers: Workers


def _context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


Served = Annotated[Context, Depends(_context)]
"""A parameter of a route that receives the context."""
