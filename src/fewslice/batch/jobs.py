"""Many jobs at once: in this process, on this computer's processors, or on a Dask cluster.

A job is a function that can be imported by name, called with small arguments (paths, numbers,
settings): whoever does the work reads the files. Results come back as they are ready. A worker that
is lost (killed, out of memory, computer gone) has its work done again by another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from fewslice._version import __version__
from fewslice.batch.job import Function, Job, Outcome, perform
from fewslice.errors import InputError

__all__ = ["CountProgress", "Function", "Job", "Outcome", "stream", "uncounted"]

CountProgress = Callable[[float, int], None]
"""Called with how many of many are done (with the fraction of one under way), and how many."""


def uncounted(done: float, total: int) -> None:
    """Take how many are done and show nothing."""


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
    --scheduler-file`` wrote, which needs fewslice[cluster]; None for processes on this computer,
    `workers` of them (None: one per processor), each with its share of the processors. One worker,
    or one job, is this process.

    A job that fails yields a failure and the others go on. Leaving the iterator early (closing it,
    or Ctrl-C) drops what has not been done. Raises InputError if `workers` is not at least 1 or
    Dask is asked for and not installed, and FewsliceError if the scheduler or the workers cannot be
    reached or are lost for good.
    """
    from fewslice.processors import available_processors

    if workers is not None and workers < 1:
        raise InputError(f"The number of workers is {workers}; it must be at least 1.")
    if workers is not None and scheduler is not None:
        raise InputError(
            "A number of workers was given beside a scheduler, which has workers of its own; leave "
            "one of the two out."
        )
    if scheduler is not None:
        from fewslice.batch.cluster import on_cluster

        return on_cluster(function, jobs, scheduler)
    waiting = iter(jobs)
    first = list(islice(waiting, available_processors() if workers is None else workers))
    return _here(function, chain(first, waiting), len(first))


def _here(function: Function, jobs: Iterator[Job], workers: int) -> Iterator[Outcome]:
    if workers > 1:
        from fewslice.batch.local import on_processes

        return on_processes(function, jobs, workers)
    return (perform(function, job, __version__) for job in jobs)
