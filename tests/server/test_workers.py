"""Processes: they do jobs, are started again if they end, and end with the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fewslice.project import jobs
from fewslice.project.opening import open_project
from tests.support.running_server import RunningServer, running_server
from tests.support.served_projects import served_project

pytestmark = pytest.mark.slow


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    with served_project(tmp_path) as served:
        return served.project.directory


def until(found: Callable[[], object]) -> None:
    """Wait until something is so; a test that waits for ever is ended from outside."""
    while not found():
        time.sleep(0.05)


def family(server: RunningServer) -> list[psutil.Process]:
    """Return the worker processes."""
    children = psutil.Process(server.process.pid).children(recursive=True)
    return [each for each in children if "spawn_main" in _command(each)]


def test_a_worker_that_is_killed_is_replaced_and_its_server_takes_it_along(
    directory: Path,
) -> None:
    with running_server(directory) as server:
        until(lambda: len(family(server)) == 2)
        first = family(server)
        for each in first:
            each.kill()
        until(lambda: len(family(server)) == 2 and not set(first) & set(family(server)))
        # The new one works: nothing is drawn, so a first slice is named.
        asked = server.client.get("/scans/1/suggestion")
        assert asked.status_code == 200
        assert asked.json()["slices"][0]["index"] == 6
        second = family(server)
        server.kill()
        until(lambda: not any(each.is_running() and _works(each) for each in second))


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # zombies as well
        return ""


def _works(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_job_of_a_server_that_was_killed_is_interrupted(directory: Path) -> None:
    project = open_project(directory)
    job = jobs.enqueue(project, "segment", 1, by=1).id
    jobs.claim(project, "interactive")
    with running_server(directory) as server:
        found = server.client.get(f"/jobs/{job}").json()
        assert found["state"] == "interrupted"
        assert "start it again" in found["message"]


def test_a_project_has_one_server(directory: Path) -> None:
    with (
        running_server(directory, works=False),
        pytest.raises(AssertionError),
        running_server(directory, works=False),
    ):
        pass


def test_events_go_on_after_a_lost_connection(directory: Path) -> None:
    with running_server(directory, works=False) as server:
        with server.client.stream("GET", "/events") as stream:
            lines = stream.iter_lines()
            server.client.post("/scans/1/slices/0/1/mark", json={"mark": "absent"})
            identifier = next(line for line in lines if line.startswith("id: "))[4:]
        server.client.post("/scans/1/slices/0/2/mark", json={"mark": "absent"})
        headers = {"Last-Event-ID": identifier}
        with server.client.stream("GET", "/events", headers=headers) as stream:
            lines = stream.iter_lines()
            data = next(line for line in lines if line.startswith("data: "))
            assert '"axis": 0, "index": 2' in data
        headers = {"Last-Event-ID": "of-another-server"}
        with server.client.stream("GET", "/events", headers=headers) as stream:
            assert "event: reset" in list(_first(stream.iter_lines(), 2))


def _first(lines: object, count: int) -> list[str]:
    return [next(lines) for _ in range(count)]  # type: ignore[call-overload]
