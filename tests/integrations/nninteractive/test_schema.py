"""No request by nnInteractive's protocol, sensible or not, ends in a failure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fewslice.integrations.nninteractive.app import create_app
from fewslice.integrations.nninteractive.wire import pack
from tests.support.any_requests import operations_of, require_no_failure

FEW = settings(
    max_examples=40,
    database=None,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
SHAPE = (4, 5, 6)
numbers = st.one_of(st.integers(-3, 9), st.floats(width=32), st.none(), st.text(max_size=3))
pairs = st.lists(st.lists(numbers, max_size=3), max_size=4)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("scenes")
    with TestClient(create_app(folder), raise_server_exceptions=False) as found:
        found.headers["X-Lease-Token"] = found.post("/claim").json()["lease_token"]
        image = np.arange(120, dtype=np.float32).reshape(1, *SHAPE)
        assert found.post("/set_image", content=pack(image)).status_code == 200
        yield found


@pytest.mark.slow
def test_no_request_of_the_description_fails(client: TestClient) -> None:
    operations = operations_of(client.get("/openapi.json").json())
    assert len(operations) == 17
    for operation in operations:
        lease = {"X-Lease-Token": str(client.headers["X-Lease-Token"])}
        # Sessions are few; another one would be claimed, and this one released.
        if operation.path not in ("/claim", "/release"):
            require_no_failure(client, operation, "detail", 5, lease)


@pytest.mark.slow
@FEW
@given(box=pairs, point=st.lists(numbers, max_size=4), include=st.booleans())
def test_places_of_any_kind(client: TestClient, box: object, point: object, include: bool) -> None:
    for path, name, value in (
        ("/add_bbox_interaction", "bbox_coords", box),
        ("/add_point_interaction", "coordinates", point),
    ):
        body = {name: value, "include_interaction": include, "run_prediction": False}
        content = json.dumps(body, allow_nan=True)
        answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (200, 400), answer.text


@pytest.mark.slow
@FEW
@given(
    shape=st.lists(st.integers(0, 6), min_size=0, max_size=4),
    box=pairs,
    kind=st.sampled_from(("scribble", "lasso", "initial_seg")),
    cut=st.integers(0, 40),
    fill=st.integers(0, 1),
)
def test_masks_of_any_kind(  # noqa: PLR0917 - what can be wrong of a mask
    client: TestClient, shape: list[int], box: object, kind: str, cut: int, fill: int
) -> None:
    packed = pack(np.full(shape, fill, np.uint8))
    meta = {"include_interaction": True, "run_prediction": False}
    if kind != "initial_seg":
        meta["interaction_bbox"] = box  # type: ignore[assignment]
    for content in (packed, packed[: len(packed) - cut]):
        answer = client.post(
            f"/add_{kind}_interaction",
            content=content,
            headers={"X-Meta": json.dumps(meta)},
        )
        assert answer.status_code in (200, 400), answer.text
