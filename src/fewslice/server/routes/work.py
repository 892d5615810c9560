"""Long work: jobs, training and its models, and which scan comes next."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field

from fewslice.errors import AccessError
from fewslice.project import jobs
from fewslice.project.people import ADMIN, ANNOTATOR, Person, list_people
from fewslice.server.auth import Admin, Somebody
from fewslice.server.context import Context, Served
from fewslice.server.models.base import Identifier
from fewslice.server.models.work import Job, JobStarted, ModelVersion, NextScan, TrainRequest
from fewslice.server.training_turn import start_training
from fewslice.training.store import Version
from fewslice.workflow.project_queue import next_scan
from fewslice.workflow.project_train import activate_model, model_versions

router = APIRouter(tags=["work"])


@router.get("/jobs", response_model=list[Job])
def all_jobs(
    served: Served, person: Somebody, most: Annotated[int, Query(ge=1, le=1000)] = 100
) -> Any:
    """List the newest jobs, newest first."""
    people = {person.id: person.name for person in list_people(served.project)}
    found = jobs.list_jobs(served.project, most=most)
    return [_shown(job, people, person) for job in found]


@router.get("/jobs/{job}", response_model=Job)
def one_job(job: Identifier, served: Served, person: Somebody) -> Any:
    """Say how far a job is."""
    return _with_name(served, jobs.get_job(served.project, job), person)


@router.post("/jobs/{job}/cancel", response_model=Job)
def cancel(job: Identifier, served: Served, person: Somebody) -> Any:
    """Give a job up: one's own, or as admin any."""
    found = jobs.get_job(served.project, job)
    if found.person_id != person.id and person.role != ADMIN:
        raise AccessError("Only who started a job, or an admin, may cancel it.")
    found = jobs.cancel(served.project, job)
    served.workers.cancel(job)
    served.watcher.wake()
    return _with_name(served, found, person)


@router.get("/queue", response_model=NextScan)
def queue(
    served: Served, person: Somebody, current: Annotated[int | None, Query(ge=1)] = None
) -> Any:
    """Say which scan to open next, and why. current: the one that is open now."""
    found = next_scan(served.project, person, current)
    row = found.scan
    return {
        "scan": None if row is None else row.id,
        "name": None if row is None else row.name,
        "reason": found.reason,
    }


@router.post("/train", response_model=JobStarted, status_code=202)
def train(body: TrainRequest, served: Served, person: Somebody) -> Any:
    """Train a model on everything drawn so far; if that is under way already, that job counts."""
    return {"job": start_training(served, person, body.seconds)}


@router.get("/models", response_model=list[ModelVersion])
def models(served: Served, _: Somebody) -> Any:
    """List all trained models, oldest first."""
    return [_model(each) for each in model_versions(served.project)]


@router.post("/models/{version}/activate", response_model=list[ModelVersion])
def activate(
    version: Annotated[int, Path(ge=1, le=10**9), Field()], served: Served, _: Admin
) -> Any:
    """Put a model in use, such as an earlier one."""
    activate_model(served.project, version)
    served.hub.publish("training", version=version)
    return [_model(each) for each in model_versions(served.project)]


def _with_name(served: Context, job: jobs.Job, person: Person) -> dict[str, Any]:
    return _shown(job, {each.id: each.name for each in list_people(served.project)}, person)


def _shown(job: jobs.Job, people: dict[int, str], person: Person) -> dict[str, Any]:
    """Return a job; what came of another one's independent annotation is kept back."""
    apart = job.payload.get("annotator") not in (None, person.id) and person.role == ANNOTATOR
    broken = job.state in (jobs.FAILED, jobs.INTERRUPTED)
    return {
        "id": job.id,
        "kind": job.kind,
        "scan": job.scan_id,
        "state": job.state,
        "progress": job.fraction,
        "text": "" if broken else job.text,
        "message": job.text if broken else None,
        "result": None if apart else job.result,
        "by": people.get(job.person_id),
    }


def _model(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "promoted": version.promoted,
        "score": version.score,
        "before": version.before,
        "slices": version.slices,
        "scans": version.scans,
        "verdict": _verdict(version),
    }


def _verdict(version: Version) -> str:
    """Say what came of the comparisons with its scans as support, and with the model before it."""
    now = f" {version.choice.sentence}".rstrip()
    now += " It is in use." if version.promoted else ""
    if version.score is None:
        return f"No slices were held out, so nobody knows how good it is.{now}"
    if version.before is None:
        return f"Dice {version.score:.3f} on held-out slices; it was the first.{now}"
    than = "better than" if version.score > version.before else "no better than"
    return (
        f"Dice {version.score:.3f} on held-out slices, {than} the one before it "
        f"({version.before:.3f}).{now}"
    )
