"""Evaluating cases one after the other, or several at once in processes of their own.

This module imports nothing heavy: a new process loads it before it limits the threads of the
numerical libraries, which look at these limits when they are loaded.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING

from fewslice.errors import FewsliceError
from fewslice.workflow.cluster import THREAD_LIMITS

if TYPE_CHECKING:
    from fewslice.evaluation.dataset import CaseFiles
    from fewslice.evaluation.rows import CaseFailure, CaseResult
    from fewslice.evaluation.settings import Settings

    Outcome = CaseResult | CaseFailure


def run_cases(
    cases: Sequence[CaseFiles],
    settings: Settings,
    jobs: int,
    progress: Callable[[float], None],
    candidates: Sequence[CaseFiles] = (),
) -> Iterator[Outcome]:
    """Yield the outcome of every case as it arrives, in no fixed order if jobs > 1.

    jobs: processes at once; 1 works in this one. progress: called with the number of cases done,
    with fractions in between if jobs is 1. candidates: cases to take support from. Raises
    FewsliceError if a process is killed, such as for want of memory.
    """
    if min(jobs, len(cases)) <= 1:
        yield from _one_by_one(cases, settings, progress, candidates)
    else:
        yield from _at_once(cases, settings, min(jobs, len(cases)), progress, candidates)


def _one_by_one(
    cases: Sequence[CaseFiles],
    settings: Settings,
    progress: Callable[[float], None],
    candidates: Sequence[CaseFiles],
) -> Iterator[Outcome]:
    for number, case in enumerate(cases):

        def show(part: float, done: int = number) -> None:
            progress(done + part)

        yield _outcome(case, settings, candidates, show)
        progress(number + 1)


def _at_once(
    cases: Sequence[CaseFiles],
    settings: Settings,
    jobs: int,
    progress: Callable[[float], None],
    candidates: Sequence[CaseFiles],
) -> Iterator[Outcome]:
    executor = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start)
    try:
        waiting: list[Future[Outcome]] = [
            executor.submit(_outcome, case, settings, candidates) for case in cases
        ]
        for number, future in enumerate(as_completed(waiting)):
            yield future.result()
            progress(number + 1)
    except BrokenProcessPool:
        raise FewsliceError(
            "A process was killed, probably because memory ran out; run the same command again "
            "with fewer --jobs: finished cases are kept."
        ) from None
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _start() -> None:
    """Prepare a new process: one thread for the numerical libraries, and Ctrl-C just ends it."""
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _outcome(
    case: CaseFiles,
    settings: Settings,
    candidates: Sequence[CaseFiles],
    progress: Callable[[float], None] = lambda _: None,
) -> Outcome:
    from fewslice.evaluation.rows import CaseFailure
    from fewslice.evaluation.task import evaluate_case

    try:
        return evaluate_case(case, settings, progress, candidates)
    except FewsliceError as error:
        return CaseFailure(case.name, str(error))
    except MemoryError:
        return CaseFailure(case.name, "There was not enough memory; run it with fewer --jobs.")
