"""Jobs on a Dask cluster: a scheduler somewhere, whose workers come and go.

Dask is imported only here, and only when a scheduler was named: it is in fewslice[cluster].
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from fewslice._version import __version__
from fewslice.batch.job import DEADLY, Function, Job, Outcome, perform, unexpected
from fewslice.errors import FewsliceError, InputError, ReadError

if TYPE_CHECKING:
    from distributed import Client, Future

_PATIENCE = 15  # seconds for a scheduler to answer
_AHEAD = 2  # jobs sent per thread of the cluster, so that none waits for its next one
_PAUSE = 0.02  # seconds between looks for results
_LOOK = 1.0  # seconds between looks for new workers, while there are no results
_FETCH = 20  # seconds until a result that is ready must have come

_ADDRESS = re.compile(r"((tcp|tls)://)?[^\s/]+:\d{1,5}")
_LAST_PORT = 65_535

_log = logging.getLogger(__name__)


def on_cluster(function: Function, jobs: Iterable[Job], scheduler: str) -> Iterator[Outcome]:
    """Do the jobs on the workers of a running scheduler.

    scheduler: its address, or the path of the JSON file it wrote (``--scheduler-file``). Raises
    InputError if Dask is not installed or the address is none, ReadError if the file is missing,
    and FewsliceError if nothing answers at the address or all are lost.
    """
    where = _where(scheduler)
    _require_dask()
    with (
        _connected(scheduler, where) as client,
        closing(_distribute(client, function, iter(jobs))) as outcomes,
    ):
        yield from outcomes


def _require_dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise InputError(
            "A cluster needs Dask, which is not installed; install it with: "
            'python -m pip install "fewslice[cluster]".'
        ) from None


@contextmanager
def _connected(scheduler: str, where: dict[str, str]) -> Iterator[Client]:
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

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
            _close(client)


def _close(client: Client) -> None:
    """Take leave of a scheduler, which may be lost: what is said of the jobs counts then."""
    try:
        client.close(timeout=_PATIENCE)
    except (OSError, TimeoutError, RuntimeError) as error:
        # A connection that is just timing out makes distributed raise RuntimeError.
        _log.debug("fewslice: the connection to the scheduler ended badly: %s", error)


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


def _distribute(
    client: Client, function: Function, jobs: Iterator[Job]
) -> Generator[Outcome, None, None]:
    """Do the jobs, then once more, one at a time, those that seem to have ended their workers.

    Dask blames every job a lost worker had been given, the one at work and those waiting there;
    alone, each can only be blamed for itself. Jobs whose result was lost are done again as well.
    """
    again: list[Job] = []
    for job, future in _supplied(client, function, jobs, None):
        outcome = _outcome(job.key, future)
        if outcome is None:
            again.append(job)
        else:
            yield outcome
    for job, future in _supplied(client, function, iter(again), 1):
        yield _outcome(job.key, future) or Outcome(job.key, failure=DEADLY)


def _supplied(
    client: Client, function: Function, jobs: Iterator[Job], most: int | None
) -> Iterator[tuple[Job, Future]]:
    """Yield jobs with their finished futures, and keep the cluster supplied meanwhile.

    most: jobs to have sent at a time; None for a few per thread: the cluster may grow and shrink.
    """
    from distributed import as_completed

    sent: dict[str, Job] = {}
    ready = as_completed(loop=client.loop)

    def supply() -> None:
        room = most or max(1, _AHEAD * _threads(client))
        for job in islice(jobs, max(0, room - len(sent))):
            future = _submit(client, function, job)
            sent[future.key] = job
            ready.add(future)

    supply()
    looked = time.monotonic()
    while sent:
        if ready.has_ready():
            future = next(ready)
            yield sent.pop(future.key), future
            future.release()
        elif time.monotonic() - looked < _LOOK:
            time.sleep(_PAUSE)
            continue
        supply()
        looked = time.monotonic()


def _threads(client: Client) -> int:
    try:
        return sum(client.nthreads().values())
    except (OSError, TimeoutError, RuntimeError):
        raise _lost_scheduler() from None


def _submit(client: Client, function: Function, job: Job) -> Future:
    import dask

    # Scans held in memory may be given to jobs: dask's advice against large arguments is for
    # graphs of many calls, these are sent one by one.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "16GB"}):
        return client.submit(perform, function, job, __version__, pure=False)


def _outcome(key: str, future: Future) -> Outcome | None:
    """Return the outcome of a finished future; None if workers were lost with it."""
    from distributed import KilledWorker

    if future.cancelled():
        raise _lost_scheduler()
    try:
        # A result that was on a lost worker should be made again by itself; Dask's client now and
        # then does not notice that it was, and would wait for ever.
        outcome: Outcome = future.result(timeout=_FETCH)
    except (KilledWorker, TimeoutError):
        return None
    except Exception as error:  # noqa: BLE001 - one job's failure must not end the others
        return unexpected(key, error)
    return outcome


def _lost_scheduler() -> FewsliceError:
    return FewsliceError(
        "The scheduler or its workers were lost; see their logs, start them again and run the same "
        "command again: what is finished is kept."
    )
