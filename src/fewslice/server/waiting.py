"""Waiting, without holding a thread, until a job has ended."""

from __future__ import annotations

import asyncio

from starlette.concurrency import run_in_threadpool

from fewslice.project import jobs
from fewslice.project.jobs import Job
from fewslice.server.context import Context
from fewslice.server.problems import BusyError

_LONGEST = 60.0  # seconds; browsers give up later


async def ended(served: Context, job: int, longest: float = _LONGEST) -> Job:
    """Return a job once it has ended. Raises BusyError if that takes too long."""
    try:
        return await asyncio.wait_for(_ended(served, job), longest)
    except TimeoutError as error:
        raise BusyError("The server is busy with other work; try again in a moment.") from error


async def _ended(served: Context, number: int) -> Job:
    last = served.hub.last
    job = await run_in_threadpool(jobs.get_job, served.project, number)
    if job.state not in jobs.OPEN:
        return job
    async for event in served.hub.listen(last):
        if event.kind == "job" and event.data.get("job") == number:
            job = await run_in_threadpool(jobs.get_job, served.project, number)
            if job.state not in jobs.OPEN:
                return job
    raise BusyError("The server stops; try again in a moment.")
