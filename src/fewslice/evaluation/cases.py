"""Evaluating cases one after the other, or several at once in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from fewslice.batch.jobs import Job, stream
from fewslice.engines.base import Progress
from fewslice.errors import FewsliceError
from fewslice.evaluation.dataset import CaseFiles
from fewslice.evaluation.rows import CaseFailure, CaseResult
from fewslice.evaluation.settings import Settings
from fewslice.evaluation.task import evaluate_case

Outcome = CaseResult | CaseFailure


def run_cases(
    cases: Sequence[CaseFiles],
    settings: Settings,
    jobs: int,
    progress: Progress,
    candidates: Sequence[CaseFiles] = (),
) -> Iterator[Outcome]:
    """Yield the outcome of every case as it arrives, in no fixed order if jobs > 1.

    jobs: processes at once; 1 works in this one. progress: called with the number of cases done,
    with fractions in between if jobs is 1. candidates: cases to take support from. A case whose
    process is killed, such as for lack of memory, is tried again and then counts as failed.
    """
    if min(jobs, len(cases)) <= 1:
        yield from _one_by_one(cases, settings, progress, candidates)
        return
    evaluated = partial(evaluate_case, settings=settings, candidates=candidates)
    todo = [Job(case.name, (case,)) for case in cases]
    for done, found in enumerate(stream(evaluated, todo, workers=min(jobs, len(cases))), start=1):
        yield found.result if found.failure is None else CaseFailure(found.key, found.failure)
        progress(done)


def _one_by_one(
    cases: Sequence[CaseFiles],
    settings: Settings,
    progress: Progress,
    candidates: Sequence[CaseFiles],
) -> Iterator[Outcome]:
    for number, case in enumerate(cases):

        def show(part: float, done: int = number) -> None:
            progress(done + part)

        try:
            yield evaluate_case(case, settings, show, candidates)
        except FewsliceError as error:
            yield CaseFailure(case.name, str(error))
        except MemoryError:
            yield CaseFailure(case.name, "There was not enough memory for it.")
        progress(number + 1)
