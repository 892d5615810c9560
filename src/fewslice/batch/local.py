"""Jobs in processes of this computer, through loky.

loky's processes start from scratch, so that a program that uses them needs no
``if __name__ == "__main__"``, and functions of the script that is being run can be jobs.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from typing import TYPE_CHECKING

import cloudpickle

from fewslice._version import __version__
from fewslice.batch.job import DEADLY, Function, Job, Outcome, perform, unexpected
from fewslice.errors import FewsliceError
from fewslice.processors import available_processors

if TYPE_CHECKING:
    from loky import ProcessPoolExecutor

_IDLE = 60.0  # seconds after which a process without work ends, also one whose program was killed
_PATIENCE = 5.0  # seconds that a thread gets to end once its queue is closed

THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""What the numerical libraries read when they are loaded."""

_LEAK = "LOKY_MAX_MEMORY_LEAK_SIZE"
_GROWTH = "2e9"
"""Bytes by which a process may grow before loky warns of a leak and replaces it.

Its own limit, 3e8, is less than what the libraries take that a first job loads.
"""


def on_processes(function: Function, jobs: Iterator[Job], workers: int) -> Iterator[Outcome]:
    """Do the jobs, then once more, one at a time, those whose process was lost.

    Several together may need more memory than there is; alone, each can only be blamed for itself.
    The numerical libraries of each process get an even share of the processors. On leaving, all
    processes end. Raises FewsliceError if they cannot be started.
    """
    lost: list[Job] = []
    with closing(_finished(function, jobs, workers)) as finished:
        for job, outcome in finished:
            if outcome is None:
                lost.append(job)
            else:
                yield outcome
    with closing(_finished(function, iter(lost), 1)) as finished:
        for job, outcome in finished:
            yield outcome or Outcome(job.key, failure=DEADLY)


def _finished(
    function: Function, jobs: Iterator[Job], workers: int
) -> Generator[tuple[Job, Outcome | None], None, None]:
    """Yield each job with its outcome; with None if its process was lost."""
    team = [_Worker(workers) for _ in range(workers)]
    running: dict[Future[bytes], tuple[_Worker, Job]] = {}
    try:
        for worker, job in zip(team, jobs, strict=False):
            running[worker.give(function, job)] = (worker, job)
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                worker, job = running.pop(future)
                outcome = worker.outcome(job, future)
                for another in jobs:
                    running[worker.give(function, another)] = (worker, another)
                    break
                yield job, outcome
    finally:
        for worker in team:
            worker.end()


class _Worker:
    """One process, replaced when it is lost: an executor of its own, so that no other is."""

    def __init__(self, workers: int) -> None:
        self._share = str(max(1, available_processors() // workers))
        self._executor: ProcessPoolExecutor | None = None
        self._feeders: list[threading.Thread] = []

    def give(self, function: Function, job: Job) -> Future[bytes]:
        """Give it its next job. Raises FewsliceError if there is no starting the process."""
        try:
            call = cloudpickle.dumps((function, job))
        except Exception as error:  # noqa: BLE001 - one job's failure must not end the others
            failed: Future[bytes] = Future()
            failed.set_exception(error)
            return failed
        self._executor = self._executor or self._started()
        future: Future[bytes] = self._executor.submit(_answer, job.key, call)
        return future

    def outcome(self, job: Job, future: Future[bytes]) -> Outcome | None:
        """Return what became of a job; None if the process was lost with it."""
        from loky.process_executor import BrokenProcessPool

        try:
            outcome: Outcome = pickle.loads(future.result())  # noqa: S301 - our own process
        except BrokenProcessPool:
            self.end()
            return None
        except Exception as error:  # noqa: BLE001 - one job's failure must not end the others
            return unexpected(job.key, error)
        return outcome

    def end(self) -> None:
        """End the process, whatever it is at, and the threads that served it."""
        if self._executor is not None:
            self._shut(self._executor)
        self._executor = None

    def _shut(self, executor: ProcessPoolExecutor) -> None:
        executor.shutdown(wait=True, kill_workers=True)
        # loky leaves the thread that feeds a queue to itself. The last thing it does is to remove
        # the queue's semaphores; a program that ends meanwhile leaves them half removed.
        while self._feeders:
            self._feeders.pop().join(_PATIENCE)

    def _started(self) -> ProcessPoolExecutor:
        from loky import ProcessPoolExecutor
        from loky.process_executor import BrokenProcessPool

        before = set(threading.enumerate())
        executor = ProcessPoolExecutor(
            max_workers=1,
            timeout=_IDLE,
            env=dict.fromkeys(THREAD_LIMITS, self._share) | {_LEAK: os.environ.get(_LEAK, _GROWTH)},
            initializer=_settle,
        )
        first = executor.submit(os.getpid)
        wait([first])
        self._feeders = [
            thread
            for thread in threading.enumerate()
            if thread.name == "QueueFeederThread" and thread not in before
        ]
        try:
            first.result()
        except BrokenProcessPool:
            self._shut(executor)
            raise FewsliceError(
                "The worker processes could not be started (each ended at once); use --workers 1 "
                "to work in one process."
            ) from None
        return executor


def _settle() -> None:
    """Make a new process leave Ctrl-C and the terminal to the program that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


def _answer(key: str, call: bytes) -> bytes:
    """Do a job in a worker. A pickle in, a pickle out: what cannot be unpacked fails alone."""
    try:
        function, job = pickle.loads(call)  # noqa: S301 - from our own process
        answer: bytes = cloudpickle.dumps(perform(function, job, __version__))
    except Exception as error:  # noqa: BLE001 - one job's failure must not end the others
        answer = cloudpickle.dumps(unexpected(key, error))
    return answer
