"""The worker processes of a server: started, spoken to, and started again if one ends."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread, Timer
from typing import TYPE_CHECKING, Any

from fewslice.errors import FewsliceError
from fewslice.project import jobs
from fewslice.project.database import Project, is_sqlite
from fewslice.server.work_kinds import CANCEL, POSTS, WAKE, Post

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

Heard = Callable[[tuple[Any, ...]], None]

_LOG = logging.getLogger("fewslice.server")
_PATIENCE = 5.0  # seconds a cancelled job gets to end by itself
_PAUSE = 1.0  # seconds before a worker that ended is started again
_GONE = "The process that did this ended unexpectedly, perhaps for lack of memory; start it again."


class Workers:
    """One process for what people wait for, one for the rest.

    heard: called with every message of a worker, see `fewslice.server.work_kinds`. enabled: False
    where jobs are left to others.
    """

    def __init__(self, project: Project, heard: Heard, *, enabled: bool = True) -> None:
        self._project, self._enabled = project, enabled
        self._stopped = Event()
        self._keepers = [_Keeper(project, post, heard, self._stopped) for post in POSTS]

    def start(self) -> None:
        """Start the processes; what ran when an earlier server ended is marked as interrupted."""
        if not self._enabled:
            return
        jobs.mark_interrupted(self._project)
        for keeper in self._keepers:
            keeper.start()

    def wake(self) -> None:
        """Say that there is work."""
        for keeper in self._keepers:
            keeper.send((WAKE,))

    def cancel(self, job: int) -> None:
        """Ask for a job to be given up; its process is ended if it does not do so soon."""
        for keeper in self._keepers:
            keeper.send((CANCEL, job))
        if self._enabled:
            timer = Timer(_PATIENCE, self._end, (job,))
            timer.daemon = True
            timer.start()

    def stop(self) -> None:
        """End the processes. Jobs under way are marked as interrupted."""
        self._stopped.set()
        for keeper in self._keepers:
            keeper.stop()
        if self._enabled:
            jobs.mark_interrupted(self._project)

    def _end(self, number: int) -> None:
        """End the process of a job that was cancelled and goes on all the same."""
        with suppress(FewsliceError):
            job = jobs.get_job(self._project, number)
            if job.state == jobs.RUNNING and job.cancelled:
                for keeper in self._keepers:
                    if keeper.post.name == job.worker:
                        keeper.end()


class _Keeper:
    """One process, and the thread that starts it and hears it."""

    def __init__(self, project: Project, post: Post, heard: Heard, stopped: Event) -> None:
        self.post = post
        self._project, self._heard, self._stopped = project, heard, stopped
        self._connection: Connection | None = None
        self._process: SpawnProcess | None = None
        self._lock = Lock()
        self._thread = Thread(target=self._run, name=f"fewslice-{post.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def send(self, message: tuple[Any, ...]) -> None:
        with self._lock, suppress(OSError, ValueError):  # a new process looks by itself
            if self._connection is not None:
                self._connection.send(message)

    def end(self) -> None:
        process = self._process
        if process is not None:
            process.kill()

    def stop(self) -> None:
        self.end()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            mine = self._started()
            self._listen(mine)
            self.end()
            if self._stopped.is_set():
                return
            _LOG.warning("the %s worker ended; it is started again", self.post.name)
            self._leave()
            self._stopped.wait(_PAUSE)

    def _started(self) -> Connection:
        from fewslice.server.worker import run_worker

        context = multiprocessing.get_context("spawn")
        mine, theirs = context.Pipe()
        place = (self._project.directory, _url(self._project), self.post, theirs)
        process = context.Process(
            target=run_worker, args=place, name=f"fewslice-{self.post.name}", daemon=True
        )
        process.start()
        theirs.close()  # else its end would never be noticed
        with self._lock:
            self._connection, self._process = mine, process
        if self._stopped.is_set():
            process.kill()
        return mine

    def _listen(self, connection: Connection) -> None:
        while True:
            try:
                self._heard(connection.recv())
            except (EOFError, OSError):
                return
            except FewsliceError as error:
                _LOG.warning("%s", error)

    def _leave(self) -> None:
        """Say how the jobs ended that the process leaves behind."""
        with suppress(FewsliceError):
            for job in jobs.list_jobs(self._project, states=(jobs.RUNNING,)):
                if job.worker == self.post.name:
                    ended = jobs.cancelled if job.cancelled else _failed
                    ended(self._project, job.id)


def _failed(project: Project, job: int) -> None:
    jobs.fail(project, job, _GONE)


def _url(project: Project) -> str | None:
    """Return the URL by which another process opens the project."""
    if is_sqlite(project.engine):
        return None
    return project.engine.url.render_as_string(hide_password=False)
