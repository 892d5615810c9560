"""nnInteractive's own client, all of it, over a real socket; and requests that no client sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from nnInteractive.inference.remote import (
    SessionExpiredError,
    nnInteractiveRemoteInferenceSession,
)

from fewslice.integrations.nninteractive.app import create_app, warm_up
from fewslice.integrations.nninteractive.keys import Keys
from fewslice.integrations.nninteractive.leases import LeaseSettings
from fewslice.integrations.nninteractive.scene import Scene
from fewslice.integrations.nninteractive.wire import pack, unpack
from fewslice.metrics.overlap import dice
from fewslice.project.people import add_person
from fewslice.project.tokens import give_token
from tests.support.grand_challenge_jobs import ball, scan_array
from tests.support.new_projects import new_project
from tests.support.over_sockets import listening

BALL = ball() == 1
KEY = "opensesame"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = create_app(tmp_path_factory.mktemp("scenes"), LeaseSettings(most=2), Keys(KEY))
    with listening(app) as address:
        yield address


def on_slice(index: int) -> np.ndarray:
    mask = np.zeros(BALL.shape, np.uint8)
    mask[..., index] = BALL[..., index]
    return mask


@pytest.mark.slow
def test_the_whole_client(address: str) -> None:
    with nnInteractiveRemoteInferenceSession(address, api_key=KEY) as session:
        assert session.ping()
        assert session.supports_undo
        assert session.license == "Apache-2.0"
        assert all(session.supported_interactions.values())
        session.set_image(scan_array()[None], {"spacing": np.array([1.0, 1.0, 2.0])})
        assert session.original_image_shape == (1, *BALL.shape)
        buffer = np.zeros(BALL.shape, np.uint8)
        session.set_target_buffer(buffer)
        session.set_do_autozoom(False)

        assert session.add_point_interaction((9, 13, 7), True) is not None
        assert buffer[9, 13, 7] == 1
        by_click = buffer.copy()
        assert session.add_lasso_interaction(on_slice(4), True, run_prediction=False) is None
        assert np.array_equal(buffer, by_click)
        session.add_lasso_interaction(on_slice(7), True, run_prediction=False)
        assert session._predict() is not None
        box = [[0, 20], [0, 24], [10, 11]]
        session.add_lasso_interaction(on_slice(10)[..., 10:11], True, interaction_bbox=box)
        assert dice(buffer == 1, BALL) > 0.9
        assert np.array_equal(buffer[..., 7], BALL[..., 7])
        before = buffer.copy()
        scribble = np.zeros(BALL.shape, np.uint8)
        scribble[2, 2:6, 12] = 1
        session.add_scribble_interaction(scribble, False)
        session.add_bbox_interaction([[0, 3], [0, 3], [3, 4]], False)
        assert not buffer[2, 2:6, 12].any()
        assert session.undo()
        assert session.undo()
        assert np.array_equal(buffer, before)

        session.reset_interactions()
        assert not buffer.any()
        assert not session.undo()
        start = BALL.astype(np.uint8)
        start[..., 9:] = 0
        session.add_initial_seg_interaction(start)
        assert np.array_equal(buffer, start)
        session.add_lasso_interaction(on_slice(10), True)
        assert np.array_equal(buffer[..., 10], BALL[..., 10])
        assert 0 < session.heartbeat() <= 600
        assert session.lease_status()["idle_timeout_seconds"] == 600


def test_several_clients_and_those_without_a_key(address: str) -> None:
    for key in ("", "Bearer wrong", "opensesame"):
        assert httpx.post(f"{address}/claim", headers={"Authorization": key}).status_code == 401
    with (
        nnInteractiveRemoteInferenceSession(address, api_key=KEY) as one,
        nnInteractiveRemoteInferenceSession(address, api_key=KEY),
    ):
        third = httpx.post(f"{address}/claim", headers={"Authorization": f"Bearer {KEY}"})
        assert third.status_code == 503
        assert "2 people are at work" in third.json()["detail"]
        with pytest.raises(httpx.HTTPStatusError, match="400"):
            one.add_point_interaction((1, 1, 1), True)  # no image yet
        one._http.post("/release")
        with pytest.raises(SessionExpiredError, match="connect again"):
            one.heartbeat()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path), raise_server_exceptions=False) as found:
        found.headers["X-Lease-Token"] = found.post("/claim").json()["lease_token"]
        image: dict[str, object] = {"image_properties": {}}
        sent = found.post(
            "/set_image", content=pack(scan_array()[None]), headers={"X-Meta": json.dumps(image)}
        )
        assert sent.status_code == 200
        yield found


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/add_point_interaction", {}, "coordinates"),
        (
            "/add_point_interaction",
            {"coordinates": [1, 2], "include_interaction": True},
            "at least",
        ),
        (
            "/add_point_interaction",
            {"coordinates": [99, 2, 3], "include_interaction": True},
            "lies outside of the image",
        ),
        (
            "/add_bbox_interaction",
            {"bbox_coords": [[1, 2], [3], [4, 5]], "include_interaction": True},
            "three pairs",
        ),
        ("/set_target_buffer", {"shape": [2, 2, 2], "dtype": "uint8"}, "the image's"),
        ("/set_target_buffer", {"shape": [20, 24, 16], "dtype": "complex64"}, "dtype"),
        ("/set_target_buffer", {"shape": [-1, 24, 16], "dtype": "uint8"}, "greater than 0"),
    ],
)
def test_requests_that_are_wrong(
    client: TestClient, path: str, body: object, sentence: str
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 400
    assert sentence in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    assert client.get("/healthz").json() == {"ok": True}


@pytest.mark.parametrize(
    ("path", "meta", "body"),
    [
        ("/set_image", "{", b""),
        ("/set_image", "{}", b"no array"),
        ("/set_image", '{"image_properties": {"spacing": [0, 1, 1]}}', pack(np.ones((1, 2, 2, 2)))),
        ("/set_image", '{"image_properties": {"spacing": "x"}}', pack(np.ones((1, 2, 2, 2)))),
        ("/set_image", "{}", pack(np.ones((2, 2, 2)))),
        ("/add_lasso_interaction", "{}", pack(np.ones((20, 24, 16)))),
        ("/add_lasso_interaction", '{"include_interaction": true}', pack(np.zeros((20, 24, 16)))),
        (
            "/add_scribble_interaction",
            '{"include_interaction": true, "interaction_bbox": [[0, 2], [0, 2], [0, 2]]}',
            pack(np.ones((20, 24, 16), np.uint8)),
        ),
        ("/add_initial_seg_interaction", "{}", pack(np.ones((2, 2), np.uint8))),
    ],
)
def test_arrays_that_are_wrong(client: TestClient, path: str, meta: str, body: bytes) -> None:
    answer = client.post(path, content=body, headers={"X-Meta": meta})
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith(".")


def test_what_nobody_foresaw_is_a_sentence_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("of a patient")

    monkeypatch.setattr(Scene, "point", broken)
    said = {"coordinates": [1, 2, 3], "include_interaction": True}
    answer = client.post("/add_point_interaction", json=said)
    assert answer.status_code == 500
    assert answer.json() == {"detail": "The server failed; its log says more: please report it."}
    assert "POST /add_point_interaction failed" in caplog.text
    assert client.get("/healthz").json() == {"ok": True}


def test_no_lease(client: TestClient) -> None:
    del client.headers["X-Lease-Token"]
    for path in ("/heartbeat", "/predict", "/undo", "/reset_interactions"):
        assert client.post(path).status_code == 410
    assert client.post("/release").json() == {"released": True}


@pytest.mark.slow
def test_a_session_outlasts_the_server(tmp_path: Path) -> None:
    """Its lease, its image, what was said and how to take it back are there after a restart."""
    with TestClient(create_app(tmp_path)) as first:
        token = first.post("/claim").json()["lease_token"]
        headers = {"X-Lease-Token": token}
        first.post("/set_image", content=pack(scan_array()[None]), headers=headers)
        meta = {"X-Meta": '{"include_interaction": true, "run_prediction": false}'}
        for index in (4, 10):
            sent = first.post(
                "/add_lasso_interaction", content=pack(on_slice(index)), headers=headers | meta
            )
            assert sent.status_code == 200
    with TestClient(create_app(tmp_path)) as second:
        answer = second.post("/predict", headers=headers)
        said = json.loads(answer.headers["X-Meta"])
        assert said["ran_prediction"]
        box = tuple(slice(*ends) for ends in said["bbox"])
        assert dice(unpack(answer.content) == 1, BALL[box]) > 0.9
        assert json.loads(second.post("/undo", headers=headers).headers["X-Meta"])["ran_prediction"]
        second.post("/release", headers=headers)
    with TestClient(create_app(tmp_path)) as third:
        assert third.post("/predict", headers=headers).status_code == 410


@pytest.mark.slow
def test_what_the_first_client_would_wait_for_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered: list[bool] = []
    predict = Scene.predict
    monkeypatch.setattr(Scene, "predict", lambda self: answered.append(predict(self) is not None))
    warm_up()
    assert answered == [True]


def test_clients_of_other_versions(client: TestClient) -> None:
    packed = bytearray(pack(on_slice(7)))
    packed[4] = 2
    answer = client.post(
        "/add_lasso_interaction",
        content=bytes(packed),
        headers={"X-Meta": '{"include_interaction": true, "of_a_later_version": 1}'},
    )
    assert answer.status_code == 400
    assert "version 2 of the protocol" in answer.json()["detail"]
    later = client.post("/add_polygon_interaction", json={})
    assert later.status_code == 404
    assert "may be newer than this server" in later.json()["detail"]


def test_places_between_voxels(client: TestClient) -> None:
    """napari sends places in its own coordinates."""
    box = {"bbox_coords": [[3.6, 14.4], [7, 20], [7.0, 8.0]], "include_interaction": True}
    assert client.post("/add_bbox_interaction", json=box | {"run_prediction": False}).is_success
    point = {"coordinates": [9.4, 12.6, 7.0], "include_interaction": True}
    assert client.post("/add_point_interaction", json=point | {"run_prediction": False}).is_success


def test_nobody_works_on_with_anothers_session(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project", name="Balls", structures=[])
    people = [add_person(project, name, "correct horse", "admin") for name in ("ann", "bob")]
    ann, bob = ({"Authorization": f"Bearer {give_token(project, each.id)}"} for each in people)
    with TestClient(create_app(tmp_path / "scenes", keys=Keys(project=project))) as client:
        assert client.get("/capabilities").status_code == 401
        lease = {"X-Lease-Token": client.post("/claim", headers=ann).json()["lease_token"]}
        assert client.post("/heartbeat", headers=ann | lease).is_success
        assert client.post("/heartbeat", headers=bob | lease).status_code == 410
        assert client.post("/release", headers=bob | lease).is_success  # of nothing
        assert client.get("/lease_status", headers=ann | lease).is_success
    project.engine.dispose()
