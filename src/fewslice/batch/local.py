"""Jobs in processes of this computer.

Each process is a program of its own (`worker`), so that a program that uses them needs no
``if __name__ == "__main__"``, and Ctrl-C reaches only that program.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from fewslice.batch.job import DEADLY, Function, Job, Outcome, unexpected
from fewslice.batch.worker import READY, pack, receive, send
from fewslice.errors import FewsliceError
from fewslice.processors import available_processors

_MOST_STARTS = 3  # of a process that ends before it has said anything

THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""What the numerical libraries read when they are loaded."""

_Answer = tuple["_Worker", Job, Outcome | FewsliceError | None]


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
    answers: SimpleQueue[_Answer] = SimpleQueue()
    with _started(function, workers, answers) as team:
        busy = 0
        for worker, job in zip(team, islice(jobs, workers), strict=False):
            worker.give(job)
            busy += 1
        while busy:
            worker, job, outcome = answers.get()
            busy -= 1
            for another in islice(jobs, 1):
                worker.give(another)
                busy += 1
            if isinstance(outcome, FewsliceError):
                raise outcome
            yield job, outcome


@contextmanager
def _started(
    function: Function, workers: int, answers: SimpleQueue[_Answer]
) -> Iterator[list[_Worker]]:
    with TemporaryDirectory(prefix="fewslice-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "workers.log"
        team = [_Worker(function, workers, log, answers) for _ in range(workers)]
        try:
            for worker in team:
                worker.start()
            yield team
        finally:
            for worker in team:
                worker.end()


class _Worker(threading.Thread):
    """Does one job after the other in a process, and starts another when that is lost."""

    def __init__(
        self, function: Function, workers: int, log: Path, answers: SimpleQueue[_Answer]
    ) -> None:
        super().__init__(daemon=True)
        self._function, self._workers, self._log = function, workers, log
        self._given: SimpleQueue[Job | None] = SimpleQueue()
        self._answers = answers
        self._lock = threading.Lock()
        self._ending = False
        self._process: subprocess.Popen[bytes] | None = None

    def give(self, job: Job) -> None:
        """Give it its next job."""
        self._given.put(job)

    def run(self) -> None:
        while (job := self._given.get()) is not None:
            self._answers.put((self, job, self._attempt(job)))
        self._drop()

    def end(self) -> None:
        """End the process, whatever it is at."""
        with self._lock:
            self._ending = True
            if self._process is not None:
                self._process.kill()
        self._given.put(None)
        self.join()

    def _attempt(self, job: Job) -> Outcome | FewsliceError | None:
        try:
            outcome: Outcome = pickle.loads(self._asked(job))  # noqa: S301 - our own process
        except EOFError:
            self._drop()
            return None
        except FewsliceError as error:
            return error
        except Exception as error:  # noqa: BLE001 - one job's failure must not end the others
            return unexpected(job.key, error)
        return outcome

    def _asked(self, job: Job) -> bytes:
        """Return the process's answer. Raises EOFError if it was lost."""
        call = pack((self._function, job))
        process = self._process or self._begin()
        assert process.stdin is not None  # noqa: S101 - for mypy
        assert process.stdout is not None  # noqa: S101
        try:
            send(process.stdin, job.key.encode())
            send(process.stdin, call)
        except OSError:
            raise EOFError from None
        return receive(process.stdout)

    def _begin(self) -> subprocess.Popen[bytes]:
        """Start the process. Raises FewsliceError if it ends again before it is ready."""
        for _ in range(_MOST_STARTS):
            with self._lock:
                if self._ending:
                    break
                self._process = process = _start(self._workers, self._log)
            assert process.stdout is not None  # noqa: S101 - for mypy
            with suppress(EOFError):
                if receive(process.stdout) == pack(READY):
                    return process
            self._drop()
        raise FewsliceError(
            f"The worker processes could not be started ({_last_line(self._log)}); use --workers 1 "
            "to work in one process."
        )

    def _drop(self) -> None:
        """Forget the process, which is lost or not needed any more."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(OSError), process:  # what was not yet sent cannot be
                pass


def _start(workers: int, log: Path) -> subprocess.Popen[bytes]:
    share = str(max(1, available_processors() // workers))
    path = os.pathsep.join(each for each in sys.path if each)
    with log.open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "fewslice.batch.worker"],
            env=os.environ | dict.fromkeys(THREAD_LIMITS, share) | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C in the terminal is for this process, which ends them
        )


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    last = next((line for line in reversed(lines) if line.strip()), "nothing was said")
    return " ".join(last.split())
