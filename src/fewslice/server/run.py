"""Running the server: one for a project, at an address, until it is told to end."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fewslice.errors import InputError, WriteError
from fewslice.project.database import Project
from fewslice.project.people import has_accounts
from fewslice.server.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

LOCK = "serve.lock"
_WAITING = 128  # connections that are not accepted yet
# Seconds an idle connection is kept. Proxies and pages close theirs earlier; were it the other way
# round, a request could be on its way while the server closes.
_KEPT_OPEN = 75
_GRACE = 3  # seconds for answers under way; pages hold a connection open for ever


def _as_it_is(_: FastAPI) -> None:
    """Add nothing to an application."""


def require_accounts(project: Project, settings: Settings) -> None:
    """Raise InputError if others could reach a server on which nobody has to log in."""
    if not settings.loopback and not has_accounts(project):
        raise InputError(
            f"At {settings.host} other computers can reach the server, but the project has no "
            f"accounts; add one first: fewslice project person add {project.directory} NAME "
            "--role admin."
        )


@contextmanager
def only_server(directory: Path) -> Iterator[None]:
    """Be the only server of a project on this computer. Raises InputError if there is another."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    try:
        file = (directory / LOCK).open("a")
    except OSError as error:
        raise WriteError(
            f"The project {directory} cannot be written to ({error.strerror or error}); change its "
            "permissions."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"The project {directory} is served already; end that server first, or open its "
                "page."
            ) from error
        yield


def bound(host: str, port: int) -> socket.socket:
    """Return a socket at an address. Raises InputError if that cannot be had."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(found[0], found[1], found[2])
    except OSError as error:
        raise InputError(f"There is no address {host} on this computer; choose another.") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(found[4])
        made.listen(_WAITING)  # whoever opens the page at once waits, and is not refused
    except OSError as error:
        made.close()
        raise InputError(
            f"The server cannot listen at {host}, port {port} ({error.strerror or error}); choose "
            "another with --port."
        ) from error
    return made


def serve(
    project: Project,
    settings: Settings,
    listening: socket.socket,
    extend: Callable[[FastAPI], None] = _as_it_is,
    *,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve a project until Ctrl-C, or until the system ends the process.

    extend: adds what else the application answers, such as the protocols of other tools. ready: is
    called once the server answers.
    """
    from sse_starlette.sse import AppStatus

    from fewslice.server.app import create_app

    app = create_app(project, settings)
    extend(app)
    # The library would cut streams off; the hub ends them, after which they are complete.
    AppStatus.enable_automatic_graceful_drain = False
    run_until_ended(app, listening, ready=ready, close=app.state.context.hub.close)


def run_until_ended(
    app: FastAPI,
    listening: socket.socket,
    *,
    ready: Callable[[], None],
    close: Callable[[], None] = lambda: None,
) -> None:
    """Run an application until Ctrl-C, or until the system ends the process.

    ready: is called once it answers. close: ends what would go on for ever, such as streams of
    events, before it waits for answers under way.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                ready()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            close()
            await super().shutdown(sockets=sockets)

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEPT_OPEN,
        timeout_graceful_shutdown=_GRACE,
    )
    with suppress(KeyboardInterrupt):  # uvicorn passes Ctrl-C on after it has ended in order
        Server(config).run(sockets=[listening])


def address(host: str, listening: socket.socket) -> str:
    """Return the address of a server that listens at a host."""
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{listening.getsockname()[1]}"
