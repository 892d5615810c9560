"""Beginning a training when enough was drawn since the last one."""

from __future__ import annotations

from fewslice.project import jobs
from fewslice.project.people import Person
from fewslice.server.context import Context
from fewslice.server.work_kinds import TRAIN
from fewslice.workflow.project_train import training_due


def train_if_due(served: Context, person: Person) -> None:
    """Queue a training if enough is new and none is under way."""
    if not _under_way(served) and training_due(served.project):
        jobs.enqueue(served.project, TRAIN, by=person.id)
    served.workers.wake()
    served.watcher.wake()


def start_training(served: Context, person: Person, seconds: float | None) -> int:
    """Queue a training, or return the one that is under way."""
    found = _under_way(served)
    if found is None:
        payload = {} if seconds is None else {"seconds": seconds}
        found = jobs.enqueue(served.project, TRAIN, payload=payload, by=person.id).id
    served.workers.wake()
    served.watcher.wake()
    return found


def _under_way(served: Context) -> int | None:
    for job in jobs.list_jobs(served.project, states=jobs.OPEN):
        if job.kind == TRAIN:
            return job.id
    return None
