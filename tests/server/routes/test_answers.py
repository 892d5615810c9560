"""From drawn slices to an answer, and to what is asked for next."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from fewslice.project import jobs
from fewslice.project.answers import save_answer
from fewslice.server.events import Event
from tests.support.command_line import truth
from tests.support.sent_arrays import array_of
from tests.support.served_projects import Served, working


def done(served: Served, job: int) -> Any:
    while True:
        found = served.get(f"/jobs/{job}").json()
        if found["state"] not in jobs.OPEN:
            return found
        time.sleep(0.02)


def published(served: Served, kind: str) -> list[Event]:
    return [event for event in served.context.hub._since(0) if event.kind == kind]


@pytest.mark.slow
def test_a_few_slices_become_an_answer_and_a_question(served: Served) -> None:
    with working(served):
        for index in (3, 6, 9):
            served.put(served.page(index), index=index)
        job = served.post("/scans/1/segment", {"near": {"axis": 2, "index": 5}}).json()["job"]
        found = done(served, job)
        assert found["state"] == "finished", found
        asked = served.get("/scans/1/suggestion", params={"count": 2, "wait": 60}).json()
        assert not asked["provisional"]
    answer = served.get("/scans/1/answer")
    assert answer.headers["x-revision"] == "3"
    labels = array_of(answer)
    expected = truth()[::-1]
    overlap = 2 * ((labels == 1) & (expected == 1)).sum() / ((labels == 1).sum() + expected.sum())
    assert overlap > 0.75
    np.testing.assert_array_equal(labels[:, :, 6], served.page(6))
    np.testing.assert_array_equal(array_of(served.get("/scans/1/answer/slices/0/4")), labels[4])
    doubt = array_of(served.get("/scans/1/uncertainty"))
    assert doubt.shape == labels.shape
    assert doubt[:, :, 6].max() == 0
    assert doubt.max() > 0
    shown = [(each.data["axis"], each.data["index"]) for each in published(served, "slices")]
    assert shown == [(2, 3), (2, 4), (2, 5), (2, 6), (2, 7)]
    assert len(asked["slices"]) == 2
    assert 0 < asked["predicted_dice_low"] < asked["predicted_dice"] <= 1
    assert asked["may_stop"] or asked["predicted_dice_low"] < 0.9
    strip = served.get("/scans/1/strip", params={"axis": 2}).json()["slices"]
    states = ["human" if index in (3, 6, 9) else "engine" for index in range(12)]
    assert [each["state"] for each in strip] == states
    assert strip[6]["predicted_dice"] == 1
    suggested = {each["index"] for each in asked["slices"] if each["axis"] == 2}
    assert {index for index, each in enumerate(strip) if each["suggested"]} == suggested
    assert served.get("/scans/1").json()["predicted_dice"] == asked["predicted_dice"]


@pytest.mark.slow
def test_where_nothing_is_drawn_the_first_slice_is_a_matter_of_taste(served: Served) -> None:
    with working(served):
        asked = served.get("/scans/1/suggestion", params={"wait": 60}).json()
        job = served.post("/scans/1/segment").json()["job"]
        failed = done(served, job)
    (first,) = asked["slices"]
    assert (first["axis"], first["index"], first["plane"]) == (2, 6, "axial")
    assert first["gain"] is None
    assert asked["predicted_dice"] is None
    assert asked["message"] == first["reason"]
    assert failed["state"] == "failed"
    assert failed["message"].startswith("Nothing is drawn on this scan or on another one")
    assert served.get("/scans/1/answer").status_code == 404


def test_answers_come_in_the_pages_axes(served: Served) -> None:
    labels = truth()
    doubt = np.zeros(labels.shape, dtype=np.float32)
    doubt[0, 3, 2] = 0.5
    save_answer(
        served.project,
        1,
        labels=labels,
        uncertainty=doubt,
        confidence={"axis": 2, "dice": [0.1 * index for index in range(12)]},
        engine="auto",
        revision=None,
    )
    found = served.get("/scans/1/answer")
    assert "x-revision" not in found.headers
    np.testing.assert_array_equal(array_of(found), labels[::-1])
    np.testing.assert_array_equal(array_of(served.get("/scans/1/answer/slices/0/1")), labels[18])
    page = array_of(served.get("/scans/1/uncertainty"))
    assert page[19, 3, 2] == 128
    assert np.count_nonzero(page) == 1
    strip = served.get("/scans/1/strip", params={"axis": 2}).json()["slices"]
    assert {each["predicted_dice"] for each in strip} == {None}  # that is another measure
    other = served.get("/scans/1/strip", params={"axis": 0}).json()["slices"]
    assert other[0] == {"state": "engine", "predicted_dice": None, "suggested": False}


def test_a_newer_answer_takes_the_place_of_the_one_that_was_read(served: Served) -> None:
    for value in (1, 2):
        labels = np.full(truth().shape, value, dtype=np.uint8)
        save_answer(served.project, 1, labels=labels, engine="auto", revision=None)
        served.context.watcher.look()
        assert array_of(served.get("/scans/1/answer")).max() == value
    assert served.get("/scans/1/uncertainty").status_code == 404


def test_slices_of_an_answer_under_way_are_shown_until_it_is_there(served: Served) -> None:
    early = np.stack([truth()[5], truth()[6]])
    served.context.relay.heard(("slices", 7, (1, None), 0, 5, early), lambda: None)
    events = [(each.data["axis"], each.data["index"]) for each in published(served, "slices")]
    assert events == [(0, 14), (0, 13)]
    np.testing.assert_array_equal(array_of(served.get("/scans/1/answer/slices/0/13")), truth()[6])
    save_answer(served.project, 1, labels=truth(), engine="auto", revision=None)
    served.context.watcher.look()
    found = served.get("/scans/1/answer/slices/0/13")
    np.testing.assert_array_equal(array_of(found), truth()[6])
    assert served.context.previews.get((1, None), (0, 6)) is None


def test_a_slice_in_hand_that_is_not_there_is_refused(served: Served) -> None:
    found = served.post("/scans/1/segment", {"near": {"axis": 2, "index": 12}})
    assert found.status_code == 422
    assert served.get("/jobs").json() == []
