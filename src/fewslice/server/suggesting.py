"""What to draw next, within a second: the ranked answer if it is there by then, else a quick one.

A ranking takes a second or two of one processor, and with many people there are more questions than
processors. So nobody waits for one: the quick answer says that it is provisional, and the ranking
goes on. There is one job at most for each drawing, in the order in which people asked, and it looks
at what is drawn when it begins. Nothing is therefore asked twice, and nobody is passed over.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.concurrency import run_in_threadpool

from fewslice.errors import InputError
from fewslice.project import jobs
from fewslice.project.drawings import blame
from fewslice.server.advice import Question
from fewslice.server.context import Context
from fewslice.server.problems import BusyError
from fewslice.server.waiting import ended
from fewslice.server.work_kinds import SUGGEST
from fewslice.workflow.project_quick import quick_suggestion
from fewslice.workflow.project_suggest import suggestion_result


async def suggested(
    served: Context, question: Question, revision: int | None, by: int, wait: float
) -> dict[str, Any]:
    """Return the slices to draw next.

    revision: the newest of the scan, which a ranking has to know not to be provisional. by: who
    asks. wait: seconds that a ranking gets. Raises InputError if the scan cannot be judged.
    """
    ranked = await _ranked(served, question, revision, by, wait)
    if ranked is None:
        return await run_in_threadpool(_provisional, served, question)
    return {**ranked, "slices": ranked["slices"][: question.count], "provisional": False}


async def _ranked(
    served: Context, question: Question, revision: int | None, by: int, wait: float
) -> dict[str, Any] | None:
    """Return a ranking that knows all that is drawn; None if it is not there in time."""
    clock = asyncio.get_running_loop().time
    end = clock() + wait
    while True:
        found = served.advice.get(*question.whose)
        if found is not None and _answers(found, question, revision):
            return found
        job = await _judged(served, question, by, max(0.0, end - clock()))
        if job is None:
            return None
        served.advice.answered(question, job.id)
        if job.state == jobs.FAILED:
            raise InputError(job.text)
        if job.state != jobs.FINISHED:
            return None  # interrupted or cancelled: asked again, it begins anew
        served.advice.put(job)


async def _judged(served: Context, question: Question, by: int, wait: float) -> jobs.Job | None:
    """Return the job that answers a question once it has ended; None if it has not in time."""
    payload = {"count": question.count, "annotator": question.annotator}

    def enqueue() -> int:
        return jobs.enqueue(served.project, SUGGEST, question.scan, payload, by=by).id

    number = await run_in_threadpool(served.advice.ask, question, enqueue)
    job = await run_in_threadpool(jobs.get_job, served.project, number)
    if job.state not in jobs.OPEN:
        return job  # however short the wait
    served.workers.wake()
    try:
        return await ended(served, number, wait)
    except BusyError:
        return None


def _answers(found: dict[str, Any], question: Question, revision: int | None) -> bool:
    return found["count"] >= question.count and (found["revision"] or 0) >= (revision or 0)


def _provisional(served: Context, question: Question) -> dict[str, Any]:
    """Return what is left of the ranking before, else what a quick rule says."""
    told = set(blame(served.project, question.scan, question.annotator))
    before = served.advice.get(*question.whose)
    left = [] if before is None else before["slices"]
    left = [each for each in left if (each["axis"], each["index"]) not in told]
    if before is not None and left:
        # What was drawn since may show that the answer is worse than it seemed.
        return {**before, "slices": left[: question.count], "may_stop": False, "provisional": True}
    quick = suggestion_result(quick_suggestion(served.project, question.scan, question.annotator))
    return {**quick, "provisional": True}
