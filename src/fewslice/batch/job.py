"""One job and what became of it. Imports nothing heavy: workers load it before they know more."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fewslice._version import __version__
from fewslice.errors import FewsliceError

Function = Callable[..., Any]

DEADLY = (
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
        return unexpected(job.key, error)


def unexpected(key: str, error: Exception) -> Outcome:
    """Return the outcome of a job that failed in a way that was not foreseen."""
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
