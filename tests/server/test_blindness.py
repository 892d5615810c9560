"""Who annotates a scan independently sees nothing of the others until all have handed it in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fewslice.project import jobs
from fewslice.project.answers import save_answer
from fewslice.project.people import add_person
from fewslice.project.tokens import give_token
from fewslice.server.routes import events
from tests.support.command_line import truth
from tests.support.sent_arrays import array_of
from tests.support.served_projects import API, PASSWORD, Served, with_accounts

Headers = dict[str, str]


@pytest.fixture
def people(served: Served) -> dict[str, Headers]:
    """Two annotators, a reviewer and an admin; the first annotator drew slice 6 and segmented."""
    found = with_accounts(served)
    other = add_person(served.project, "other", PASSWORD, "annotator").id
    found["other"] = {"Authorization": f"Bearer {give_token(served.project, other)}"}
    served.client.patch(f"{API}/scans/1", json={"independent": True}, headers=found["admin"])
    saved = served.put(served.page(6), index=6, headers=found["annotator"])
    assert saved.json()["revision"] == 1
    mine = served.get("/me", headers=found["annotator"]).json()["id"]
    save_answer(
        served.project,
        1,
        labels=truth(),
        uncertainty=np.zeros(truth().shape, np.float32),
        engine="auto",
        revision=1,
        annotator=mine,
    )
    early = np.stack([truth()[5]])
    served.context.watcher.look()
    served.context.relay.heard(("slices", 1, (1, mine), 0, 5, early), lambda: None)
    return found


def seen(served: Served, who: Headers) -> dict[str, Any]:
    """Return what somebody sees of the first annotator's work."""
    return {
        "slices": [each["index"] for each in served.get("/scans/1/slices", headers=who).json()],
        "slice": served.get("/scans/1/slices/2/6", headers=who).status_code,
        "history": len(served.get("/scans/1/history", headers=who).json()),
        "revision": served.get("/scans/1/revisions/1", headers=who).status_code,
        "answer": served.get("/scans/1/answer", headers=who).status_code,
        "uncertainty": served.get("/scans/1/uncertainty", headers=who).status_code,
        "preview": served.get("/scans/1/answer/slices/0/14", headers=who).status_code,
        "strip": {
            each["state"]
            for each in served.get("/scans/1/strip?axis=2", headers=who).json()["slices"]
        },
    }


def number(served: Served, who: Headers) -> int:
    found: int = served.get("/me", headers=who).json()["id"]
    return found


def test_nothing_of_another_ones_work_can_be_seen(
    served: Served, people: dict[str, Headers]
) -> None:
    assert seen(served, people["other"]) == {
        "slices": [],
        "slice": 404,
        "history": 0,
        "revision": 403,
        "answer": 404,
        "uncertainty": 404,
        "preview": 404,
        "strip": {"none"},
    }
    assert seen(served, people["annotator"]) == {
        "slices": [6],
        "slice": 200,
        "history": 1,
        "revision": 200,
        "answer": 200,
        "uncertainty": 200,
        "preview": 200,
        "strip": {"human", "engine"},
    }


@pytest.mark.parametrize("path", ["slices", "answer", "uncertainty", "answer/slices/2/6"])
def test_to_ask_for_another_ones_is_refused(
    served: Served, people: dict[str, Headers], path: str
) -> None:
    theirs = {"annotator": number(served, people["annotator"])}
    refused = served.get(f"/scans/1/{path}", params=theirs, headers=people["other"])
    assert refused.status_code == 403
    assert "can be seen once all have handed it in" in refused.json()["message"]
    for who in ("reviewer", "admin"):
        found = served.get(f"/scans/1/{path}", params=theirs, headers=people[who])
        assert found.status_code == 200


def test_what_others_save_counts_for_them_alone(served: Served, people: dict[str, Headers]) -> None:
    other = people["other"]
    served.put(served.page(3), index=6, headers=other)
    own = array_of(served.get("/scans/1/slices/2/6", headers=other))
    np.testing.assert_array_equal(own, served.page(3))
    first = array_of(served.get("/scans/1/slices/2/6", headers=people["annotator"]))
    np.testing.assert_array_equal(first, served.page(6))


def test_what_jobs_found_is_kept_back(served: Served, people: dict[str, Headers]) -> None:
    job = served.post("/scans/1/segment", headers=people["annotator"]).json()["job"]
    jobs.finish(served.project, job, {"answer": 1})
    shown = {
        who: served.get(f"/jobs/{job}", headers=people[who]).json()["result"]
        for who in ("annotator", "other", "reviewer")
    }
    assert shown == {"annotator": {"answer": 1}, "other": None, "reviewer": {"answer": 1}}
    (listed,) = served.get("/jobs", headers=people["other"]).json()
    assert listed["result"] is None


def test_events_tell_of_it_whom_they_may(served: Served, people: dict[str, Headers]) -> None:
    told = [each for each in served.context.hub._since(0) if each.annotator is not None]
    assert {each.kind for each in told} == {"saved", "answer", "slices"}
    ids = {who: number(served, headers) for who, headers in people.items()}
    assert {each.annotator for each in told} == {ids["annotator"]}
    heard = {
        who: [each.kind for each in told if events.may_hear(each, ids[who], role)]
        for who, role in (("annotator", "annotator"), ("other", "annotator"), ("admin", "admin"))
    }
    assert heard["annotator"] == heard["admin"] == ["saved", "answer", "slices"]
    assert heard["other"] == []


def test_once_all_have_handed_it_in_each_sees_the_others(
    served: Served, people: dict[str, Headers]
) -> None:
    first, other = people["annotator"], people["other"]
    theirs = {"annotator": number(served, first)}

    def refused() -> bool:
        found = served.get("/scans/1/slices", params=theirs, headers=other)
        return bool(found.status_code == 403)

    assert served.post("/scans/1/submit", headers=first).status_code == 200
    assert refused()  # the other one has not begun
    served.put(served.page(6), index=6, headers=other)
    assert refused()
    assert served.post("/scans/1/submit", headers=other).status_code == 200
    assert not refused()
    assert len(served.get("/scans/1/history", headers=other).json()) == 2
    served.put(served.page(5), index=5, headers=first)  # not done after all
    assert refused()
    served.post("/scans/1/submit", headers=first)
    assert not refused()
    served.post("/scans/1/return", {"remark": "Look again."}, headers=people["reviewer"])
    assert refused()


def test_the_queue_gives_a_scan_to_whoever_has_not_handed_it_in(
    served: Served, people: dict[str, Headers]
) -> None:
    served.post("/scans/1/submit", headers=people["annotator"])
    assert served.get("/queue", headers=people["annotator"]).json()["scan"] is None
    assert served.get("/queue", headers=people["other"]).json()["scan"] == 1
