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
from fewslice.project.conflicts import open_conflicts, resolve_conflict
from fewslice.project.drawings import drawing
from fewslice.project.revisions import latest_revision, revision_labels, slice_head
from fewslice.project.saving import save_revision
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


def other(index: int) -> Labels:
    """Return a slice as nobody but a person would draw it, across the scan's axis 2."""
    labels = np.zeros(truth().shape[:2], np.uint8)
    labels[2:5, 2:5] = 2
    labels[index, 0] = 1
    return labels


def draw(served: Served, labels: Labels, index: int, axis: int = 2, by: int = 1) -> int:
    """Let somebody draw a slice on the page."""
    saved = save_revision(
        served.project,
        served.scan.id,
        by,
        action="draw",
        axis=axis,
        index=index,
        labels=labels,
        tool="brush",
    )
    return saved.revision.id


def shown(served: Served, index: int, axis: int = 2) -> Labels:
    head = slice_head(served.project, served.scan.id, (axis, index))
    assert head is not None
    labels = revision_labels(served.project, head)
    assert labels is not None
    return labels.copy()


@pytest.fixture
def answered_twice(served: Served) -> Labels:
    """The engine answers from slices 4 and 8; then somebody draws slice 6, and it answers again.

    Returns the first answer, which a client has.
    """
    for index in (4, 8):
        draw(served, truth()[..., index], index)
    first, second = truth(), truth()
    first[1, 1, 5:8] = 2
    answer(served, first)
    draw(served, other(6), 6)
    second[..., 6] = other(6)
    second[3, 3, 5:8] = 2
    answer(served, second)
    return first


@pytest.mark.parametrize("tag", ["version_1", "final"])
def test_an_answer_that_is_out_of_date_replaces_nothing(
    served: Served, submit: Submit, answered_twice: Labels, tag: str
) -> None:
    submit(answered_twice, tag=tag)
    np.testing.assert_array_equal(shown(served, 6), other(6))
    rest = dict.fromkeys(range(12), "accepted") if tag == "final" else {}
    assert kinds(served) == rest | dict.fromkeys((4, 6, 8), "human")
    assert open_conflicts(served.project, served.scan.id) == []
    if tag == "final":
        np.testing.assert_array_equal(shown(served, 5), answered_twice[..., 5])


def test_what_was_edited_is_told_from_what_the_engine_changed_since(
    served: Served, submit: Submit, answered_twice: Labels
) -> None:
    edited = answered_twice.copy()
    edited[0, 0, 5] = 1
    submit(edited, tag="version_1")
    assert kinds(served) == dict.fromkeys((4, 6, 8), "human") | {5: "corrected"}
    np.testing.assert_array_equal(shown(served, 5), edited[..., 5])


def test_an_edited_slice_that_somebody_drew_since_waits_for_a_choice(
    served: Served, submit: Submit, answered_twice: Labels
) -> None:
    """Also where the same person did both."""
    edited = answered_twice.copy()
    edited[0, 0, [4, 6]] = 1
    for _ in range(2):
        reply = submit(edited)
        assert "two versions of axial 7; choose" in reply["message"]
        (waits,) = open_conflicts(served.project, served.scan.id)
        np.testing.assert_array_equal(revision_labels(served.project, waits), edited[..., 6])
        np.testing.assert_array_equal(shown(served, 6), other(6))
    assert kinds(served)[4] == "corrected"  # drawn before the answer, so it was seen
    resolve_conflict(served.project, waits.id, keep=True, by=1)
    assert "message" not in submit(edited)
    np.testing.assert_array_equal(shown(served, 6), edited[..., 6])
    assert status(served) == "submitted"


def test_what_was_said_of_a_slice_since_stays(
    served: Served, submit: Submit, answered_twice: Labels
) -> None:
    """Slice 4 was taken back, of slice 7 somebody said that it holds something."""
    for index, action in ((4, "erase"), (7, "present")):
        save_revision(served.project, served.scan.id, 1, action=action, axis=2, index=index)
    submit(answered_twice)
    expected = dict.fromkeys(range(12), "accepted") | {6: "human", 7: "present", 8: "human"}
    expected.pop(4)
    assert kinds(served) == expected


