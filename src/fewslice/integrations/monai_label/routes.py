"""The routes that MONAI Label's plugins ask, each one over what our own page uses as well.

3D Slicer's and OHIF's plugins, and ``monailabel.client``, find models, strategies, images and
labels here. Tokens are our own.
"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from fewslice.integrations.monai_label import (
    datastore_routes,
    infer_routes,
    info_routes,
    task_routes,
)
from fewslice.integrations.monai_label.archive import Archive
from fewslice.io.dicomweb.server import DicomWebServer

PREFIX = "/monailabel"

_PARTS = (info_routes, infer_routes, datastore_routes, task_routes)


def add_monai_label(app: FastAPI, server: DicomWebServer | None = None) -> None:
    """Let tools ask an application of `fewslice.server` by MONAI Label's protocol.

    server: where series are fetched from that the project does not have, and labels are stored.
    The routes come before the page, which takes every address that is left.
    """
    app.state.archive = Archive(server)
    page = [route for route in app.router.routes if getattr(route, "name", "") == "page"]
    for route in page:
        app.router.routes.remove(route)
    router = APIRouter(prefix=PREFIX, tags=["MONAI Label"])
    for part in _PARTS:
        router.include_router(part.router)
    app.include_router(router)
    app.router.routes.extend(page)
