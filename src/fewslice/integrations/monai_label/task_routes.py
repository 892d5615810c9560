"""Long work: training the project's model, and ranking its scans by that."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from fewslice.errors import AccessError, NotFoundError
from fewslice.integrations.monai_label.models import RANK as METHOD
from fewslice.integrations.monai_label.models import TRAINER
from fewslice.project import jobs
from fewslice.project.people import ADMIN, Person
from fewslice.server.auth import Somebody
from fewslice.server.context import Context, Served
from fewslice.server.training_turn import start_training
from fewslice.server.work_kinds import RANK, TRAIN

router = APIRouter()


@router.get("/train/")
def training(served: Served, _: Somebody, check_if_running: bool = False) -> Any:
    """Say how far the training is; 404 if none is under way and that was asked."""
    return _status(served, TRAIN, "training", check_if_running)


@router.post("/train/")
@router.post("/train/{model}")
def train(served: Served, person: Somebody, model: str = "") -> dict[str, Any]:
    """Train the project's model on all that was drawn."""
    if model not in ("", TRAINER):
        raise NotFoundError(f"There is no model {model!r} to train; train {TRAINER!r}.")
    job = start_training(served, person, None)
    return {"id": str(job), "status": "RUNNING"}


@router.delete("/train/")
def stop_training(served: Served, person: Somebody) -> dict[str, Any]:
    """Give the training up that is under way."""
    return _stopped(served, TRAIN, person)


@router.get("/scoring/")
def scoring(served: Served, _: Somebody, check_if_running: bool = False) -> Any:
    """Say how far the ranking is; 404 if none is under way and that was asked."""
    return _status(served, RANK, "ranking", check_if_running)


@router.post("/scoring/")
@router.post("/scoring/{method}")
def start_scoring(served: Served, person: Somebody, method: str = METHOD) -> dict[str, Any]:
    """Rank all scans by the trained model, which orders the queue."""
    if method != METHOD:
        raise NotFoundError(f"There is no method {method!r} of scoring; ask {METHOD}.")
    job = jobs.enqueue(served.project, RANK, by=person.id)
    served.workers.wake()
    served.watcher.wake()
    return {"id": str(job.id), "status": "RUNNING"}


@router.delete("/scoring/")
def stop_scoring(served: Served, person: Somebody) -> dict[str, Any]:
    """Give the ranking up that is under way."""
    return _stopped(served, RANK, person)


def _status(served: Context, kind: str, word: str, check_if_running: bool) -> dict[str, Any]:
    found = next((each for each in jobs.list_jobs(served.project) if each.kind == kind), None)
    running = found is not None and found.state in jobs.OPEN
    if check_if_running and not running:
        raise NotFoundError(f"No {word} is under way.")
    if found is None:
        return {}
    ended = "DONE" if found.state == jobs.FINISHED else "ERROR"
    state = "RUNNING" if running else ended
    return {"id": str(found.id), "status": state, "details": [found.text]}


def _stopped(served: Context, kind: str, person: Person) -> dict[str, Any]:
    for each in jobs.list_jobs(served.project, states=jobs.OPEN):
        if each.kind == kind:
            give_up(served, each, person)
            # 3D Slicer takes the last of the details, and fails where there is none.
            return {"id": str(each.id), "status": "REVOKED", "details": ["It was given up."]}
    return {}


def give_up(served: Context, job: jobs.Job, person: Person) -> None:
    """Cancel a job: one's own, or as admin any. Raises AccessError."""
    if job.person_id != person.id and person.role != ADMIN:
        raise AccessError("Only who started a job, or an admin, may cancel it.")
    jobs.cancel(served.project, job.id)
    served.workers.cancel(job.id)
    served.watcher.wake()
