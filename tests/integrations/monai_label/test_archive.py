"""OHIF before a DICOMweb server: scans by the UID of their series, labels stored as DICOM SEG.

Skipped without Orthanc (make orthanc).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid
from starlette.testclient import TestClient

from fewslice.integrations.monai_label.routes import PREFIX, add_monai_label
from fewslice.io import read_image, read_labels
from fewslice.project.adding import add_scan
from fewslice.project.drawings import drawing
from fewslice.project.people import add_person
from fewslice.project.scans import list_scans
from fewslice.server.app import create_app
from fewslice.server.settings import Settings
from tests.support.dicom_results import ORIENTATIONS, SHAPE, write_oriented
from tests.support.new_projects import new_project
from tests.support.orthanc import Orthanc
from tests.support.projects import STRUCTURES
from tests.support.served_projects import BASE, Served, working

pytestmark = pytest.mark.slow
NAMES = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")


@pytest.fixture
def stored(orthanc: Orthanc, tmp_path: Path) -> dict[str, str]:
    """A new series on the server, by its UIDs."""
    identity = {name: str(generate_uid()) for name in NAMES}
    write_oriented(tmp_path / "own", ORIENTATIONS["axial"], False, **identity)
    for file in (tmp_path / "own").iterdir():
        dataset = dcmread(file)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(file)
    assert len(orthanc.server.store([tmp_path / "own"]).stored) == SHAPE[2]
    return identity


@pytest.fixture
def client(orthanc: Orthanc, tmp_path: Path) -> Iterator[TestClient]:
    project = new_project(tmp_path / "project", name="Balls", structures=STRUCTURES)
    add_person(project, "local", None, "admin")
    app = create_app(project, Settings(work=False, tools=PREFIX))
    add_monai_label(app, orthanc.server, proxied=True)
    with TestClient(app, base_url=BASE + PREFIX) as found:
        yield found
    project.engine.dispose()


def test_a_series_is_fetched_and_its_label_stored(
    orthanc: Orthanc, stored: dict[str, str], client: TestClient, tmp_path: Path
) -> None:
    project = client.app.state.context.project  # type: ignore[attr-defined]
    uid, study = stored["SeriesInstanceUID"], stored["StudyInstanceUID"]
    told = client.get("/datastore/image/info", params={"image": uid}).json()
    assert told["SeriesInstanceUID"] == uid
    assert told["StudyInstanceUID"] == study
    (row,) = list_scans(project)
    assert row.name == uid
    assert list(client.get("/datastore/", params={"output": "all"}).json()["objects"]) == [uid]
    assert client.post("/activelearning/queue", json={}).json()["StudyInstanceUID"] == study

    labels = np.zeros(row.shape, np.uint16)
    labels[1:4, 2:5, 2] = 2
    saved = client.put(
        "/datastore/label",
        params={"image": uid},
        data={"params": json.dumps({"label_info": [{"SegmentLabel": "cube", "labelID": 2}]})},
        files={"label": ("label.bin", labels.tobytes(order="F"))},
    )
    assert saved.json() == {"image": uid, "label": uid}
    (drawn,) = drawing(project, row.id).drawing.slices
    assert drawn.place == (2, 2)

    seg = orthanc.server.find(study, modalities=("SEG",))
    orthanc.server.fetch(seg, tmp_path / "seg")
    back = read_labels(next((tmp_path / "seg").iterdir()), read_image(row.paths[0]))
    assert np.array_equal(back.array, labels)
    assert back.names == {2: "cube"}

    context = client.app.state.context  # type: ignore[attr-defined]
    with working(Served(project, client.app, client, row)):  # type: ignore[arg-type]
        reply = client.post("/infer/interpolation", params={"image": uid, "output": "dicom_seg"})
    assert context.project is project
    assert reply.headers["content-type"] == "application/dicom"
    (tmp_path / "answer.dcm").write_bytes(reply.content)
    answer = read_labels(tmp_path / "answer.dcm", read_image(row.paths[0]))
    assert np.array_equal(answer.array[..., 2], labels[..., 2])


def test_a_series_that_was_added_under_a_name(
    stored: dict[str, str], client: TestClient, tmp_path: Path
) -> None:
    project = client.app.state.context.project  # type: ignore[attr-defined]
    add_scan(project, tmp_path / "own", name="first", by=1)
    told = client.get("/datastore/image/info", params={"image": stored["SeriesInstanceUID"]})
    assert told.json()["name"] == "first.nii.gz"
    assert len(list_scans(project)) == 1


def test_a_series_that_nobody_has(client: TestClient) -> None:
    answer = client.get("/datastore/image/info", params={"image": "1.2.3.4"})
    assert answer.status_code == 404
    assert "There is no scan '1.2.3.4'" in answer.json()["message"]


def test_ohif_reads_the_server_through_this_one(stored: dict[str, str], client: TestClient) -> None:
    study, series = stored["StudyInstanceUID"], stored["SeriesInstanceUID"]
    query = {"StudyInstanceUID": study, "includefield": "00081030,00080060", "limit": "101"}
    studies = client.get("/proxy/dicom/qido/studies", params=query).json()
    assert [each["0020000D"]["Value"] for each in studies] == [[study]]
    place = f"/proxy/dicom/wado/studies/{study}/series/{series}"
    told = client.get(f"{place}/metadata", headers={"Accept": "application/dicom+json"}).json()
    assert len(told) == SHAPE[2]
    instance = told[0]["00080018"]["Value"][0]
    wanted = 'multipart/related; type="application/octet-stream"'
    frame = client.get(f"{place}/instances/{instance}/frames/1", headers={"Accept": wanted})
    assert frame.headers["content-type"].startswith("multipart/related")
    voxels = told[0]["00280010"]["Value"][0] * told[0]["00280011"]["Value"][0]
    assert len(frame.content) > 2 * voxels  # two bytes each, and the boundary around them
    assert client.get("/proxy/dicom/wado/studies/1.2.3.4/metadata").status_code == 404


def test_a_session_of_the_files_of_a_series(
    stored: dict[str, str], client: TestClient, tmp_path: Path
) -> None:
    files = [
        ("files", (f"slice {number}.dcm", path.read_bytes()))
        for number, path in enumerate(sorted((tmp_path / "own").iterdir()))
    ]
    session = client.put("/session/", files=files).json()["session_id"]
    assert session == "slice 0"
    told = client.get("/datastore/image/info", params={"image": session}).json()
    assert told["SeriesInstanceUID"] == stored["SeriesInstanceUID"]
    assert tuple(told["shape"]) == SHAPE
    assert client.put("/session/", files=files).json()["session_id"] == session  # known by now
