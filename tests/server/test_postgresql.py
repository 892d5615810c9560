"""What matters most of the server, on PostgreSQL; everything else is tested on SQLite alone."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx2
import numpy as np
import pytest

from fewslice.project import jobs
from fewslice.project.opening import open_project
from fewslice.project.revisions import history, revision_labels
from fewslice.server.arrays import pack
from tests.support.postgres import PostgresServer
from tests.support.running_server import running_server
from tests.support.sent_arrays import array_of
from tests.support.served_projects import Served, served_project, with_accounts, working

pytestmark = pytest.mark.slow

SAVES, KILLED_AFTER = 60, 25


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
def served(tmp_path: Path, url: str) -> Iterator[Served]:
    with served_project(tmp_path, url=url) as found:
        yield found


def test_slices_are_saved_once_taken_back_and_in_conflict(served: Served) -> None:
    first = served.put(served.page(6), X_Client_Key="a").json()
    assert served.put(served.page(6), X_Client_Key="a").json() == first
    second = served.put(served.page(5), X_Parent=str(first["revision"])).json()
    np.testing.assert_array_equal(array_of(served.get("/scans/1/slices/2/6")), served.page(5))
    assert served.post("/scans/1/undo").json()["index"] == 6
    np.testing.assert_array_equal(array_of(served.get("/scans/1/slices/2/6")), served.page(6))
    people = with_accounts(served)
    theirs = served.put(
        served.page(4), X_Parent=str(second["revision"]), headers=people["annotator"]
    ).json()
    assert theirs["conflict"]["person"] == "local"
    (open_one,) = served.get("/scans/1/conflicts", headers=people["annotator"]).json()
    assert open_one["revision"] == theirs["revision"]


def test_a_scan_is_open_for_one_person(served: Served) -> None:
    people = with_accounts(served)
    assert served.post("/scans/1/lease", headers=people["annotator"]).status_code == 200
    assert served.post("/scans/1/lease", headers=people["reviewer"]).status_code == 409
    taken = served.post("/scans/1/lease", {"force": True}, headers=people["reviewer"])
    assert taken.json()["person"] == "reviewer"


def test_jobs_are_done_told_and_queued_once(served: Served) -> None:
    found = served.get("/scans/1/suggestion", params={"wait": 0}).json()
    assert found["provisional"]
    served.get("/scans/1/suggestion", params={"wait": 0})
    assert len(jobs.list_jobs(served.project, states=(jobs.QUEUED,))) == 1
    with working(served):
        ranked = served.get("/scans/1/suggestion", params={"wait": 60}).json()
    assert not ranked["provisional"]
    states = [each.data["state"] for each in served.context.hub._since(0) if each.kind == "job"]
    assert (states[0], states[-1]) == ("queued", "finished")


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, url: str) -> None:
    with served_project(tmp_path, url=url) as served:
        directory = served.project.directory
    acknowledged: dict[int, int] = {}
    with running_server(directory, "--database", url, works=False) as server:
        for number in range(SAVES):
            if number == KILLED_AFTER:
                killer = Thread(target=server.kill)
                killer.start()
            packed = pack(labels_of(number))
            headers = {**packed.headers, "X-Client-Key": f"save-{number}"}
            path = f"/scans/1/slices/2/{number % 12}"
            try:
                answer = server.client.put(path, content=packed.body, headers=headers)
            except httpx2.TransportError:
                break
            acknowledged[number] = answer.json()["revision"]
        killer.join()
    assert len(acknowledged) >= KILLED_AFTER
    with running_server(directory, "--database", url, works=False) as server:
        last = server.client.get(f"/scans/1/revisions/{max(acknowledged.values())}")
        assert zlib.decompress(last.content) == labels_of(max(acknowledged)).tobytes()
    project = open_project(directory, url)
    kept = {each.id: each for each in history(project, 1)}
    for number, revision in acknowledged.items():
        stored = revision_labels(project, kept[revision])
        assert stored is not None
        np.testing.assert_array_equal(stored[::-1], labels_of(number))  # x runs to the left
    project.engine.dispose()


def labels_of(number: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return labels that only this save has."""
    return np.random.default_rng(number).integers(0, 3, (20, 18), dtype=np.uint8)
