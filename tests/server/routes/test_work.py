"""Jobs, training and models, asked for over HTTP."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fewslice.project import jobs
from fewslice.project.adding import add_scan
from fewslice.training import store
from fewslice.training.choice import Choice
from fewslice.workflow.project_support import model_folder
from tests.support.random_models import random_model
from tests.support.served_projects import Served, with_accounts


def test_a_waiting_job_is_cancelled_at_once(served: Served) -> None:
    job = served.post("/scans/1/segment").json()["job"]
    found = served.get(f"/jobs/{job}").json()
    assert (found["kind"], found["state"], found["scan"], found["by"]) == (
        "segment",
        "queued",
        1,
        "local",
    )
    assert served.post(f"/jobs/{job}/cancel").json()["state"] == "cancelled"
    assert [each["id"] for each in served.get("/jobs").json()] == [job]
    assert served.get("/jobs/99").status_code == 404


def test_a_job_that_failed_says_why(served: Served) -> None:
    job = served.post("/scans/1/segment").json()["job"]
    jobs.fail(served.project, job, "It was too hard.")
    found = served.get(f"/jobs/{job}").json()
    assert (found["message"], found["text"]) == ("It was too hard.", "")


def test_one_training_runs_at_a_time(served: Served) -> None:
    first = served.post("/train", {"seconds": 5}).json()["job"]
    assert served.post("/train").json()["job"] == first
    assert jobs.get_job(served.project, first).payload == {"seconds": 5}
    jobs.cancel(served.project, first)
    assert served.post("/train").json()["job"] != first


@pytest.mark.slow
def test_enough_new_slices_start_a_training(served: Served, tmp_path: Path) -> None:
    other = shutil.copy(tmp_path / "scan.nii.gz", tmp_path / "other.nii.gz")
    add_scan(served.project, other, by=1)
    for index in range(9):
        served.put(served.page(index), index=index)
    served.post("/scans/1/submit")
    assert served.get("/jobs").json() == []  # nine slices of one scan
    served.post("/scans/2/slices/2/5/mark", {"mark": "absent"})
    served.post("/scans/2/submit")
    assert [each["kind"] for each in served.get("/jobs").json()] == ["train"]


def test_models_are_listed_and_an_earlier_one_is_put_back(served: Served) -> None:
    assert served.get("/models").json() == []
    folder = model_folder(served.project)
    for score, before in ((0.5, None), (0.75, 0.5), (0.625, 0.75)):
        facts = {"score": score, "before": before, "trained_slices": 12, "trained_scans": 3}
        number = store.save_version(folder, random_model(), facts, [(1, 0.5)])
        store.promote(folder, number)
    found = served.get("/models").json()
    assert [each["promoted"] for each in found] == [False, False, True]
    assert [each["verdict"] for each in found] == [
        "Dice 0.500 on held-out slices; it was the first.",
        "Dice 0.750 on held-out slices, better than the one before it (0.500).",
        "Dice 0.625 on held-out slices, no better than the one before it (0.750). It is in use.",
    ]
    again = served.post("/models/2/activate").json()
    assert [each["promoted"] for each in again] == [False, True, False]
    assert served.post("/models/9/activate").status_code == 404
    curve = served.get("/project").json()["progress"]["curve"]
    assert curve[1] == {"version": 2, "slices": 12, "scans": 3, "dice": 0.75}


def test_the_verdict_says_who_answers(served: Served) -> None:
    choice = Choice("mean", {"model": 0.5, "support": 0.625, "mean": 0.75}, 2)
    folder = model_folder(served.project)
    facts = {"score": 0.75, "before": None, "trained_slices": 12, "trained_scans": 3}
    store.promote(folder, store.save_version(folder, random_model(), facts, [], choice))
    assert served.get("/models").json()[0]["verdict"] == (
        "Dice 0.750 on held-out slices; it was the first. The mean of the network and of the scans "
        "it was trained on answers: Dice on 2 held-out scans: model 0.500, support 0.625, mean "
        "0.750. It is in use."
    )


def test_structures_are_added_and_changed(served: Served) -> None:
    made = served.post("/structures", {"name": "spleen"}).json()
    assert (made["value"], made["locked"]) == (3, False)
    changed = {"name": "liver", "colour": "#102030", "locked": True}
    assert served.client.put("/api/v1/structures/3", json=changed).json() == {
        **changed,
        "value": 3,
    }
    assert served.client.put("/api/v1/structures/9", json=changed).status_code == 404
    taken = served.post("/structures", {"name": "ball"})
    assert taken.status_code == 422
    colour = served.post("/structures", {"name": "x", "colour": "red"})
    assert colour.status_code == 422
    assert colour.json()["message"].startswith("colour does not fit: ")


def test_people_are_added_by_an_admin(served: Served) -> None:
    people = with_accounts(served)
    body = {"name": "eve", "password": "long enough", "role": "reviewer"}
    made = served.post("/people", body, headers=people["admin"])
    assert made.status_code == 201
    assert served.post("/login", {"name": "eve", "password": "long enough"}).status_code == 200
    names = [each["name"] for each in served.get("/people", headers=people["annotator"]).json()]
    assert names == ["local", "admin", "annotator", "reviewer", "eve"]
    assert served.post("/people", body, headers=people["admin"]).status_code == 422


def test_logging_out_ends_the_session_of_a_browser(served: Served) -> None:
    with_accounts(served)
    served.post("/login", {"name": "annotator", "password": "correct horse"})
    assert served.get("/me").json()["role"] == "annotator"
    assert served.post("/logout").status_code == 204
    assert served.get("/me").status_code == 401
