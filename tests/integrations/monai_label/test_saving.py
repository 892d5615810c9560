"""What becomes of a label that a client sends: edited answers, drawn slices, handing in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from starlette.testclient import TestClient

from fewslice import LabelMap, read_image, write_labels
from fewslice.integrations.monai_label.routes import PREFIX
from fewslice.project.answers import save_answer
from fewslice.project.conflicts import open_conflicts
from fewslice.project.drawings import drawing
from fewslice.project.revisions import latest_revision
from fewslice.project.scans import get_scan
from tests.support.command_line import truth
from tests.support.served_projects import BASE, Served, with_accounts

Labels = npt.NDArray[np.uint8]
Submit = Callable[..., dict[str, Any]]
NAMES = [{"name": "ball", "idx": 1}, {"name": "cube", "idx": 2}]


@pytest.fixture
def submit(served: Served, tmp_path: Path) -> Submit:
    """Sends a label as 3D Slicer's plugin does, by default: without a tag."""
    client = TestClient(served.app, base_url=BASE + PREFIX)
    geometry = read_image(served.scan.paths[0]).geometry

    def sent(labels: Labels, headers: dict[str, str] | None = None, **query: str) -> dict[str, Any]:
        path = tmp_path / "label.nrrd"
        write_labels(path, LabelMap(labels, geometry))
        reply = client.put(
            "/datastore/label",
            params={"image": "scan", **query},
            data={"params": json.dumps({"label_info": NAMES, "client_id": "user-xyz"})},
            files={"label": ("C:/Temp/tmp1.nrrd", path.read_bytes())},
            headers=headers,
        )
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    return sent


def sparse(*indices: int) -> Labels:
    labels = np.zeros_like(truth())
    labels[..., list(indices)] = truth()[..., list(indices)]
    return labels


def answer(served: Served, labels: Labels) -> None:
    """Let an engine answer from what is drawn now."""
    save_answer(
        served.project,
        served.scan.id,
        labels=labels,
        engine="auto",
        revision=latest_revision(served.project, served.scan.id),
    )


def kinds(served: Served) -> dict[int, str]:
    origins = drawing(served.project, served.scan.id).origins
    return {index: origin.kind for (_, index), origin in origins.items()}


def status(served: Served) -> str:
    return get_scan(served.project, served.scan.id).status


@pytest.mark.parametrize("query", [{}, {"tag": ""}, {"tag": "final"}])
def test_an_answer_that_is_submitted_is_accepted_and_handed_in(
    served: Served, submit: Submit, query: dict[str, str]
) -> None:
    assert submit(sparse(6), **query) == {"image": "scan", "label": "scan"}
    assert (kinds(served), status(served)) == ({6: "human"}, "in_progress")
    answer(served, truth())
    edited = truth()
    edited[0, 0, 4] = 2
    submit(edited, **query)
    expected = dict.fromkeys(range(12), "accepted") | {4: "corrected", 6: "human"}
    assert (kinds(served), status(served)) == (expected, "submitted")
    revision = latest_revision(served.project, served.scan.id)
    assert submit(edited, **query) == {"image": "scan", "label": "scan"}  # sent twice
    assert latest_revision(served.project, served.scan.id) == revision
    assert status(served) == "submitted"


def test_other_tags_accept_nothing(served: Served, submit: Submit) -> None:
    submit(sparse(6))
    answer(served, truth())
    edited = truth()
    edited[0, 0, 4] = 2
    submit(edited, tag="version_1")
    assert (kinds(served), status(served)) == ({4: "corrected", 6: "human"}, "in_progress")


def test_what_waits_for_a_choice_is_kept_and_not_handed_in(served: Served, submit: Submit) -> None:
    people = with_accounts(served)
    ann, bob = people["annotator"], people["reviewer"]
    submit(sparse(6), ann)
    served.put(served.page(5), headers=bob)
    assert len(open_conflicts(served.project, served.scan.id)) == 1
    answer(served, truth())
    reply = submit(truth(), ann)
    assert reply["message"].startswith(
        "The labels are kept. The scan 'scan' has two versions of axial 7; choose"
    )
    assert kinds(served) == dict.fromkeys(range(12), "accepted") | {6: "human"}
    assert status(served) == "in_progress"
