"""Requests of a viewer handed on: to that server only, reading only, and DICOM only."""

from __future__ import annotations

import gzip

import pytest

from fewslice.errors import InputError, NotFoundError, ServerError
from fewslice.io.dicomweb import relay as module
from fewslice.io.dicomweb.connection import Connection
from fewslice.io.dicomweb.relay import relay
from tests.support.web_stub import BOUNDARY, Reply, as_json, multipart, web_stub

STUDIES = ("GET", "/studies")
FRAME = ("GET", "/frames/1,2")


def test_a_search_is_handed_on_with_what_says_who_asks() -> None:
    with web_stub({STUDIES: as_json([{"0020000D": {"vr": "UI"}}])}) as stub:
        web = Connection(stub.url, token="secret")  # noqa: S106 - of a server in this test
        found = relay(web, "studies", [("limit", "2"), ("00100010", "A&B*")], "application/json")
        assert (found.status, found.media_type) == (200, "application/dicom+json")
        assert b"".join(found.body) == b'[{"0020000D": {"vr": "UI"}}]'
        ((path, query, headers),) = stub.heard
        assert path == "/dicom-web/studies"
        assert query == {"limit": ["2"], "00100010": ["A&B*"]}
        assert headers["Authorization"] == "Bearer secret"
        assert headers["Accept"] == "application/json"


def test_frames_keep_their_boundary() -> None:
    with web_stub({FRAME: multipart([b"one", b"two"])}) as stub:
        found = relay(Connection(stub.url), "studies/1.2/series/3.4/instances/5.6/frames/1,2")
        assert found.media_type.endswith(f"boundary={BOUNDARY}")
        assert b"two" in b"".join(found.body)


def test_what_was_compressed_on_the_way_is_not_any_more() -> None:
    headers = {"Content-Type": "application/dicom+json", "Content-Encoding": "gzip"}
    with web_stub({STUDIES: Reply(200, gzip.compress(b"[]"), headers)}) as stub:
        assert b"".join(relay(Connection(stub.url), "studies").body) == b"[]"


def test_nothing_found_has_no_body() -> None:
    with web_stub({STUDIES: Reply(204)}) as stub:
        found = relay(Connection(stub.url), "studies")
        assert (found.status, found.media_type, b"".join(found.body)) == (204, "", b"")


@pytest.mark.parametrize(
    "resource",
    [
        "",
        "/studies",
        "studies/",
        "studies/../../system",
        "studies/.hidden",
        "studies//1.2",
        "studies/1.2?x=1",
        "studies/1.2#x",
        "studies/%2e%2e",
        "studies/1.2\\..",
        "studies/1\r\nHost: evil",
        "//evil.example/studies",
        "http://evil.example/studies",
        "@evil.example/studies",
        "instancesX",
        "system",
    ],
)
def test_what_is_no_resource(resource: str) -> None:
    with pytest.raises(InputError, match="no resource of DICOMweb"):
        relay(Connection("http://127.0.0.1:9/dicom-web"), resource)


def test_a_redirect_is_not_followed() -> None:
    with web_stub({STUDIES: as_json([])}) as other:
        moved = Reply(302, b"", {"Location": f"{other.url}/studies"})
        with web_stub({STUDIES: moved}) as stub:
            with pytest.raises(ServerError, match="points elsewhere"):
                relay(Connection(stub.url), "studies")
            assert other.heard == []


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/xhtml+xml", ""])
def test_pages_are_not_handed_on(kind: str) -> None:
    reply = Reply(200, b"<script>", {"Content-Type": kind})
    with web_stub({STUDIES: reply}) as stub, pytest.raises(ServerError, match="with no DICOM"):
        relay(Connection(stub.url), "studies")


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (404, NotFoundError, "does not have studies"),
        (401, ServerError, "asks who you are"),
        (500, ServerError, "failed"),
    ],
)
def test_refusals(status: int, kind: type[Exception], said: str) -> None:
    with web_stub({STUDIES: Reply(status)}) as stub, pytest.raises(kind, match=said):
        relay(Connection(stub.url), "studies")


def test_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    kind = {"Content-Type": "application/dicom"}
    whole = Reply(200, bytes(1001), kind)
    with web_stub({STUDIES: whole}) as stub, pytest.raises(ServerError, match="not handed on"):
        relay(Connection(stub.url), "studies")
    packed = Reply(200, gzip.compress(bytes(1001)), kind | {"Content-Encoding": "gzip"})
    with web_stub({STUDIES: packed}) as stub:
        found = relay(Connection(stub.url), "studies")
        with pytest.raises(ServerError, match="not handed on"):
            list(found.body)


def test_an_answer_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_SECONDS", -1.0)
    with web_stub({STUDIES: as_json([])}) as stub:
        found = relay(Connection(stub.url), "studies")
        with pytest.raises(ServerError, match="took longer"):
            list(found.body)


def test_an_answer_that_breaks_off() -> None:
    reply = Reply(200, bytes(100), {"Content-Type": "application/dicom"}, cut=50)
    with web_stub({STUDIES: reply}) as stub:
        found = relay(Connection(stub.url), "studies")
        with pytest.raises(ServerError, match="broke off"):
            list(found.body)


def test_a_server_that_is_silent() -> None:
    with web_stub({}) as stub, pytest.raises(ServerError, match="said nothing"):
        relay(Connection(stub.url, timeout=0.2), "studies")
