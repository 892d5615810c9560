"""What stands before every route: whose name the server is called by, how much it is sent, and
what a browser may do with what it answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fewslice.server.settings import Settings, is_loopback

CROSS_SITE = "X-Fewslice"
"""Header of every request that changes something: other sites' pages cannot send it."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_ANSWERED_WITH = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class TooLargeError(Exception):
    """The body of a request is larger than the server takes."""


class Guard:
    """ASGI middleware around the whole application.

    accounts: asked at each request whether people have to log in.
    """

    def __init__(self, app: ASGIApp, settings: Settings, accounts: Callable[[], bool]) -> None:
        self._app, self._settings, self._accounts = app, settings, accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _with_headers(send, api=scope["path"].startswith("/api/"))
        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        if refusal is not None:
            await _refuse(answer, *refusal)
            return
        most = self._settings.largest(scope["path"])
        await self._app(scope, _bounded(receive, most), answer)

    def _refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str] | None:
        """Return status and sentence of a request that is not let in."""
        if not self._known(headers.get("host", "")):
            return 403, (
                "The server does not go by this name; open it by the address that fewslice serve "
                "shows, or name the host with --name."
            )
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            return 400, "Content-Length is not a number; send the request again."
        most = self._settings.largest(path)
        if int(length[:20]) > most:
            return 413, too_large(most)
        if method not in _READS and not (_own(headers) or self._of_a_tool(path, headers)):
            return 403, self._foreign(path, headers)
        return None

    def _foreign(self, path: str, headers: Headers) -> str:
        """Return what is said to a request that a page of another site could have sent."""
        prefix = self._settings.tools
        if prefix and path.startswith(prefix) and headers.get("origin") is not None:
            return (
                "A page of another address asks; if it is a viewer such as OHIF, name its address "
                "when the server is started: fewslice serve --origin ADDRESS."
            )
        return (
            f"A request that changes something needs the header {CROSS_SITE}: 1, so that other "
            "sites' pages cannot send it."
        )

    def _of_a_tool(self, path: str, headers: Headers) -> bool:
        """Whether a request is one of a tool that cannot know our header, and of no foreign page.

        Browsers name the page that a changing request comes from; other programs do not.
        """
        prefix, origin = self._settings.tools, headers.get("origin")
        if not prefix or not path.startswith(prefix):
            return False
        if origin is not None:
            return origin in self._settings.origins
        return headers.get("sec-fetch-site", "none") in ("same-origin", "none")

    def _known(self, host: str) -> bool:
        """Whether the server may be called that: else a foreign name could point at it."""
        name = _without_port(host)
        allowed = {self._settings.host.lower(), *(each.lower() for each in self._settings.names)}
        if name in allowed or is_loopback(name):
            return True
        return self._accounts() and not self._settings.names


def too_large(most: int) -> str:
    """Return the sentence for a body that is larger than the server takes."""
    return (
        f"The request is larger than {most // 1024**2} MB, the most that the "
        "server takes; send single slices."
    )


def _own(headers: Headers) -> bool:
    """Whether a changing request can only come from our own page or from a program."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    bearer = headers.get("authorization", "").lower().startswith("bearer ")
    return bearer or headers.get(CROSS_SITE) == "1"


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0].strip("[").lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


def _bounded(receive: Receive, most: int) -> Receive:
    """Let a body without a Content-Length grow no further than others."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise TooLargeError
        return message

    return counted


def _with_headers(send: Send, *, api: bool) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _ANSWERED_WITH.items():
                headers[name] = value
            if api:
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return answer


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"message": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