def test_a_slice_of_another_plane_that_was_drawn_since_is_not_covered(
    served: Served, submit: Submit
) -> None:
    draw(served, truth()[..., 6], 6)
    answer(served, truth())
    sagittal = np.full((18, 12), 255, np.uint8)
    sagittal[:, 3:6] = 2
    draw(served, sagittal, 10, axis=0)
    edited = truth()
    edited[0, 0, 4] = 2
    edited[10, 8, 4] = 0  # what one edits counts as drawn later
    submit(edited)
    expected = edited.copy()
    expected[10, :, 3:6] = 2
    expected[10, 8, 4] = 0
    labels = drawing(served.project, served.scan.id).drawing.labels()
    np.testing.assert_array_equal(np.where(labels == 255, edited, labels), expected)


def test_a_label_that_is_like_no_answer_replaces_nothing_unasked(
    served: Served, submit: Submit
) -> None:
    """The answer that it was made from is gone: nobody knows what its sender had seen."""
    draw(served, other(6), 6)
    latest = truth()
    latest[..., 6] = other(6)
    answer(served, latest)
    unlike = truth()
    unlike[0, 0, 1:] = 2
    reply = submit(unlike)
    assert "two versions of axial 7; choose" in reply["message"]
    np.testing.assert_array_equal(shown(served, 6), other(6))
    found = kinds(served)
    assert (found[6], found[5], found[0]) == ("human", "corrected", "accepted")


def test_a_few_slices_are_no_older_answer(served: Served, submit: Submit) -> None:
    """They show all slices of the first answer, but hardly one of them as it answered."""
    draw(served, truth()[..., 6], 6)
    early = np.zeros_like(truth())
    early[..., 5:8] = truth()[..., 6:7]
    answer(served, early)
    answer(served, truth())
    submit(sparse(5, 6, 7))
    assert kinds(served) == dict.fromkeys((5, 6, 7), "human")
    assert status(served) == "in_progress"


def partly() -> Labels:
    """Return slice 6 of which nobody looked at the left half."""
    labels = truth()[..., 6].copy()
    labels[10:] = 255
    return labels


def downloaded(served: Served, *, drops_unknown: bool) -> Labels:
    """Return what is drawn as a client sees it that knows 255, or one that does not."""
    labels: Labels = drawing(served.project, served.scan.id).drawing.labels().astype(np.uint8)
    labels[labels == 255] = 0 if drops_unknown else 255
    return labels


def test_what_nobody_looked_at_is_no_background_where_a_client_drops_255(
    served: Served, submit: Submit
) -> None:
    draw(served, partly(), 6)
    came = downloaded(served, drops_unknown=True)
    came[..., 8] = truth()[..., 8]
    submit(came)
    assert latest_revision(served.project, served.scan.id) == 2  # of slice 8 alone
    np.testing.assert_array_equal(shown(served, 6), partly())
    came[0, 0, 6] = came[15, 8, 6] = 2
    submit(came)
    expected = partly()
    expected[0, 0] = expected[15, 8] = 2
    np.testing.assert_array_equal(shown(served, 6), expected)


def test_a_client_that_knows_255_may_say_that_somebody_looked(
    served: Served, submit: Submit
) -> None:
    draw(served, partly(), 6)
    came = downloaded(served, drops_unknown=False)
    came[15:, :, 6] = 0
    submit(came)
    np.testing.assert_array_equal(shown(served, 6), came[..., 6])


def test_what_nobody_looked_at_on_a_scan_that_is_answered(served: Served, submit: Submit) -> None:
    """The answer shows the ball there; a client that began with what was drawn does not."""
    draw(served, partly(), 6)
    answer(served, truth())
    submit(truth())
    assert kinds(served) == dict.fromkeys(range(12), "accepted") | {6: "human"}
    came = downloaded(served, drops_unknown=True)
    assert not came[10:, :, 6].any()
    came[0, 0, 4] = 2
    submit(came)
    np.testing.assert_array_equal(shown(served, 6), partly())
    came[0, 0, 6] = 2
    submit(came)
    expected = partly()
    expected[0, 0] = 2
    np.testing.assert_array_equal(shown(served, 6), expected)


def test_an_answer_that_was_edited_was_looked_at_everywhere(served: Served, submit: Submit) -> None:
    draw(served, partly(), 6)
    answer(served, truth())
    edited = truth()
    edited[10, 8, 6] = 0
    submit(edited)
    np.testing.assert_array_equal(shown(served, 6), edited[..., 6])
