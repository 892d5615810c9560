"""What no client sends: pages of other sites, damaged files, names that lead elsewhere."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from fewslice.integrations.monai_label.routes import PREFIX
from tests.support.served_projects import BASE, Served

VIEWER = "https://viewer.example"


@pytest.fixture
def origins() -> tuple[str, ...]:
    return (VIEWER,)


@pytest.fixture
def client(served: Served) -> TestClient:
    """A client that sends none of our own headers."""
    return TestClient(served.app, base_url=BASE)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": VIEWER}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_pages_of_other_sites(client: TestClient, headers: dict[str, str], status: int) -> None:
    answer = client.post(f"{PREFIX}/activelearning/queue", json={}, headers=headers)
    assert answer.status_code == status
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    assert allowed == (VIEWER if headers.get("Origin") == VIEWER else None)


def test_a_viewer_of_another_address_is_told_how_to_be_let_in(client: TestClient) -> None:
    headers = {"Origin": "https://other.example"}
    for path, words in (
        (f"{PREFIX}/activelearning/queue", "fewslice serve --origin ADDRESS"),
        ("/api/v1/train", "needs the header X-Fewslice: 1"),
    ):
        answer = client.post(path, json={}, headers=headers)
        assert answer.status_code == 403
        assert words in answer.json()["message"]


def test_our_own_routes_still_need_the_header(client: TestClient, served: Served) -> None:
    assert client.post("/api/v1/train", json={}).status_code == 403
    assert served.post("/train").status_code == 202


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("../../etc/passwd.nii", "passwd.nii"),
        ("C:\\a\\b.nii.gz", "b.nii.gz"),
        ("x.nrrd", "x.nrrd"),
    ],
)
def test_damaged_files_are_called_as_they_were_sent(
    client: TestClient, served: Served, name: str, called: str
) -> None:
    sent = (name, b"no image")
    for answer in (
        client.put(f"{PREFIX}/datastore/image?image=x", files={"file": sent}),
        client.put(f"{PREFIX}/session/", files={"files": sent}),
        client.put(f"{PREFIX}/datastore/label?image=scan", files={"label": sent}),
        client.post(f"{PREFIX}/infer/fewslice?image=new", files={"file": sent}),
        client.post(f"{PREFIX}/infer/fewslice?image=scan", files={"label": sent}),
    ):
        assert answer.status_code == 422
        assert answer.json()["message"].startswith(f"{called} is ")
        assert "fewslice-" not in answer.json()["message"]


def test_slices_of_a_series_are_called_as_they_were_sent(client: TestClient) -> None:
    files = [("files", (f"IM{number}.dcm", b"no image")) for number in (7, 8)]
    answer = client.put(f"{PREFIX}/session/", files=files)
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("IM7.dcm is not a DICOM file")


@pytest.mark.parametrize("path", ["datastore/image?image=", "session/"])
def test_names_that_are_too_long(client: TestClient, served: Served, path: str) -> None:
    content = served.scan.paths[0].read_bytes() + b"\0"  # another scan
    field = "file" if "image" in path else "files"
    answer = client.put(f"{PREFIX}/{path}", files={field: ("n" * 240 + ".nii.gz", content)})
    assert answer.status_code == 422
    assert "takes 240 bytes; expected 200 at most" in answer.json()["message"]


def test_other_kinds_of_files(client: TestClient, served: Served) -> None:
    path = f"{PREFIX}/datastore/label?image={served.scan.name}"
    answer = client.put(path, files={"label": ("run.sh", b"rm")})
    assert answer.status_code == 422
    assert "expected" in answer.json()["message"]


@pytest.mark.parametrize("params", ["{", "[]", "3", "[" * 10_000])
def test_parameters_that_are_none(client: TestClient, served: Served, params: str) -> None:
    path = f"{PREFIX}/infer/fewslice?image={served.scan.name}"
    assert client.post(path, data={"params": params}).status_code == 422


def test_nothing_is_deleted(client: TestClient, served: Served) -> None:
    answer = client.delete(f"{PREFIX}/datastore/image?id={served.scan.name}")
    assert answer.status_code == 422
    assert "never deleted" in answer.json()["message"]


def test_the_page_is_still_there(client: TestClient) -> None:
    assert client.get(f"{PREFIX}/info/").status_code == 200
