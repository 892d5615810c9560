"""Nobody waits for a ranking: a quick answer comes instead, and the ranking goes on."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from fewslice.project import jobs
from fewslice.project.answers import save_answer
from fewslice.server.app import create_app
from fewslice.server.settings import Settings
from tests.support.command_line import truth
from tests.support.served_projects import API, BASE, Served

NOW = {"wait": 0}


def ranked(*indices: int, revision: int) -> dict[str, Any]:
    """Return a ranking as a worker writes it."""
    slices = [
        {
            "axis": 2,
            "index": index,
            "plane": "axial",
            "kind": "draw",
            "gain": 0.1,
            "seconds": 20.0,
            "reason": "Because.",
        }
        for index in indices
    ]
    return {
        "revision": revision,
        "slices": slices,
        "predicted_dice": 0.8,
        "predicted_dice_low": 0.7,
        "may_stop": False,
        "message": "Go on.",
        "axis": 2,
        "slice_dice": [0.5] * 12,
    }


def work(served: Served, result: Any) -> None:
    """Do the oldest job."""
    job = jobs.claim(served.project, "worker")
    assert job is not None
    jobs.finish(served.project, job.id, result)
    served.context.watcher.look()


def asked(served: Served, **options: Any) -> tuple[list[int], bool]:
    found = served.get("/scans/1/suggestion", params={**NOW, **options})
    assert found.status_code == 200, found.text
    return [each["index"] for each in found.json()["slices"]], found.json()["provisional"]


def queued(served: Served) -> int:
    return len(jobs.list_jobs(served.project, states=(jobs.QUEUED,)))


def test_without_a_ranking_the_widest_gap_is_named_and_many_questions_are_one_job(
    served: Served,
) -> None:
    for index in (1, 2, 10):
        served.put(served.page(5), index=index)
    assert [asked(served) for _ in range(5)] == [([6], True)] * 5
    assert queued(served) == 1
    served.put(served.page(6), index=6)
    assert asked(served)[1]
    assert queued(served) == 1  # it looks at what is drawn once it begins


def test_a_ranking_counts_until_something_else_is_drawn_and_what_is_left_of_it_until_the_next(
    served: Served,
) -> None:
    for index in (2, 10):
        served.put(served.page(5), index=index)
    asked(served)
    work(served, ranked(5, 8, 3, revision=2))
    assert asked(served) == ([5], False)
    assert queued(served) == 0
    strip = served.get("/scans/1/strip", params={"axis": 2}).json()["slices"]
    assert [index for index, each in enumerate(strip) if each["suggested"]] == [5]
    served.put(served.page(5), index=5)
    assert asked(served) == ([8], True)
    assert queued(served) == 1
    work(served, ranked(7, revision=3))
    assert asked(served) == ([7], False)


def test_the_strip_has_the_dice_of_rankings_alone_also_of_one_before_the_server_began(
    served: Served,
) -> None:
    def dice(axis: int = 2, client: TestClient = served.client) -> list[float | None]:
        found = client.get(API + "/scans/1/strip", params={"axis": axis})
        strip = found.json()["slices"]
        return [each["predicted_dice"] for each in strip]

    served.put(served.page(5), index=2)
    own = {"axis": 2, "dice": [0.9] * 12}
    save_answer(served.project, 1, labels=truth(), confidence=own, engine="auto", revision=1)
    assert dice() == [None] * 12
    asked(served)
    work(served, ranked(5, revision=1))
    assert dice() == [0.5] * 12
    assert set(dice(axis=0)) == {None}
    save_answer(served.project, 1, labels=truth(), confidence=own, engine="auto", revision=1)
    served.context.watcher.look()
    assert dice() == [0.5] * 12
    again = create_app(served.project, Settings(work=False))
    with TestClient(again, base_url=BASE) as client:
        assert dice(client=client) == [0.5] * 12


def test_a_ranking_that_was_overtaken_is_asked_for_anew(served: Served) -> None:
    served.put(served.page(5), index=2)
    asked(served)
    served.put(served.page(5), index=10)
    work(served, ranked(4, revision=1))
    assert asked(served) == ([4], True)
    assert queued(served) == 1
    work(served, ranked(6, revision=2))
    assert asked(served) == ([6], False)


def test_an_older_ranking_never_replaces_a_newer_one(served: Served) -> None:
    served.put(served.page(5), index=2)
    asked(served)
    asked(served, count=2)
    work(served, ranked(4, 5, 6, revision=1))
    work(served, ranked(9, revision=0))
    assert asked(served) == ([4], False)


def test_what_went_wrong_is_said_once_and_then_asked_anew(served: Served) -> None:
    served.put(served.page(5), index=2)
    asked(served)
    job = jobs.claim(served.project, "worker")
    assert job is not None
    jobs.fail(served.project, job.id, "The scan has moved.")
    found = served.get("/scans/1/suggestion", params=NOW)
    assert (found.status_code, found.json()["message"]) == (422, "The scan has moved.")
    assert asked(served)[1]
    assert queued(served) == 1


@pytest.mark.parametrize("wait", [-1, 61])
def test_a_wait_that_is_none_is_refused(served: Served, wait: int) -> None:
    assert served.get("/scans/1/suggestion", params={"wait": wait}).status_code == 422
