"""The routes that MONAI Label's plugins ask, each one over what our own page uses as well.

3D Slicer's and OHIF's plugins, and ``monailabel.client``, find models, strategies, images and
labels here. Tokens are our own.
"""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match

from fewslice.integrations.monai_label import (
    datastore_routes,
    download_routes,
    infer_routes,
    info_routes,
    proxy_routes,
    task_routes,
)
from fewslice.integrations.monai_label.archive import Archive
from fewslice.io.dicomweb.server import DicomWebServer

PREFIX = "/monailabel"

_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
_PARTS = (
    *(info_routes, infer_routes, datastore_routes, task_routes),
    *(download_routes, proxy_routes),
)


def add_monai_label(
    app: FastAPI, server: DicomWebServer | None = None, *, proxied: bool = False
) -> None:
    """Let tools ask an application of `fewslice.server` by MONAI Label's protocol.

    server: where series are fetched from that the project does not have, and labels are stored.
    proxied: whether viewers may read that server through this one. The routes come before the page,
    which takes every address that is left.
    """
    app.state.archive = Archive(server, proxied)
    page = [route for route in app.router.routes if getattr(route, "name", "") == "page"]
    for route in page:
        app.router.routes.remove(route)
    app.router.routes.extend(_protocol())
    app.add_api_route(PREFIX, _greeting, include_in_schema=False)
    app.add_api_route(PREFIX + "/{rest:path}", _slash, methods=_METHODS, include_in_schema=False)
    app.router.routes.extend(page)


@cache
def _protocol() -> tuple[BaseRoute, ...]:
    """Return the protocol's routes: worked out once a process, not once an application."""
    router = APIRouter()
    for part in _PARTS:
        router.include_router(part.router, prefix=PREFIX, tags=["MONAI Label"])
    return tuple(router.routes)


def _greeting() -> Response:
    """Answer whoever looks whether a server is there, as 3D Slicer's reviewer does."""
    return PlainTextResponse(
        f"fewslice speaks MONAI Label's protocol here; {PREFIX}/info/ says what there is.\n"
    )


def _slash(request: Request) -> Response:
    """Lead to an address that differs by the slash at its end, as FastAPI does without a page."""
    path = request.scope["path"]
    if path == f"{PREFIX}/":
        return _greeting()
    scope = {**request.scope, "path": _other(path)}
    for route in request.app.router.routes:
        if getattr(route, "endpoint", None) is _slash:
            break
        if route.matches(request.scope)[0] is Match.PARTIAL:
            raise HTTPException(405)
        if route.matches(scope)[0] is Match.FULL:
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(_other(request.url.path) + query, 307)
    raise HTTPException(404)


def _other(path: str) -> str:
    return path.removesuffix("/") if path.endswith("/") else f"{path}/"
