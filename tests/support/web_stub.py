"""A small web server that answers as it is told, for what no real server does on demand."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

BOUNDARY = "a-boundary"


@dataclass(frozen=True)
class Reply:
    """What to answer. cut: close the connection before the last bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0


@dataclass
class Stub:
    """A running server. replies: by method and the end of the path; heard: what was asked."""

    url: str
    replies: dict[tuple[str, str], Reply]
    heard: list[tuple[str, dict[str, list[str]], dict[str, str]]] = field(default_factory=list)
    hold: Event = field(default_factory=Event)


def as_json(what: object, status: int = 200) -> Reply:
    body = json.dumps(what).encode("utf-8")
    return Reply(status, body, {"Content-Type": "application/dicom+json"})


def entry(**values: Any) -> dict[str, Any]:
    """Return an entry of a search by keyword, in DICOM's JSON."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    return {
        f"{tag_for_keyword(name):08X}": {
            "vr": dictionary_VR(name),
            "Value": value if isinstance(value, list) else [value],
        }
        for name, value in values.items()
    }


def multipart(parts: Sequence[bytes]) -> Reply:
    head = b"--" + BOUNDARY.encode() + b"\r\nContent-Type: application/dicom\r\n\r\n"
    body = b"".join(head + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--".encode()
    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    return Reply(200, body, {"Content-Type": kind})


@contextmanager
def web_stub(
    replies: Mapping[tuple[str, str], Reply], certificate: str | None = None
) -> Iterator[Stub]:
    """Serve replies on this computer. certificate: PEM file of a key and certificate, for TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer("POST")

        def _answer(self, method: str) -> None:
            parts = urlsplit(self.path)
            stub.heard.append((parts.path, parse_qs(parts.query), dict(self.headers)))
            ends = (
                end for kind, end in stub.replies if kind == method and parts.path.endswith(end)
            )
            end = next(ends, None)
            if end is None:
                stub.hold.wait(10)  # silence
                return
            reply = stub.replies[method, end]
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) - reply.cut])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        stub = Stub(f"{scheme}://127.0.0.1:{server.server_port}/dicom-web", dict(replies))
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield stub
        finally:
            stub.hold.set()
            server.shutdown()
            thread.join(10)
