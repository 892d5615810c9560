"""Options that say where a DICOMweb server is and who asks; secrets also from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import click

from fewslice.errors import InputError
from fewslice.io.dicomweb.server import DicomWebServer

TOKEN, LOGIN = "FEWSLICE_DICOMWEB_TOKEN", "FEWSLICE_DICOMWEB_LOGIN"

_OPTIONS = (
    click.argument("url"),
    click.option(
        "--header",
        "headers",
        multiple=True,
        metavar="NAME:VALUE",
        help="Header to send, such as the key of a gateway. May be repeated.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=60.0,
        show_default=True,
        help="Seconds of silence after which the server counts as lost.",
    ),
    click.option(
        "--ca-file",
        type=click.Path(exists=True, dir_okay=False),
        help="Certificates to trust (PEM), such as that of your hospital's own authority.",
    ),
    click.option("--no-verify", is_flag=True, help="Do not check the server's certificate."),
)


def takes_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument URL and the options of the connection, and hand it `archive`.

    What is unsafe about the connection is said on standard error.
    """

    def with_server(
        *,
        url: str,
        headers: Sequence[str],
        timeout: float,
        ca_file: str | None,
        no_verify: bool,
        **given: Any,
    ) -> Any:
        server = server_at(
            url,
            headers=parse_headers(headers),
            timeout=timeout,
            ca_file=ca_file,
            verify=not no_verify,
        )
        return command(archive=server, **given)

    with_server.__name__ = command.__name__
    with_server.__doc__ = command.__doc__
    with_server.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    decorated: Callable[..., Any] = with_server
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def server_at(url: str, **connection: Any) -> DicomWebServer:
    """Return a server; who asks comes from the environment, what is unsafe goes to standard error.

    connection: as `DicomWebServer` takes it. Raises InputError.
    """
    server = DicomWebServer(
        url,
        token=os.environ.get(TOKEN) or None,
        login=os.environ.get(LOGIN) or None,
        **connection,
    )
    for remark in server.remarks:
        click.echo(f"fewslice: {remark}", err=True)
    return server


def parse_headers(texts: Sequence[str]) -> dict[str, str]:
    """Parse headers such as 'X-Key: value'. Raises InputError, which does not repeat them."""
    headers = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not (name.strip() and colon and value.strip()):
            raise InputError(
                "A --header cannot be read; write its name, a colon and its value, such as "
                "'X-Api-Key: ...'."
            )
        headers[name.strip()] = value.strip()
    return headers
