"""Where a DICOMweb server is, who asks, and how long to wait for it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fewslice.errors import InputError, Remark

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient
    from requests import Session

CONNECT_SECONDS = 10.0

_CHUNK = 1_000_000  # bytes read at a time
_LOCAL = ("localhost", "127.0.0.1", "::1")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True)
class Connection:
    """How to speak with a server; `DicomWebServer` says what the fields mean."""

    url: str
    token: str | None = field(default=None, repr=False)
    login: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 60.0
    ca_file: str | None = None
    verify: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", _checked_url(self.url))
        if self.token and self.login:
            raise InputError(
                "Both a token and a login are given for the DICOMweb server; give one of them."
            )
        if self.login and ":" not in self.login:
            raise InputError(
                "The login for the DICOMweb server has no colon; expected user:password."
            )
        for name, value in auth_headers(self).items():
            if not _HEADER_NAME.fullmatch(name) or not _sendable(value):
                raise InputError(
                    "A header, token or login for the DICOMweb server has characters that cannot "
                    "be sent; expected printable text on one line, and a header's name before it."
                )

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a person should know of how safe the connection is."""
        parts = urlsplit(self.url)
        open_ = parts.scheme == "http" and parts.hostname not in _LOCAL
        remarks = []
        if open_ and auth_headers(self):
            remarks.append(
                Remark(
                    "secret-unencrypted",
                    f"{self.url} is not encrypted, so that others on the way can read the token or "
                    "password, and the scans; use https if the server has it.",
                )
            )
        if not self.verify and parts.scheme == "https":
            remarks.append(
                Remark(
                    "certificate-unchecked",
                    f"The certificate of {self.url} is not checked: somebody else may answer in "
                    "its place.",
                )
            )
        return tuple(remarks)


def auth_headers(connection: Connection) -> dict[str, str]:
    """Return what says who asks, and headers of the person's own. Secret."""
    headers = {name: value.strip() for name, value in connection.headers.items()}
    if connection.token:
        headers["Authorization"] = f"Bearer {connection.token.strip()}"
    if connection.login:
        coded = b64encode(connection.login.strip().encode("utf-8")).decode("ascii")
        headers["Authorization"] = f"Basic {coded}"
    return headers


@contextmanager
def client(connection: Connection, chunk: int = _CHUNK) -> Iterator[DICOMwebClient]:
    """Yield a client, and close its connections at the end.

    chunk: bytes that are read at a time, and up to which a body is one piece. Raises InputError if
    the library is not installed.
    """
    session = open_session(connection)
    from dicomweb_client import DICOMwebClient

    made = DICOMwebClient(
        connection.url,
        session=session,
        chunk_size=chunk,
        permissive_uid=True,  # UIDs that break the rules are common; `find` checks what it must
        timeout=(min(CONNECT_SECONDS, connection.timeout), connection.timeout),
    )
    made.host = urlsplit(connection.url).netloc  # it would leave the port out of the header Host
    made.set_http_retry_params(retry=False)  # it would send an empty body the second time
    with session:
        yield made


def open_session(connection: Connection) -> Session:
    """Return a session that says who asks, to be closed by the caller.

    Raises InputError if the libraries are not installed.
    """
    try:
        import dicomweb_client  # noqa: F401 - which brings requests

        from fewslice.io.dicomweb.session import make_session
    except ImportError:
        raise InputError(
            "DICOMweb needs dicomweb-client, which is not installed; install it with: "
            'python -m pip install "fewslice[dicomweb]".'
        ) from None
    verify = (connection.ca_file or True) if connection.verify else False
    return make_session(auth_headers(connection), verify)


def _sendable(value: str) -> bool:
    return value.isascii() and value.isprintable() and bool(value.strip())


def _checked_url(url: str) -> str:
    """Return the address without a slash at its end. Raises InputError."""
    try:
        parts = urlsplit(url.strip())
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise InputError(
            "The address of the DICOMweb server cannot be used; expected one such as "
            "https://pacs.example.org/dicom-web."
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError(
            "The address of the DICOMweb server holds a login or a query; leave them out, and give "
            "a login as FEWSLICE_DICOMWEB_LOGIN=user:password in the environment."
        )
    return url.strip().rstrip("/")
