"""The DICOMweb server through this one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from fewslice.integrations.monai_label.routes import PREFIX, add_monai_label
from fewslice.io.dicomweb.server import DicomWebServer
from fewslice.server.settings import Settings
from tests.support.served_projects import BASE, served_project, with_accounts
from tests.support.web_stub import Reply, as_json, multipart, web_stub

VIEWER = "https://viewer.example"
REPLIES = {
    ("GET", "/studies"): as_json([{"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}]),
    ("GET", "/frames/1"): multipart([b"voxels"]),
    ("GET", "/none"): Reply(404),
    ("POST", "/studies"): as_json({}),
}


@contextmanager
def viewed(folder: Path, *, proxied: bool = True) -> Iterator[tuple[TestClient, list[str]]]:
    """Yield a client of a project behind which a server lies, and what that server was asked."""
    settings = Settings(work=False, tools=PREFIX, origins=(VIEWER,))
    with web_stub(REPLIES) as stub, served_project(folder, settings) as served:
        add_monai_label(served.app, DicomWebServer(stub.url, token="own"), proxied=proxied)  # noqa: S106
        heard: list[str] = []
        client = TestClient(served.app, base_url=BASE + PREFIX)
        client.event_hooks["response"].append(
            lambda _: heard.extend(path for path, _, _ in stub.heard[len(heard) :])
        )
        yield client, heard


def test_ohif_searches_and_reads(tmp_path: Path) -> None:
    with viewed(tmp_path) as (client, heard):
        origin = {"Origin": VIEWER, "Accept": "application/dicom+json"}
        found = client.get("/proxy/dicom/qido/studies?limit=101&offset=0", headers=origin)
        assert found.json()[0]["0020000D"]["Value"] == ["1.2.3"]
        assert found.headers["content-type"] == "application/dicom+json"
        assert found.headers["access-control-allow-origin"] == VIEWER
        plain = client.get("/proxy/dicom/studies")
        assert plain.content == found.content
        frame = client.get("/proxy/dicom/wado/studies/1.2.3/series/4/instances/5/frames/1")
        assert frame.headers["content-type"].startswith("multipart/related;")
        assert b"voxels" in frame.content
        gone = client.get("/proxy/dicom/wado/studies/1.2.3/none")
        assert gone.status_code == 404
        assert "does not have studies/1.2.3/none" in gone.json()["message"]
        assert heard == [
            "/dicom-web/studies",
            "/dicom-web/studies",
            "/dicom-web/studies/1.2.3/series/4/instances/5/frames/1",
            "/dicom-web/studies/1.2.3/none",
        ]


def test_what_is_not_asked_for(tmp_path: Path) -> None:
    with viewed(tmp_path) as (client, heard):
        for path, status in {
            "/proxy/dicom/wado/studies/%2e%2e/%2e%2e/system": 422,
            "/proxy/dicom/wado/http://evil.example/studies": 422,
            "/proxy/dicom/wado//evil.example": 422,
            "/proxy/dicom/stow/studies": 422,
            "/proxy/dicom/": 422,
            "/proxy/other": 404,
        }.items():
            assert client.get(path).status_code == status, path
        for path in ("/proxy/dicom/stow/studies", "/proxy/dicom/studies"):
            stored = client.post(path, content=b"")
            assert stored.status_code == 422
            assert "Nothing is stored" in stored.json()["message"]
        assert heard == []


def test_only_where_it_is_allowed(tmp_path: Path) -> None:
    with viewed(tmp_path, proxied=False) as (client, heard):
        answer = client.get("/proxy/dicom/qido/studies")
        assert answer.status_code == 404
        assert "--proxy" in answer.json()["message"]
        assert heard == []


def test_only_people_of_the_project(tmp_path: Path) -> None:
    settings = Settings(work=False, tools=PREFIX)
    with web_stub(REPLIES) as stub, served_project(tmp_path, settings) as served:
        add_monai_label(served.app, DicomWebServer(stub.url), proxied=True)
        headers = with_accounts(served)["annotator"]
        client = TestClient(served.app, base_url=BASE + PREFIX)
        assert client.get("/proxy/dicom/qido/studies").status_code == 401
        assert stub.heard == []
        assert client.get("/proxy/dicom/qido/studies", headers=headers).status_code == 200
        assert "Authorization" not in stub.heard[0][2]  # who asks us is not told to that server
