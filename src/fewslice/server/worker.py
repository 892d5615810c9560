"""A worker process: takes jobs from the project's table, does them, and says how far it is.

It is started by `fewslice.server.workers` and ends with the server, since the pipe between them is
closed then. What it learns by that pipe only saves time: the table of jobs decides.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from fewslice.errors import FewsliceError
from fewslice.project import jobs
from fewslice.project.database import Project
from fewslice.project.jobs import Job
from fewslice.project.opening import open_project
from fewslice.segmentation.preview import AnsweredSlices
from fewslice.server.housekeeping import Housekeeping
from fewslice.server.work_kinds import (
    CANCEL,
    CHANGED,
    RANK,
    RUNNERS_UP,
    SEGMENT,
    SLICES,
    SUGGEST,
    TRAIN,
    Post,
)
from fewslice.workflow.project_queue import rank_project
from fewslice.workflow.project_segment import segment_scan
from fewslice.workflow.project_sessions import SessionPool
from fewslice.workflow.project_suggest import suggest_scan, suggestion_result
from fewslice.workflow.project_train import train_project
from fewslice.workflow.session import CancelledError

_LOG = logging.getLogger("fewslice.worker")
_LOOK_AFTER = 1.0  # seconds without being woken
_FINER = 0.02  # progress that is worth a line in the database
_HEARTBEAT = 10.0  # seconds
_HELP_AFTER = timedelta(seconds=5)  # that jobs wait before another worker takes them


def run_worker(directory: Path, url: str | None, post: Post, connection: Connection) -> None:
    """Do jobs until the server ends. The body of a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends us
    os.nice(post.nice)
    _log_to_stderr()
    worker = Worker(open_project(directory, url), post, connection.send)
    Thread(target=_listen, args=(connection, worker), daemon=True).start()
    while True:
        if not worker.work():
            worker.wait()


def _log_to_stderr() -> None:
    """Show what this process says in passing, too: by itself logging shows only warnings."""
    log = logging.getLogger("fewslice")
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)


def _listen(connection: Connection, worker: Worker) -> None:
    """Hear the server. Without it there is nothing to do: jobs are marked when it starts again."""
    while True:
        try:
            word, *rest = connection.recv()
        except (EOFError, OSError):
            os._exit(0)
        if word == CANCEL:
            worker.cancel(rest[0])
        worker.wake()


