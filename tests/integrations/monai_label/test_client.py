"""MONAI Label's own client over a real socket: models, next scan, answers, labels, training."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from types import ModuleType

import numpy as np
import pytest
import uvicorn

from fewslice import LabelMap, read_image, read_labels, write_image, write_labels
from fewslice.integrations.monai_label.routes import PREFIX
from fewslice.metrics.overlap import dice
from fewslice.project.drawings import drawing
from fewslice.project.people import add_person
from fewslice.project.scans import get_scan
from tests.support.command_line import truth
from tests.support.served_projects import Served, working

LIBRARY = Path(sys.prefix) / "monailabel"
pytestmark = [
    pytest.mark.slow,
    # Their client leaves it to the garbage collector to close connections.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def theirs() -> ModuleType:
    """MONAI Label's client; the rest of MONAI Label is not needed for it."""
    if not LIBRARY.is_dir():
        pytest.skip("MONAI Label's client is not there; make monailabel fetches it.")
    sys.path.append(str(LIBRARY))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("monailabel.client.client")
    finally:
        sys.path.remove(str(LIBRARY))


@pytest.fixture
def address(served: Served, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "theirs").mkdir()
    config = uvicorn.Config(served.app, host="127.0.0.1", port=0, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}{PREFIX}"
    server.should_exit = True
    thread.join()


def drawn(served: Served, path: Path, indices: list[int]) -> Path:
    image = read_image(served.scan.paths[0])
    labels = np.zeros_like(truth())
    labels[..., indices] = truth()[..., indices]
    write_labels(path, LabelMap(labels, image.geometry))
    return path


def kinds(served: Served) -> dict[int, str]:
    return {
        index: origin.kind
        for (_, index), origin in drawing(served.project, served.scan.id).origins.items()
    }


