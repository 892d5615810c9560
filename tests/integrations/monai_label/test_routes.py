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


def test_our_own_routes_still_need_the_header(client: TestClient, served: Served) -> None:
    assert client.post("/api/v1/train", json={}).status_code == 403
    assert served.post("/train").status_code == 202


@pytest.mark.parametrize("name", ["../../etc/passwd.nii", "a\\b.nii.gz", "x.nii.gz"])
def test_damaged_files(client: TestClient, name: str) -> None:
    answer = client.put(f"{PREFIX}/datastore/image?image=x", files={"file": (name, b"no image")})
    assert answer.status_code == 422
    assert "\n" not in answer.json()["message"]


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
