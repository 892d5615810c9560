"""The data set and the model as ZIP files."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from starlette.testclient import TestClient

from fewslice.integrations.monai_label import download_routes
from fewslice.integrations.monai_label.routes import PREFIX
from fewslice.io import read_image, read_labels
from fewslice.project.adding import add_scan
from fewslice.project.scans import change_scan
from fewslice.training import store
from fewslice.workflow.project_support import model_folder
from tests.support.command_line import truth
from tests.support.projects import scan_file
from tests.support.random_models import random_model
from tests.support.served_projects import BASE, Served, with_accounts


@pytest.fixture
def client(served: Served) -> TestClient:
    return TestClient(served.app, base_url=BASE + PREFIX)


def unpacked(body: bytes, folder: Path) -> list[str]:
    with ZipFile(BytesIO(body)) as archive:
        archive.extractall(folder)
        return sorted(archive.namelist())


def test_the_data_set(served: Served, client: TestClient, tmp_path: Path) -> None:
    blank = client.get("/datastore/dataset")
    assert blank.status_code == 404
    assert blank.json()["message"].startswith("Nothing is drawn")

    other = scan_file(tmp_path / "other.nii.gz")
    rows = [add_scan(served.project, other, name=name, by=1) for name in ("blank", "a?", "A!")]
    served.put(served.page(6), index=6)
    for row in rows[1:]:
        path = f"/api/v1/scans/{row.id}/slices/2/6/mark"
        assert served.client.post(path, json={"mark": "absent"}).status_code == 200
    answer = client.get("/datastore/dataset")
    assert answer.headers["content-disposition"] == 'attachment; filename="dataset.zip"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    whole = ["scan", "a_", f"A__{rows[2].id}"]  # the names differ where case does not count
    names = unpacked(answer.content, tmp_path / "whole")
    files = [f"{kind}/{name}.nii.gz" for kind in ("image", "label") for name in whole]
    assert names == sorted([*files, "metadata.json"])
    image = read_image(tmp_path / "whole/image/scan.nii.gz")
    assert np.array_equal(image.array, read_image(served.scan.paths[0]).array)
    labels = read_labels(tmp_path / "whole/label/scan.nii.gz", image).array
    assert np.array_equal(labels[..., 6] == 1, truth()[..., 6] == 1)
    assert np.unique(np.delete(labels, 6, axis=2)).tolist() == [255]  # nobody looked there
    told = json.loads((tmp_path / "whole/metadata.json").read_text())
    assert told["labels"] == {"ball": 1, "cube": 2}
    assert told["not_looked_at"] == 255
    assert told["objects"]["a_"] == {"scan": "a?", "status": "in_progress"}

    first = client.get("/datastore/dataset", params={"limit_cases": 1})
    names = unpacked(first.content, tmp_path / "first")
    assert names == ["image/scan.nii.gz", "label/scan.nii.gz", "metadata.json"]
    assert client.get("/datastore/dataset", params={"limit_cases": -1}).status_code == 422


def test_nothing_is_left_behind(
    served: Served, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    served.put(served.page(6), index=6)
    assert client.get("/datastore/dataset").status_code == 200
    assert list(folder.iterdir()) == []
    served.scan.paths[0].unlink()
    assert client.get("/datastore/dataset").status_code == 422
    assert list(folder.iterdir()) == []


def test_what_others_draw_independently_is_left_out(served: Served) -> None:
    change_scan(served.project, served.scan.id, independent=True)
    served.put(served.page(6), index=6)
    headers = with_accounts(served)
    ask = TestClient(served.app, base_url=BASE + PREFIX)
    assert ask.get("/datastore/dataset").status_code == 401
    assert ask.get("/datastore/dataset", headers=headers["annotator"]).status_code == 404
    assert ask.get("/datastore/dataset", headers=headers["reviewer"]).status_code == 200


def test_the_model_in_use(served: Served, client: TestClient, tmp_path: Path) -> None:
    for path in ("/model/trained", "/model/info/trained"):
        assert client.get(path).json()["message"].startswith("No model of the project is in use")
    assert "no weights of its own" in client.get("/model/fewslice").json()["message"]
    assert client.get("/model/other").json()["message"].startswith("There is no model 'other'")

    folder = model_folder(served.project)
    facts = {"score": 0.75, "before": None, "trained_slices": 12, "trained_scans": 3}
    store.promote(folder, store.save_version(folder, random_model(), facts, [(1, 0.5)]))
    told = client.get("/model/info/trained").json()
    assert told["checksum"] == f"SHA256:{store.model_in_use(folder)[1]}"
    assert told["version"] == "0001"
    answer = client.get("/model/trained")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="trained.zip"'
    unpacked(answer.content, tmp_path / "taken")
    loaded = store.load_model(tmp_path / "taken/trained")
    assert loaded.grid == random_model().grid
    assert client.get("/info/").json()["train_stats"] == {
        "fewslice": {"best_metric": 0.75, "total_time": "-"}
    }


def test_models_are_for_admins_and_never_replaced(served: Served, client: TestClient) -> None:
    sent = client.put("/model/trained", files={"file": ("model.pt", b"x")})
    for answer in (sent, client.delete("/model/trained")):
        assert answer.status_code == 422
        assert "not replaced from outside" in answer.json()["message"]
    headers = with_accounts(served)
    assert client.get("/model/trained", headers=headers["annotator"]).status_code == 403
    assert client.get("/model/trained", headers=headers["admin"]).status_code == 404


def test_a_file_larger_than_one_piece(
    served: Served, client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(download_routes, "_CHUNK", 100)
    served.put(served.page(6), index=6)
    assert len(unpacked(client.get("/datastore/dataset").content, tmp_path / "all")) == 3
