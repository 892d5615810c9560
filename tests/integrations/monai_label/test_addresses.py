"""Addresses: the bare one, slashes at the end, what is refused, and names beyond ASCII."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from fewslice.integrations.monai_label.replies import attached
from fewslice.integrations.monai_label.routes import PREFIX
from fewslice.project import jobs
from fewslice.project.adding import add_scan
from fewslice.server.work_kinds import TRAIN
from tests.support.served_projects import BASE, Served

VIEWER = "https://viewer.example"


@pytest.fixture
def origins() -> tuple[str, ...]:
    return (VIEWER,)


@pytest.fixture
def client(served: Served) -> TestClient:
    return TestClient(served.app, base_url=BASE)


@pytest.mark.parametrize("path", [PREFIX, f"{PREFIX}/"])
def test_3d_slicers_reviewer_looks_whether_a_server_is_there(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "fewslice" in answer.text


def test_a_slash_too_few_or_too_many(client: TestClient, served: Served) -> None:
    answer = client.get(f"{PREFIX}/datastore?output=all", follow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["location"] == f"{PREFIX}/datastore/?output=all"
    assert client.get(f"{PREFIX}/info").json()["name"] == "fewslice"
    assert client.get(f"{PREFIX}/train").json() == {}
    assert client.delete(f"{PREFIX}/batch/infer/").json() == {}
    info = client.get(f"{PREFIX}/datastore/image/info/", params={"image": served.scan.name})
    assert info.json()["name"] == "scan.nii.gz"
    label = client.get(f"{PREFIX}/datastore/label/", params={"label": "sc%20n é"})
    assert "There is no scan 'sc%20n é'" in label.json()["message"]  # the query is kept as it was


def test_what_is_at_no_address(client: TestClient, served: Served) -> None:
    assert client.get(f"{PREFIX}/nothing").status_code == 404
    wrong = client.post(f"{PREFIX}/info/")
    assert wrong.status_code == 405
    assert "does not take such requests" in wrong.json()["message"]
    assert served.get("/project").status_code == 200  # our own addresses are as they were


@pytest.mark.parametrize("path", ["/infer/wsi/tumor", "/infer/wsi_v2/tumor"])
def test_pathology(client: TestClient, path: str) -> None:
    answer = client.post(PREFIX + path, json={"level": 0})
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("Whole slide images")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.nii.gz", 'attachment; filename="a b.nii.gz"'),
        ("肝.zip", "attachment; filename*=UTF-8''%E8%82%9D.zip"),
        ("é.zip", "attachment; filename*=UTF-8''%C3%A9.zip"),
    ],
)
def test_names_in_headers(name: str, header: str) -> None:
    assert attached(name) == {"Content-Disposition": header}


def test_a_scan_named_beyond_ascii(client: TestClient, served: Served) -> None:
    add_scan(served.project, served.scan.paths[0], name="肝臓 1", by=1)
    answer = client.get(f"{PREFIX}/datastore/image?image={quote('肝臓 1')}")
    assert answer.status_code == 200
    assert quote("肝臓_1.nii.gz") in answer.headers["content-disposition"]


def test_a_windows_path_is_no_name(client: TestClient, served: Served) -> None:
    body = served.scan.paths[0].read_bytes()
    files = {"file": ("C:\\Users\\me\\left knee.nii.gz", body)}
    assert client.put(f"{PREFIX}/datastore/image", files=files).json() == {"image": "left knee"}


def test_a_training_that_is_stopped_says_something(client: TestClient, served: Served) -> None:
    jobs.enqueue(served.project, TRAIN, by=1)
    running = client.get(f"{PREFIX}/info/").json()["train_stats"]["fewslice"]
    assert running == {"epoch": 0, "total_epochs": 100}
    stopped = client.delete(f"{PREFIX}/train/").json()
    # 3D Slicer: status.get("result", status.get("details", [])[-1])
    assert stopped["details"][-1] == "It was given up."
    assert client.get(f"{PREFIX}/info/").json()["train_stats"] == {}


def test_labels_are_promised_once_there_is_something_to_go_by(
    client: TestClient, served: Served
) -> None:
    def of_models(**headers: str) -> list[dict[str, int]]:
        told = client.get(f"{PREFIX}/info/", headers=headers).json()["models"]
        return [each["labels"] for each in told.values()]

    assert of_models() == [{}, {}, {}]  # else 3D Slicer asks at once, and shows a failure
    assert of_models(Origin=VIEWER) == [{"ball": 1, "cube": 2}] * 3
    served.put(served.page(6), index=6)
    assert of_models() == [{"ball": 1, "cube": 2}] * 3


def test_a_scan_and_a_model_have_to_be_named(client: TestClient) -> None:
    unnamed = client.post(f"{PREFIX}/infer/fewslice")
    assert unnamed.status_code == 422
    assert "No scan is named" in unnamed.json()["message"]
    unknown = client.post(f"{PREFIX}/train/deepedit", json={})
    assert unknown.status_code == 404
    assert "train 'fewslice'" in unknown.json()["message"]
    assert client.post(f"{PREFIX}/train/fewslice", json={}).json()["status"] == "RUNNING"
