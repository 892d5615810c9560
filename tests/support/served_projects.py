"""A small project behind its server, and people who ask it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi import FastAPI
from starlette.testclient import TestClient

from fewslice.project.adding import add_scan
from fewslice.project.database import Project
from fewslice.project.people import add_person
from fewslice.project.scans import ScanRow
from fewslice.project.tokens import give_token
from fewslice.server.app import create_app
from fewslice.server.arrays import pack
from fewslice.server.context import Context
from fewslice.server.ras import RasView
from fewslice.server.settings import Settings
from fewslice.server.work_kinds import POSTS
from fewslice.server.worker import Worker
from tests.support.command_line import truth
from tests.support.new_projects import new_project
from tests.support.projects import STRUCTURES, scan_file

API = "/api/v1"
BASE = "http://127.0.0.1:8000"
ROLES = ("admin", "annotator", "reviewer")
PASSWORD = "correct horse"  # noqa: S105 - of people in tests


@dataclass(frozen=True)
class Served:
    """A project with one scan (x runs to the left), its application, and a client of it."""

    project: Project
    app: FastAPI
    client: TestClient
    scan: ScanRow

    @property
    def context(self) -> Context:
        found: Context = self.app.state.context
        return found

    @property
    def view(self) -> RasView:
        return RasView.of_affine(self.scan.shape, self.scan.affine)

    def page(self, index: int) -> npt.NDArray[np.uint8]:
        """Return the true ball on a slice across the page's axis 2."""
        whole: npt.NDArray[np.uint8] = self.view.volume_to_page(truth())
        return whole[:, :, index].copy()

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(API + path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.client.post(API + path, json={} if body is None else body, **options)

    def put(
        self,
        labels: npt.NDArray[Any],
        axis: int = 2,
        index: int = 6,
        *,
        headers: dict[str, str] | None = None,
        **named: str,
    ) -> Any:
        """Save a slice. named: headers with underscores, such as X_Parent."""
        packed = pack(labels)
        sent = {**packed.headers, **(headers or {})}
        sent |= {name.replace("_", "-"): value for name, value in named.items()}
        path = f"{API}/scans/{self.scan.id}/slices/{axis}/{index}"
        return self.client.put(path, content=packed.body, headers=sent)


@contextmanager
def served_project(
    folder: Path, settings: Settings | None = None, url: str | None = None
) -> Iterator[Served]:
    """Serve a new project. Its jobs are left alone, unless `working` does them.

    url: of an empty database, None for SQLite.
    """
    project = new_project(folder / "project", name="Balls", structures=STRUCTURES, url=url)
    by = add_person(project, "local", None, "admin").id
    scan = add_scan(project, scan_file(folder / "scan.nii.gz"), by=by)
    app = create_app(project, settings or Settings(work=False))
    with TestClient(app, base_url=BASE, headers={"X-Fewslice": "1"}) as client:
        yield Served(project, app, client, scan)
    project.engine.dispose()


def with_accounts(served: Served) -> dict[str, dict[str, str]]:
    """Give the project accounts, one a role, and return the headers by which each asks."""
    return {role: {"Authorization": f"Bearer {_token(served.project, role)}"} for role in ROLES}


def _token(project: Project, role: str) -> str:
    return give_token(project, add_person(project, role, PASSWORD, role).id)


@contextmanager
def working(served: Served) -> Iterator[None]:
    """Do the jobs of a project in threads of this process, as its workers do them."""
    stopped = Event()
    context = served.context

    def heard(message: tuple[Any, ...]) -> None:
        context.relay.heard(message, context.watcher.wake)

    workers = [Worker(served.project, post, heard) for post in POSTS]
    threads = [Thread(target=_work, args=(worker, stopped)) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for worker, thread in zip(workers, threads, strict=True):
            worker.wake()
            thread.join()


def _work(worker: Worker, stopped: Event) -> None:
    while not stopped.is_set():
        if not worker.work():
            stopped.wait(0.02)
