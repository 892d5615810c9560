"""Whether the server works: for whoever watches it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from fewslice._version import __version__
from fewslice.project.settings import project_name
from fewslice.server.context import Served
from fewslice.server.models.base import Health

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Health)
def healthz(served: Served) -> Any:
    """Answer if the server runs and its database can be read."""
    project_name(served.project)
    return {"status": "ok", "version": __version__}
