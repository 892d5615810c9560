"""nnInteractive's remote protocol over our own scenes: the application, and running it.

Its clients (napari, 3D Slicer, MITK, ITK-SNAP) find here what they find at nnInteractive's server:
the same addresses, headers and status codes. Errors are ``{"detail": sentence}``.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import numpy as np
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from fewslice._version import __version__
from fewslice.errors import FewsliceError, WriteError
from fewslice.integrations.nninteractive import lease_routes, scene_routes
from fewslice.integrations.nninteractive.keys import Keys, KeyWrongError
from fewslice.integrations.nninteractive.leases import (
    AtCapacityError,
    LeaseGoneError,
    Leases,
    LeaseSettings,
)
from fewslice.integrations.nninteractive.scene import Scene
from fewslice.server.run import run_until_ended

_LOG = logging.getLogger("fewslice.server")

PORT = 1527
_SWEEP = 15.0  # seconds between looks for those who pause
_STATUS: dict[type[FewsliceError], int] = {
    LeaseGoneError: 410,
    AtCapacityError: 503,
    KeyWrongError: 401,
    WriteError: 503,
}


def create_app(
    folder: Path, settings: LeaseSettings | None = None, keys: Keys | None = None
) -> FastAPI:
    """Return the application.

    folder: where scenes are kept. keys: who may ask by which key, which clients send as
    ``Authorization: Bearer KEY``; by default everybody.
    """
    leases = Leases(folder, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async def sweep() -> None:
            while True:
                await asyncio.sleep(_SWEEP)
                await run_in_threadpool(leases.sweep)

        task = asyncio.create_task(sweep())
        yield
        task.cancel()

    app = FastAPI(
        title="fewslice for nnInteractive's clients", version=__version__, lifespan=lifespan
    )
    app.state.leases, app.state.keys = leases, keys or Keys()
    app.include_router(lease_routes.router)
    app.include_router(scene_routes.router)
    _add_errors(app)
    return app


def _add_errors(app: FastAPI) -> None:
    def sentence(status: int, error: object) -> JSONResponse:
        return JSONResponse({"detail": " ".join(str(error).split())}, status)

    @app.exception_handler(FewsliceError)
    def ours(_: Request, error: FewsliceError) -> JSONResponse:
        return sentence(_STATUS.get(type(error), 400), error)

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return sentence(
            400, f"The request is not what the protocol asks for: {where}: {first['msg']}."
        )

    @app.exception_handler(HTTPException)
    def unknown(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code != 404:
            return sentence(error.status_code, error.detail)
        return sentence(
            404,
            f"There is nothing at {request.url.path[:100]}; the client may be newer than this "
            f"server, which speaks version {lease_routes.PROTOCOL} of the protocol.",
        )

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return sentence(500, "The server failed; its log says more: please report it.")


def serve(
    listening: socket.socket,
    *,
    keys: Keys,
    folder: Path | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Answer clients until the process is ended.

    folder: where scenes are kept; None for one that is removed at the end. ready: is called once it
    answers.
    """
    Thread(target=warm_up, daemon=True).start()
    with _kept_in(folder) as place:
        run_until_ended(create_app(place, keys=keys), listening, ready=ready)


def warm_up() -> None:
    """Answer a tiny scene, so that the first client does not wait for libraries and weights."""
    array = np.zeros((1, 16, 16, 8), dtype=np.float32)
    array[:, 4:12, 4:12, 2:6] = 1
    scene = Scene(array, None)
    scene.lasso(array[0, :, :, 4:5] > 0, (0, 0, 4), True)
    scene.predict()


@contextmanager
def _kept_in(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        with TemporaryDirectory(prefix="fewslice-scenes-") as temporary:
            yield Path(temporary)
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"{folder} cannot be made ({error.strerror or error}); choose another folder."
        ) from error
    yield folder
