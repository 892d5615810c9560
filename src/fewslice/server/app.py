"""The application: routes, the page, and what starts and stops with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles

from fewslice._version import __version__
from fewslice.project.database import Project
from fewslice.project.people import has_accounts
from fewslice.server.advice import Advice
from fewslice.server.context import Context
from fewslice.server.events import Hub
from fewslice.server.images import CACHE, ImageCache
from fewslice.server.previews import Answers, Previews
from fewslice.server.problems import PROBLEMS, answer_problems
from fewslice.server.relay import Relay
from fewslice.server.routes import (
    agreement,
    answers,
    events,
    health,
    project,
    revisions,
    scans,
    session,
    slices,
    work,
)
from fewslice.server.security import Guard
from fewslice.server.settings import Settings
from fewslice.server.watcher import Watcher
from fewslice.server.workers import Workers

API = "/api/v1"
PAGE = Path(__file__).parent / "page"

_ROUTES = (session, project, scans, slices, revisions, answers, work, agreement, events, health)


def create_app(served_project: Project, settings: Settings | None = None) -> FastAPI:
    """Return the application that serves a project.

    Parameters
    ----------
    served_project
        From `fewslice.project.opening.open_project`.
    settings
        How it is run; by default for this computer alone.
    """
    settings = settings or Settings()
    context = _context(served_project, settings)
    app = FastAPI(
        title="fewslice annotation server",
        version=__version__,
        lifespan=_lifespan(context),
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
    )
    app.state.context = context
    app.router.routes.extend(_api())
    answer_problems(app, settings)
    if PAGE.is_dir():
        app.mount("/", StaticFiles(directory=PAGE, html=True), name="page")
    if settings.origins:  # viewers in the browser, for the protocols of tools
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.add_middleware(Guard, settings=settings, accounts=lambda: has_accounts(served_project))
    return app


@cache
def _api() -> tuple[BaseRoute, ...]:
    """Return the routes of the API: worked out once a process, not once an application."""
    router = APIRouter()
    for module in _ROUTES:
        router.include_router(module.router, prefix=API, responses=PROBLEMS)
    return tuple(router.routes)


def _context(served_project: Project, settings: Settings) -> Context:
    hub, previews, answered, advice = Hub(), Previews(), Answers(), Advice()
    relay = Relay(served_project, hub, (previews, answered), advice)
    watcher = Watcher(served_project, relay)
    workers = Workers(
        served_project, lambda message: relay.heard(message, watcher.wake), enabled=settings.work
    )
    images = ImageCache(served_project.directory / CACHE)
    return Context(
        served_project,
        settings,
        hub,
        images,
        previews,
        answered,
        advice,
        relay,
        watcher,
        workers,
    )


def _lifespan(context: Context) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def run(_: FastAPI) -> AsyncIterator[None]:
        context.watcher.start()
        await run_in_threadpool(context.workers.start)
        try:
            yield
        finally:
            context.hub.close()
            await run_in_threadpool(context.workers.stop)
            await run_in_threadpool(context.watcher.stop)

    return run