def test_a_day_with_the_client(
    served: Served, address: str, theirs: ModuleType, tmp_path: Path
) -> None:
    client = theirs.MONAILabelClient(address, tmpdir=str(tmp_path / "theirs"))
    assert not client.auth_enabled()
    info = client.info()
    assert info["labels"] == ["ball", "cube"]
    assert info["models"]["fewslice"]["labels"] == {}  # nothing to go by yet
    assert info["datastore"]["total"] == 1
    sample = client.next_sample("queue", {})
    assert sample["id"] == served.scan.name
    assert client.datastore()["objects"][sample["id"]]["labels"] == {}

    holding = np.flatnonzero(truth().any(axis=(0, 1)))
    three = [int(holding[1]), int(holding[len(holding) // 2]), int(holding[-2])]
    client.save_label(sample["id"], str(drawn(served, tmp_path / "drawn.nrrd", three)), params={})
    assert kinds(served) == dict.fromkeys(three, "human")
    assert client.info()["models"]["fewslice"]["labels"] == {"ball": 1, "cube": 2}

    with working(served):
        path, params = client.infer("fewslice", sample["id"], {"result_extension": ".nrrd"})
    assert params["label_names"] == {"ball": 1}  # what the answer shows, no more
    listed = client.datastore()["objects"][sample["id"]]["labels"]["original"]["info"]
    assert listed["params"]["label_names"] == {"ball": 1}
    answer = read_labels(path, read_image(served.scan.paths[0]))
    kept = client.download_label(sample["id"], "original")
    assert np.array_equal(read_labels(kept, read_image(served.scan.paths[0])).array, answer.array)
    assert dice(answer.array == 1, truth() == 1) > 0.8
    assert np.array_equal(answer.array[..., three], truth()[..., three])

    edited = answer.array.copy()
    between = three[0] + 1
    edited[..., between] = truth()[..., between]
    edited[0, 0, between] = 2
    write_labels(tmp_path / "edited.nii.gz", answer.with_array(edited))
    # as 3D Slicer's plugin calls it: without a tag
    client.save_label(sample["id"], str(tmp_path / "edited.nii.gz"), params={})
    found = kinds(served)
    assert {found[index] for index in three} == {"human"}
    assert found[between] == "corrected"
    assert found[0] == "accepted"
    assert len(found) == truth().shape[2]
    assert get_scan(served.project, served.scan.id).status == "submitted"
    back = read_labels(client.download_label(sample["id"], "final"))
    assert np.array_equal(back.array, edited)
    assert client.next_sample("queue", {}) == {}


def test_a_sparse_label_takes_no_empty_slice_for_an_answer(
    served: Served, address: str, theirs: ModuleType, tmp_path: Path
) -> None:
    """Somebody draws one more slice into an empty segmentation, after the engine has answered."""
    client = theirs.MONAILabelClient(address, tmpdir=str(tmp_path / "theirs"))
    holding = np.flatnonzero(truth().any(axis=(0, 1)))
    middle, later = int(holding[len(holding) // 2]), int(holding[1])
    name = served.scan.name
    client.save_label(name, str(drawn(served, tmp_path / "one.nii.gz", [middle])), params={})
    with working(served):
        client.infer("fewslice", name, {})
    client.save_label(name, str(drawn(served, tmp_path / "two.nii.gz", [later])), "final", {})
    assert kinds(served) == {middle: "human", later: "human"}
    assert get_scan(served.project, served.scan.id).status == "in_progress"


def test_training_and_what_is_asked_in_vain(
    served: Served, address: str, theirs: ModuleType, tmp_path: Path
) -> None:
    client = theirs.MONAILabelClient(address, tmpdir=str(tmp_path / "theirs"))
    assert not client.train_status(check_if_running=True)
    assert client.train_start("", {})["status"] == "RUNNING"
    assert client.train_status(check_if_running=True)
    assert client.train_stop()["status"] == "REVOKED"
    assert not client.train_status(check_if_running=True)
    vain: list[tuple[Callable[[], object], str]] = [
        (lambda: client.infer("other", served.scan.name, {}), "There is no model"),
        (lambda: client.infer("fewslice", "nobody", {}), "There is no scan"),
        (lambda: client.wsi_infer("tumor", "nobody", {"level": 0}), "Whole slide images"),
        (lambda: client.get_session("nobody"), "There is no scan"),
        (lambda: client.download_label(served.scan.name, "final"), "has no labels"),
        (lambda: client.next_sample("entropy", {}), "There is no strategy"),
        (lambda: client.save_label("nobody", str(served.scan.paths[0]), params={}), "no scan"),
    ]
    for ask, sentence in vain:
        with pytest.raises(theirs.MONAILabelClientException, match=sentence):
            ask()
    with working(served), pytest.raises(theirs.MONAILabelClientException, match="Status: 422"):
        client.infer("fewslice", served.scan.name, {})  # nothing is drawn anywhere


def test_images_and_sessions(
    served: Served, address: str, theirs: ModuleType, tmp_path: Path
) -> None:
    client = theirs.MONAILabelClient(address, tmpdir=str(tmp_path / "theirs"))
    scan = str(served.scan.paths[0])
    assert client.upload_image(scan, "left knee", {}) == {"image": "left knee"}
    assert client.info()["datastore"]["total"] == 2
    middle = truth().shape[2] // 2
    client.save_label("left knee", str(drawn(served, tmp_path / "a label.nii.gz", [middle])))
    kept = client.download_label("left knee", "final")
    array = read_labels(kept, read_image(scan)).array
    assert np.array_equal(array[..., middle], truth()[..., middle])

    own = tmp_path / "my volume.nii.gz"  # another file, so another scan
    image = read_image(scan)
    write_image(own, replace(image, array=image.array + 1))
    session = client.create_session(str(own), {})["session_id"]
    assert client.get_session(session)["image"] == "my volume"
    with working(served):  # 3D Slicer names its volume as well, which nobody here knows
        path, params = client.infer("fewslice", "MRHead", {}, session_id=session)
    assert params["image"] == "my volume"
    assert Path(path).is_file()
    assert client.remove_session(session)["image"] == "my volume"


def test_with_accounts(served: Served, address: str, theirs: ModuleType) -> None:
    add_person(served.project, "ann", "correct horse", "admin")
    client = theirs.MONAILabelClient(address)
    assert client.auth_enabled()
    assert not client.auth_valid_token()
    with pytest.raises(theirs.MONAILabelClientException, match="log in"):
        client.info()
    client.update_auth(client.auth_token("ann", "correct horse"))
    assert client.auth_valid_token()
    assert client.info()["name"] == "fewslice"
    # From here the client sends what it once said of a body, such as its length, without a body.
    assert client.next_sample("first", {})["id"] == served.scan.name
    assert client.info()["name"] == "fewslice"
    assert client.datastore()["objects"].keys() == {served.scan.name}
    assert client.train_start("fewslice", {})["status"] == "RUNNING"
    assert client.train_status(check_if_running=True)
    assert client.train_stop()["details"] == ["It was given up."]