@dataclass(eq=False)
class Worker:
    """One worker. tell: sends a message to the server."""

    project: Project
    post: Post
    tell: Callable[[tuple[Any, ...]], None]
    pool: SessionPool = field(init=False)
    _housekeeping: Housekeeping = field(init=False)
    _wake: Event = field(default_factory=Event)
    _cancelled: set[int] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)
    _last: str | None = None  # kind of the last job

    def __post_init__(self) -> None:
        self.pool = SessionPool(self.project)
        self._housekeeping = Housekeeping(self.project)

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def wait(self) -> None:
        """Wait until there may be work."""
        self._wake.wait(_LOOK_AFTER)
        self._wake.clear()

    def cancel(self, job: int) -> None:
        """Give a job up at its next step."""
        with self._lock:
            self._cancelled.add(job)

    def work(self) -> bool:
        """Do one job; False if there is none, which is the moment for housekeeping."""
        try:
            job = self._claimed()
        except FewsliceError as error:  # such as a database that is restarted
            _LOG.warning("%s", error)
            return False
        if job is None:
            if self.post.tidies:
                self._housekeeping.tidy_if_due()
            return False
        self._changed()
        try:
            self._end(job)
        except FewsliceError as error:
            _LOG.warning("%s", error)
        self._changed()
        return True

    def _claimed(self) -> Job | None:
        """Return the oldest job of a kind; kinds take turns, so that none waits for ever."""
        for kind in sorted(self.post.kinds, key=lambda kind: kind == self._last):
            job = jobs.claim(self.project, self.post.name, (kind,))
            if job is not None:
                self._last = kind
                return job
        self._last = None
        for kind in self.post.helps:
            job = jobs.claim(self.project, self.post.name, (kind,), waited=_HELP_AFTER)
            if job is not None:
                return job
        return None

    def _end(self, job: Job) -> None:
        """Do a job and say how it ended."""
        alive = Event()
        Thread(target=self._beat, args=(job.id, alive), daemon=True).start()
        try:
            jobs.finish(self.project, job.id, self._result(job))
        except CancelledError:
            jobs.cancelled(self.project, job.id)
        except FewsliceError as error:
            jobs.fail(self.project, job.id, str(error))
        except MemoryError:
            jobs.fail(
                self.project, job.id, "The scan does not fit into memory; close other programs."
            )
        except Exception:  # noqa: BLE001 - one job must not end the worker
            _LOG.exception("job %d failed", job.id)
            jobs.fail(
                self.project,
                job.id,
                "The job failed; the server's log says more: please report it.",
            )
        finally:
            alive.set()

    def _result(self, job: Job) -> Any:
        step = _Step(self, job)
        if job.kind == SEGMENT:
            return self._segment(job, step)
        if job.kind == SUGGEST:
            assert job.scan_id is not None  # noqa: S101 - the route put it there
            count = int(job.payload.get("count", 1)) + RUNNERS_UP
            found = suggest_scan(self.pool, job.scan_id, count, job.payload.get("annotator"))
            return suggestion_result(found)
        if job.kind == TRAIN:
            return self._train(job, step)
        return {"ranked": rank_project(self.project, step.say, job.payload.get("strategy"))}

    def _segment(self, job: Job, step: _Step) -> Any:
        assert job.scan_id is not None  # noqa: S101 - the route put it there
        near = job.payload.get("near")
        answer = segment_scan(
            self.pool,
            job.scan_id,
            annotator=job.payload.get("annotator"),
            near=None if near is None else (int(near[0]), int(near[1])),
            engine=job.payload.get("engine"),
            progress=step,
            on_slices=lambda slices: self._show(job, slices),
        )
        return {**asdict(answer), "remarks": list(answer.remarks)}

    def _show(self, job: Job, slices: AnsweredSlices) -> None:
        """Send the slices that come before the answer; those of the answer are stored with it."""
        if not slices.final:
            whose = (job.scan_id, job.payload.get("annotator"))
            self.tell((SLICES, job.id, whose, slices.axis, slices.first, slices.labels))

    def _train(self, job: Job, step: _Step) -> Any:
        from fewslice.training.scan import TaskSettings
        from fewslice.workflow.training_task import TrainSettings

        seconds = float(job.payload.get("seconds", TaskSettings().seconds))
        steps = job.payload.get("steps")
        settings = TrainSettings(TaskSettings(seconds=seconds, steps=steps))
        outcome = train_project(
            self.project, settings, report=step.say, stop=lambda: self.given_up(job.id)
        )
        if not outcome.finished:
            raise CancelledError("The training was cancelled; it goes on where it was.")
        if outcome.promoted:
            jobs.enqueue(self.project, RANK, by=job.person_id)
            self.wake()
        return {
            "version": outcome.version,
            "promoted": outcome.promoted,
            "score": outcome.score,
            "before": outcome.before,
            "held_out": outcome.held_out,
            "steps": outcome.steps,
            "remarks": [*outcome.skipped, *map(str, outcome.remarks)],
        }

    def given_up(self, job: int) -> bool:
        """Whether a job was cancelled."""
        with self._lock:
            return job in self._cancelled

    def say(self, job: int, fraction: float, words: str) -> None:
        """Say how far a job is."""
        if not jobs.progress(self.project, job, fraction, words):
            self.cancel(job)
        self._changed()

    def _beat(self, job: int, ended: Event) -> None:
        """Say now and then that the worker is alive, and hear whether the job was cancelled."""
        while not ended.wait(_HEARTBEAT):
            try:
                if not jobs.heartbeat(self.project, job):
                    self.cancel(job)
            except FewsliceError as error:
                _LOG.warning("%s", error)

    def _changed(self) -> None:
        self.tell((CHANGED,))


class _Step:
    """Progress of one job: says it where it has moved on, and ends the job if it was cancelled."""

    def __init__(self, worker: Worker, job: Job) -> None:
        self._worker, self._job, self._said = worker, job.id, 0.0

    def __call__(self, fraction: float) -> None:
        self.say(fraction, "")
        if self._worker.given_up(self._job):
            raise CancelledError("The job was cancelled.")

    def say(self, fraction: float, words: str) -> None:
        if fraction - self._said >= _FINER:
            self._said = fraction
            self._worker.say(self._job, fraction, words)
