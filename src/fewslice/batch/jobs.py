"""Many jobs at once: in this process, on this computer's processors, or on a Dask cluster.

A job is a function that can be imported by name, called with small arguments (paths, numbers,
settings): whoever does the work reads the files. Results come back as they are ready. A worker that
is lost (killed, out of memory, computer gone) has its work done again by another one.

This module and `cluster` import nothing heavy: workers load it before they know what to do.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from fewslice._version import __version__
from fewslice.errors import FewsliceError, InputError

if TYPE_CHECKING:
    from distributed import Client, Future

Function = Callable[..., Any]

CountProgress = Callable[[float, int], None]
"""Called with how many of many are done (with the fraction of one under way), and how many."""


def uncounted(done: float, total: int) -> None:
    """Take how many are done and show nothing."""


_Outcomes = Generator["Outcome", None, None]

_AHEAD = 2  # jobs sent per thread of the cluster, so that none waits for its next one

_PAUSE = 0.02  # seconds between looks for results
_LOOK = 1.0  # seconds between looks for new workers, while there are no results

_FETCH = 20  # seconds until a result that is ready must have come

_DEADLY = (
    "Every worker that tried it was lost, probably because memory ran out; use fewer workers, or "
    "ones with more memory."
)


@dataclass(frozen=True)
class Job:
    """One call. key: names it in results, once among all jobs. arguments: small, picklable."""

    key: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    result: what the function returned; None if it failed. failure: the sentence that says why it
    failed, or None. trace: where the program itself went wrong, many lines for a log; None where a
    failure was foreseen (a FewsliceError, want of memory, a lost worker).
    """

    key: str
    result: Any = None
    failure: str | None = None
    trace: str | None = None


def stream(
    function: Function,
    jobs: Iterable[Job],
    *,
    scheduler: str | None = None,
    workers: int | None = None,
) -> Iterator[Outcome]:
    """Do all jobs and yield the outcome of each as it is ready, in no fixed order.

    function: defined in a module that workers can import; called with a job's arguments. jobs: read
    as they are needed, so that there may be many; keys must differ. scheduler: address of a running
    Dask scheduler (``tcp://HOST:PORT``) or path of the file that ``dask scheduler
    --scheduler-file`` wrote; None for processes on this computer, `workers` of them (None: one per
    processor), each with its share of the processors. One worker, or one job, is this process.

    A job that fails yields a failure and the others go on. Leaving the iterator early (closing it,
    or Ctrl-C) drops what has not been done. Raises InputError if `workers` is not at least 1, and
    FewsliceError if the scheduler or its workers cannot be reached or are lost for good.
    """
    from fewslice.batch.cluster import available_processors

    if workers is not None and workers < 1:
        raise InputError(f"The number of workers is {workers}; it must be at least 1.")
    if workers is not None and scheduler is not None:
        raise InputError(
            "A number of workers was given beside a scheduler, which has workers of its own; leave "
            "one of the two out."
        )
    waiting = iter(jobs)
    count = available_processors() if workers is None else workers
    first = list(islice(waiting, count))
    if scheduler is None and min(count, len(first)) <= 1:
        return _one_by_one(function, chain(first, waiting))
    return _at_once(function, chain(first, waiting), scheduler, min(count, len(first)))


def _one_by_one(function: Function, jobs: Iterable[Job]) -> Iterator[Outcome]:
    for job in jobs:
        yield perform(function, job, __version__)


def _at_once(
    function: Function, jobs: Iterator[Job], scheduler: str | None, workers: int
) -> Iterator[Outcome]:
    from fewslice.batch.cluster import connected, local_scheduler

    with ExitStack() as stack:
        address = scheduler or stack.enter_context(local_scheduler(workers))
        client = stack.enter_context(connected(address))
        yield from stack.enter_context(closing(_distribute(client, function, jobs)))


def _distribute(client: Client, function: Function, jobs: Iterator[Job]) -> _Outcomes:
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
        yield _outcome(job.key, future) or Outcome(job.key, failure=_DEADLY)


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
    from fewslice.batch.cluster import lost_scheduler

    try:
        return sum(client.nthreads().values())
    except (OSError, TimeoutError, RuntimeError):
        raise lost_scheduler() from None


def _submit(client: Client, function: Function, job: Job) -> Future:
    import dask

    # Scans held in memory may be given to jobs: dask's advice against large arguments is for
    # graphs of many calls, these are sent one by one.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "16GB"}):
        return client.submit(perform, function, job, __version__, pure=False)


def _outcome(key: str, future: Future) -> Outcome | None:
    """Return the outcome of a finished future; None if workers were lost with it."""
    from distributed import KilledWorker

    from fewslice.batch.cluster import lost_scheduler

    if future.cancelled():
        raise lost_scheduler()
    try:
        # A result that was on a lost worker should be made again by itself; Dask's client now and
        # then does not notice that it was, and would wait for ever.
        outcome: Outcome = future.result(timeout=_FETCH)
    except (KilledWorker, TimeoutError):
        return None
    except Exception as error:  # noqa: BLE001 - one job's failure must not end the others
        return _unexpected(key, error)
    return outcome


def perform(function: Function, job: Job, version: str) -> Outcome:
    """Do one job, in whichever process; never raises but for what ends the process.

    version: that of fewslice where the job came from.
    """
    if version != __version__:
        return Outcome(
            job.key,
            failure=f"The worker has fewslice {__version__}, but the job came from {version}; "
            "install the same version for both.",
        )
    try:
        return Outcome(job.key, function(*job.arguments))
    except FewsliceError as error:
        return Outcome(job.key, failure=str(error))
    except MemoryError:
        return Outcome(
            job.key,
            failure="There was not enough memory; use fewer workers, or ones with more memory.",
        )
    except Exception as error:  # noqa: BLE001 - one job's failure must not end the others
        return _unexpected(job.key, error)


def _unexpected(key: str, error: Exception) -> Outcome:
    trace = "".join(traceback.format_exception(error))
    missing = error if isinstance(error, ImportError) else error.__cause__
    if isinstance(missing, ImportError):
        return Outcome(
            key,
            failure=f"Something is not installed where the work is done ({missing}); install "
            "fewslice in the same version here, for the scheduler and for all workers.",
            trace=trace,
        )
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return Outcome(
        key,
        failure=f"It failed in a way that was not foreseen ({what}): a fault of the program.",
        trace=trace,
    )
