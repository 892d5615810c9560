"""3D Slicer's MONAI Label Reviewer: what it lists, approves and flags.

Source: plugins/slicer/MONAILabelReviewer/MONAILabelReviewerLib, MonaiServerREST.py and
JsonParser.py, in github.com/Project-MONAI/MONAILabel.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from fewslice.integrations.monai_label.routes import PREFIX
from fewslice.project.answers import save_answer
from fewslice.project.reviews import reviews, submit
from fewslice.project.scans import get_scan
from tests.support.command_line import truth
from tests.support.served_projects import BASE, Served, with_accounts


@pytest.fixture
def served(served: Served) -> Served:
    served.put(served.page(6), index=6)
    return served


@pytest.fixture
def client(served: Served) -> TestClient:
    return TestClient(served.app, base_url=BASE + PREFIX)


def noted(status: str, comment: str = "") -> dict[str, str]:
    """Return the form that the reviewer sends, url-encoded."""
    meta = {"status": status, "approvedBy": "Ada", "level": "easy", "comment": comment}
    return {"params": json.dumps({"segmentationMeta": meta | {"editTime": 1_700_000_000}})}


def review(client: TestClient, tag: str = "final", **sent: Any) -> Any:
    query = {"label": "scan", "tag": tag}
    return client.put("/datastore/updatelabelinfo", params=query, **sent)


def of_final(client: TestClient) -> dict[str, Any]:
    listed = client.get("/datastore/", params={"output": "all"}).json()["objects"]["scan"]
    found: dict[str, Any] = listed["labels"]["final"]["info"]
    return found


def test_approved_and_flagged(served: Served, client: TestClient) -> None:
    assert of_final(client) == {
        "name": "scan.nii.gz",
        "label_info": [{"name": "ball", "idx": 1}, {"name": "cube", "idx": 2}],
    }
    submit(served.project, served.scan.id, 1)
    assert review(client, data=noted("approved")).json() == {}
    assert get_scan(served.project, served.scan.id).status == "accepted"
    assert review(client, data=noted("approved")).status_code == 200  # said twice, kept once
    meta = of_final(client)["segmentationMeta"]
    assert (meta["status"], meta["approvedBy"], meta["comment"]) == ("approved", "local", "")

    assert review(client, data=noted("flagged", "The lower end is missing.")).status_code == 200
    assert get_scan(served.project, served.scan.id).status == "returned"
    assert [each.verdict for each in reviews(served.project, served.scan.id)] == [
        "submitted",
        "accepted",
        "returned",
    ]
    meta = of_final(client)["segmentationMeta"]
    assert (meta["status"], meta["comment"]) == ("flagged", "The lower end is missing.")


def test_what_is_no_verdict(served: Served, client: TestClient) -> None:
    for data in (noted("segmented"), noted("not segmented"), {"params": "{}"}, {}):
        assert review(client, data=data).json() == {}
    assert review(client, tag="original", data=noted("approved")).json() == {}
    assert get_scan(served.project, served.scan.id).status == "in_progress"
    assert review(client, data={"params": "["}).status_code == 422
    early = review(client, data=noted("flagged"))  # nobody has handed it in
    assert early.status_code == 409
    assert "cannot become returned" in early.json()["message"]


def test_only_reviewers_decide(served: Served, client: TestClient) -> None:
    headers = with_accounts(served)
    refused = review(client, data=noted("approved"), headers=headers["annotator"])
    assert refused.status_code == 403
    assert review(client, data=noted("approved"), headers=headers["reviewer"]).status_code == 200
    assert of_final_as(client, headers["reviewer"])["approvedBy"] == "reviewer"


def test_two_versions_of_a_slice_are_chosen_between_first(
    served: Served, client: TestClient
) -> None:
    headers = with_accounts(served)
    assert served.put(served.page(5), headers=headers["annotator"]).json()["conflict"]
    refused = review(client, data=noted("approved"), headers=headers["reviewer"])
    assert refused.status_code == 409
    assert "two versions of axial 7; choose" in refused.json()["message"]
    assert get_scan(served.project, served.scan.id).status == "in_progress"


def of_final_as(client: TestClient, headers: dict[str, str]) -> dict[str, Any]:
    listed = client.get("/datastore/", params={"output": "all"}, headers=headers).json()
    found: dict[str, Any] = listed["objects"]["scan"]["labels"]["final"]["info"]
    meta: dict[str, Any] = found["segmentationMeta"]
    return meta


def test_an_answer_names_what_it_shows(served: Served, client: TestClient) -> None:
    """3D Slicer shows it with the next scan, and takes its names from the listing."""
    labels = 2 * (truth() == 1).astype(np.uint8)
    save_answer(
        served.project, served.scan.id, labels=labels, engine="interpolation", revision=None
    )
    listed = client.get("/datastore/", params={"output": "all"}).json()["objects"]["scan"]
    assert listed["labels"]["original"]["info"] == {
        "name": "scan.nii.gz",
        "params": {"label_names": {"cube": 2}},
    }
