"""What becomes of errors: a status and one sentence, never a traceback."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from fewslice.errors import (
    AccessError,
    ConflictError,
    FewsliceError,
    InputError,
    NotFoundError,
    WriteError,
)
from fewslice.server.models.base import Problem
from fewslice.server.security import TooLargeError, too_large
from fewslice.server.settings import Settings

_LOG = logging.getLogger("fewslice.server")

_STATUS: tuple[tuple[type[FewsliceError], int], ...] = (
    (NotFoundError, 404),
    (ConflictError, 409),
    (AccessError, 403),
    (InputError, 422),
    (WriteError, 503),
    (FewsliceError, 422),
)
_SENTENCES = {
    404: "There is nothing at this address; see /api/v1/openapi.json for what there is.",
    405: "This address does not take such requests; see /api/v1/openapi.json for what it takes.",
}
PROBLEMS: dict[int | str, dict[str, object]] = {
    status: {"model": Problem, "description": words}
    for status, words in {
        400: "The request cannot be understood",
        401: "Nobody is logged in",
        403: "Not allowed",
        404: "There is no such thing",
        409: "Somebody else was first",
        413: "Too large",
        415: "The wrong kind of body",
        422: "The request does not fit",
        429: "Too many logins failed",
        503: "The server cannot do that now",
    }.items()
}
"""Responses of every route, for the OpenAPI description."""


class LoginNeededError(AccessError):
    """Nobody is logged in."""


class BusyError(FewsliceError):
    """The server cannot do that now; trying again helps."""


def answer_problems(app: FastAPI, settings: Settings) -> None:
    """Make the application answer every error with a sentence."""

    def refused(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
        return JSONResponse({"message": sentence}, status, headers)

    async def ours(_: Request, error: Exception) -> Response:
        if isinstance(error, LoginNeededError):
            return refused(401, str(error), {"WWW-Authenticate": "Bearer"})
        if isinstance(error, BusyError):
            return refused(503, str(error), {"Retry-After": "1"})
        if isinstance(error, AccessError) and error.wait > 0:
            return refused(429, str(error), {"Retry-After": str(math.ceil(error.wait))})
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        return refused(status, str(error))

    async def unfitting(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
        return refused(422, _unfitting(error))

    async def plain(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        sentence = _SENTENCES.get(error.status_code, "The request cannot be understood.")
        return refused(error.status_code, sentence, dict(error.headers or {}))

    async def large(request: Request, __: Exception) -> Response:
        return refused(413, too_large(settings.largest(request.url.path)))

    async def unforeseen(request: Request, error: Exception) -> Response:
        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return refused(
            500, "The server failed; what was saved is safe. Its log says more; please report it."
        )

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        FewsliceError: ours,
        RequestValidationError: unfitting,
        HTTPException: plain,
        TooLargeError: large,
        Exception: unforeseen,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _unfitting(error: RequestValidationError) -> str:
    """Return where a request does not fit, in a sentence; what was sent is not repeated."""
    first = error.errors()[0]
    place = " ".join(str(part) for part in first["loc"][1:]) or "the request"
    words = str(first["msg"])
    return f"{place[:100]} does not fit: {words[0].lower()}{words[1:200]}."
