"""The cluster that jobs run on: processes of this computer, or a Dask scheduler somewhere else.

Processes of this computer are started as those of any cluster are (``dask worker``), so that a
program that uses them needs no ``if __name__ == "__main__"``, and Ctrl-C reaches only the program.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fewslice.errors import FewsliceError, InputError, ReadError

if TYPE_CHECKING:
    from distributed import Client

_PATIENCE = 15  # seconds for a scheduler to answer
_MOST_STARTS = 50  # of a worker that is lost again and again
_START = 120  # seconds for the processes of this computer to start; imports from a slow disk

THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""What the numerical libraries read when they are loaded."""

_ADDRESS = re.compile(r"((tcp|tls)://)?[^\s/]+:\d{1,5}")
_LAST_PORT = 65_535

_log = logging.getLogger(__name__)


def available_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def lost_scheduler() -> FewsliceError:
    """Return the error for a scheduler that was there and is no more."""
    return FewsliceError(
        "The scheduler or its workers were lost; see their logs, start them again and run the same "
        "command again: what is finished is kept."
    )


@contextmanager
def connected(scheduler: str) -> Iterator[Client]:
    """Yield a client of a running scheduler.

    scheduler: its address, or the path of the JSON file it wrote (``--scheduler-file``). Raises
    ReadError if the file is missing, and FewsliceError if nothing answers at the address.
    """
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

    where = _where(scheduler)
    # What goes wrong is said once, by an error, and not by the libraries' logs on the way there.
    with silence_logging_cmgr(logging.CRITICAL):
        try:
            client = Client(**where, timeout=_PATIENCE, set_as_default=False)
        except (OSError, TimeoutError, TypeError, ValueError):
            raise FewsliceError(
                f"No Dask scheduler answers at {scheduler}; start one (dask scheduler) or correct "
                "the address: docs/how-to/cluster.md says how."
            ) from None
        try:
            if not client.nthreads():
                _log.warning("fewslice: %s has no workers yet; waiting for one.", scheduler)
            yield client
        finally:
            client.close(timeout=_PATIENCE)


def _where(scheduler: str) -> dict[str, str]:
    """Return where the scheduler is, as the client takes it."""
    if scheduler.endswith(".json"):
        if not Path(scheduler).is_file():
            raise ReadError(
                f"There is no file {scheduler}; give the one that dask scheduler --scheduler-file "
                "writes, or an address such as tcp://HOST:8786."
            )
        return {"scheduler_file": scheduler}
    if not _ADDRESS.fullmatch(scheduler) or int(scheduler.rpartition(":")[2]) > _LAST_PORT:
        raise InputError(
            f"{scheduler!r} is not the address of a scheduler; expected tcp://HOST:PORT, as dask "
            "scheduler shows it when it starts."
        )
    return {"address": scheduler}


@contextmanager
def local_scheduler(workers: int) -> Iterator[str]:
    """Yield the address of a scheduler with workers on this computer, of one thread each.

    The numerical libraries of each worker get an even share of the processors. Nothing listens
    beyond this computer, and at free ports only. On leaving, all processes end.
    """
    from distributed import LocalCluster
    from distributed.utils import silence_logging_cmgr

    with (
        silence_logging_cmgr(logging.CRITICAL),
        TemporaryDirectory(prefix="fewslice-", ignore_cleanup_errors=True) as folder,
        LocalCluster(
            n_workers=0,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        address: str = cluster.scheduler_address
        keepers = [_Keeper(address, workers, Path(folder), cluster.close) for _ in range(workers)]
        try:
            for keeper in keepers:
                keeper.start()
            _wait(address, keepers, Path(folder))
            yield address
        finally:
            for keeper in keepers:
                keeper.end()


class _Keeper(threading.Thread):
    """Keeps one worker process running: starts another when it is lost, but not for ever.

    What Dask has for this (a "nanny" process) gives up for good when a worker is lost early, and
    the work would wait for ever.
    """

    def __init__(
        self, address: str, workers: int, folder: Path, give_up: Callable[[], object]
    ) -> None:
        super().__init__(daemon=True)
        self._address, self._workers, self._folder = address, workers, folder
        self._give_up = give_up
        self._lock = threading.Lock()
        self._ending = False
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        for _ in range(_MOST_STARTS):
            with self._lock:
                if self._ending:
                    return
                self._process = _start(self._address, self._workers, self._folder)
            self._process.wait()
        self._give_up()

    def end(self) -> None:
        """End the process, whatever it is at."""
        with self._lock:
            self._ending = True
            if self._process is not None:
                self._process.kill()
        self.join()


def _start(address: str, workers: int, folder: Path) -> subprocess.Popen[bytes]:
    share = str(max(1, available_processors() // workers))
    path = os.pathsep.join(each for each in sys.path if each)
    environment = os.environ | dict.fromkeys(THREAD_LIMITS, share) | {"PYTHONPATH": path}
    options = {
        "--host": "127.0.0.1",
        "--dashboard-address": "127.0.0.1:0",  # a free port: what it serves cannot be left out
        "--nthreads": 1,
        "--memory-limit": 0,  # shared as needed
        "--local-directory": folder,
        "--death-timeout": _START,  # end, too, if this process is killed
    }
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny"]
    command += [str(each) for option in options.items() for each in option]
    with _log_file(folder).open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own interpreter
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal is for this process, which ends them
        )


def _log_file(folder: Path) -> Path:
    return folder / "workers.log"


def _wait(address: str, keepers: Sequence[_Keeper], folder: Path) -> None:
    """Wait for the first worker. Raises FewsliceError if it does not come."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        for _ in range(_START):
            try:
                client.wait_for_workers(1, timeout=1)
            except TimeoutError:
                if not any(keeper.is_alive() for keeper in keepers):
                    break
            else:
                return
    lines = _log_file(folder).read_text(errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "nothing was said")
    raise FewsliceError(
        f"The worker processes could not be started ({' '.join(last.split())}); use --workers 1 to "
        "work in one process."
    )
