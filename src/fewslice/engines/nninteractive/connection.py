"""A session on a server through nnInteractive's own client, and its errors as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fewslice.errors import InputError, ServerError


@contextmanager
def connected(server: str, timeout: float) -> Iterator[Any]:
    """Give a session on a server, and let it go afterwards.

    server: its address, with http:// or https://. timeout: seconds that one answer may take. A key
    that the server wants is read from NN_INTERACTIVE_API_KEY by the client. Raises InputError if
    the client is not installed or the address is none, ServerError for all else that fails, also
    while the session is in use.
    """
    try:
        import httpx
        from nnInteractive.inference.remote import (
            ServerAtCapacityError,
            SessionExpiredError,
            nnInteractiveRemoteInferenceSession,
        )
    except ImportError as error:
        raise InputError(
            "The engine nninteractive needs nnInteractive's client, which is not installed; run "
            'pip install "fewslice[nninteractive]".'
        ) from error
    _require_address(server)
    try:
        with _opened(nnInteractiveRemoteInferenceSession, server, timeout) as session:
            yield session
    except httpx.TimeoutException as error:
        raise ServerError(
            f"The server {server} did not answer in time ({type(error).__name__}); see whether it "
            "is busy, and ask again."
        ) from error
    except httpx.TransportError as error:
        raise ServerError(
            f"No server answers at {server} ({error}); start one, such as fewslice serve "
            "--nninteractive, or give another address."
        ) from error
    except httpx.HTTPStatusError as error:
        raise ServerError(_refusal(server, error.response)) from error
    except (ServerAtCapacityError, SessionExpiredError) as error:
        raise ServerError(f"The server {server} gives no session ({error}); ask again.") from error


def _opened(client: Any, server: str, timeout: float) -> Any:
    """Return a session that takes what we send."""
    session = client.__new__(client)
    try:
        session.__init__(server, read_timeout=timeout)
    except BaseException as error:
        # The client's own clean-up leaves its connection open if it did not come this far.
        if hasattr(session, "_http"):
            session._http.close()
        if not isinstance(error, (KeyError, ValueError, TypeError, AttributeError)):
            raise
        # What answers is not what the client expects: a page, say, or another version.
        raise ServerError(
            f"What answers at {server} is no nnInteractive server of this protocol "
            f"({type(error).__name__}); check the address and the server's version."
        ) from error
    if not session.supported_interactions.get("lasso", False):
        session.close()
        raise ServerError(
            f"The server {server} takes no lassos, which drawn slices are sent as; update it, or "
            "choose another."
        )
    return session


def _require_address(server: str) -> None:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(server)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise InputError(
            f"{server!r} is no address of a server; write it like http://127.0.0.1:1527."
        )


def _refusal(server: str, response: Any) -> str:
    if response.status_code in {401, 403}:
        return (
            f"The server {server} wants a key ({response.status_code}); put it into the "
            "environment variable NN_INTERACTIVE_API_KEY."
        )
    if response.status_code == 404:
        return (
            f"What answers at {server} is no nnInteractive server (404 for "
            f"{response.request.url.path}); check the address and the port."
        )
    return (
        f"The server {server} refused {response.request.url.path} with {response.status_code} "
        f"({' '.join(response.text.split())[:200]})."
    )
