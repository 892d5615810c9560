"""A request of somebody else's, such as a viewer, handed on to a server: read only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from fewslice.errors import InputError, NotFoundError, ServerError
from fewslice.io.dicomweb.connection import CONNECT_SECONDS, Connection, open_session
from fewslice.io.dicomweb.failures import failures_named

MOST_BYTES = 2 * 1024**3
"""The largest answer that is handed on."""

_MOST_SECONDS = 600.0  # for one answer, however little comes at a time
_CHUNK = 1_000_000  # bytes
_RESOURCE = re.compile(r"(studies|series|instances)(/[A-Za-z0-9][A-Za-z0-9._,-]*)*")
_TYPES = ("application/dicom", "application/json", "application/octet-stream")
_FAMILIES = ("application/dicom+", "multipart/related", "image/", "video/")


@dataclass(frozen=True)
class Relayed:
    """What a server answered. body: its pieces, decompressed; to be read to the end or closed."""

    status: int
    media_type: str
    body: Iterator[bytes]


def relay(
    connection: Connection,
    resource: str,
    query: Sequence[tuple[str, str]] = (),
    accept: str = "*/*",
) -> Relayed:
    """Ask a server for what DICOMweb has below its address (QIDO-RS, WADO-RS).

    Parameters
    ----------
    connection
        The server. Nothing else is asked: redirects are not followed, and the resource cannot
        lead elsewhere.
    resource
        Such as ``studies/1.2.3/series``.
    query
        Names and values, such as of a search.
    accept
        The media types that are wanted.

    Raises
    ------
    InputError
        If the resource is none of DICOMweb.
    NotFoundError
        If the server does not have it.
    ServerError
        If the server cannot be reached, refuses, or answers something that is no DICOM. Also while
        the body is read, if it breaks off or is larger than `MOST_BYTES`.
    """
    if not _RESOURCE.fullmatch(resource):
        raise InputError(
            "This is no resource of DICOMweb; ask for one such as studies/UID/series/UID/metadata."
        )
    session = open_session(connection)
    try:
        return _asked(connection, session, (resource, tuple(query), accept))
    except BaseException:
        session.close()
        raise


def _asked(
    connection: Connection, session: Any, asked: tuple[str, tuple[tuple[str, str], ...], str]
) -> Relayed:
    resource, query, accept = asked
    wait = (min(CONNECT_SECONDS, connection.timeout), connection.timeout)
    with failures_named(connection):
        response = session.get(
            f"{connection.url}/{resource}",
            params=query,
            headers={"Accept": accept},
            stream=True,
            timeout=wait,
        )
        if response.status_code != 404:
            response.raise_for_status()
    if response.status_code == 404:
        raise NotFoundError(f"{connection.url} does not have {resource}.")
    media_type = str(response.headers.get("Content-Type", ""))
    length = str(response.headers.get("Content-Length", ""))
    if response.status_code != 204 and not _is_dicom(media_type):
        raise ServerError(f"{connection.url} answers, but with no DICOM; it is not handed on.")
    if length.isdecimal() and int(length[:20]) > MOST_BYTES:
        raise _too_large(connection)
    body = _pieces(connection, session, response)
    return Relayed(response.status_code, media_type, body)


def _pieces(connection: Connection, session: Any, response: Any) -> Iterator[bytes]:
    seen, end = 0, monotonic() + _MOST_SECONDS
    with session, failures_named(connection):
        for piece in response.iter_content(_CHUNK):
            seen += len(piece)
            if seen > MOST_BYTES:
                raise _too_large(connection)
            if monotonic() > end:
                raise ServerError(f"{connection.url} took longer than {_MOST_SECONDS:g} s.")
            yield piece


def _is_dicom(media_type: str) -> bool:
    """Whether it is what DICOMweb sends; a page, which a browser would run as ours, is not."""
    kind = media_type.partition(";")[0].strip().lower()
    return kind != "image/svg+xml" and (kind in _TYPES or kind.startswith(_FAMILIES))


def _too_large(connection: Connection) -> ServerError:
    return ServerError(
        f"{connection.url} answers with more than {MOST_BYTES // 1024**3} GB, which is not handed "
        "on; ask for single instances."
    )
