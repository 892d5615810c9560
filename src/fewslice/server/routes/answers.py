"""What the engine answers, how sure it is, and what it asks for next."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fewslice.annotation.annotation import on_slice
from fewslice.errors import InputError, NotFoundError
from fewslice.project import jobs
from fewslice.project.answers import Answer, latest_answer
from fewslice.project.drawings import blame
from fewslice.project.people import ANNOTATOR, Person
from fewslice.project.revisions import latest_revision
from fewslice.server.advice import Question
from fewslice.server.auth import Somebody
from fewslice.server.context import Context, Served
from fewslice.server.models.answers import SegmentRequest, Strip, Suggestion
from fewslice.server.models.base import Identifier
from fewslice.server.models.work import JobStarted
from fewslice.server.ras import RasView
from fewslice.server.routes.slice_access import (
    ARRAY_RESPONSE,
    Annotator,
    Asked,
    annotator_meant,
    packed,
    view_of,
)
from fewslice.server.suggesting import suggested
from fewslice.server.work_kinds import SEGMENT, SUGGEST
from fewslice.volumes.image import UNKNOWN, LabelArray

router = APIRouter(prefix="/scans/{scan}", tags=["answers"])

_WAIT = 0.7  # seconds that a ranking gets unless somebody says so: with the way there, under one


@router.post("/segment", response_model=JobStarted, status_code=202)
def segment(scan: Identifier, body: SegmentRequest, served: Served, person: Somebody) -> Any:
    """Segment a scan from what is drawn on it. Events say how far that is; the slices near the one
    in hand come first.
    """
    view = view_of(served, scan)
    payload: dict[str, Any] = {"annotator": annotator_meant(served, scan, person)}
    if body.near is not None:
        payload["near"] = list(view.to_scan((body.near.axis, body.near.index)))
    job = jobs.enqueue(served.project, SEGMENT, scan, payload, by=person.id)
    served.workers.wake()
    served.watcher.wake()
    return {"job": job.id}


@router.get("/answer", response_class=Response, responses=ARRAY_RESPONSE)
def answer(
    scan: Identifier, served: Served, person: Somebody, annotator: Annotator = None
) -> Response:
    """Return the answer for a whole scan, uint8; where people annotate independently, one's own."""
    view, found = view_of(served, scan), _answer(served, scan, person, annotator)
    return packed(view.volume_to_page(_narrow(found.labels)), found.revision)


@router.get("/answer/slices/{axis}/{index}", response_class=Response, responses=ARRAY_RESPONSE)
def answer_slice(
    asked: Asked, served: Served, person: Somebody, annotator: Annotator = None
) -> Response:
    """Return one slice of the answer; while one is under way, the slices that are known of it."""
    scan, view, place = asked.scan, asked.view, asked.place
    early = served.previews.get((scan, annotator_meant(served, scan, person, annotator)), place)
    if early is not None:
        return packed(view.slice_to_page(_narrow(early), place[0]), None)
    found = _answer(served, scan, person, annotator)
    labels = _narrow(found.labels[on_slice(*place)])
    return packed(view.slice_to_page(labels, place[0]), found.revision)


@router.get("/uncertainty", response_class=Response, responses=ARRAY_RESPONSE)
def uncertainty(
    scan: Identifier, served: Served, person: Somebody, annotator: Annotator = None
) -> Response:
    """Return how unsure the answer is, uint8: 0 sure to 255 not at all."""
    view, found = view_of(served, scan), _answer(served, scan, person, annotator)
    if found.uncertainty is None:
        raise NotFoundError("Nothing tells how sure this answer is; segment the scan.")
    doubt = found.uncertainty
    if doubt.dtype != np.uint8:
        doubt = np.rint(doubt.astype(np.float32) * 255).astype(np.uint8)
    return packed(view.volume_to_page(doubt), found.revision)


@router.get("/strip", response_model=Strip)
def strip(
    scan: Identifier,
    served: Served,
    person: Somebody,
    axis: Annotated[int, Query(ge=0, le=2)],
) -> Any:
    """Return what is known of each slice across an axis: who made it, how good it is, whether it
    is asked for.
    """
    view, annotator = view_of(served, scan), annotator_meant(served, scan, person)
    found, told = _latest(served, scan, person, annotator), {}
    for place, origin in blame(served.project, scan, annotator).items():
        told[view.to_page(place)] = origin.kind
    advice = served.advice.get(scan, annotator) or {}
    dice = _slice_dice(advice or _ranked_before(served, scan, annotator), view, axis)
    asked = {view.to_page((each["axis"], each["index"])) for each in _asked_for(advice)}
    otherwise = "none" if found is None else "engine"
    return {
        "axis": axis,
        "slices": [
            {
                "state": told.get((axis, index), otherwise),
                "predicted_dice": dice.get(index),
                "suggested": (axis, index) in asked,
            }
            for index in range(view.grid.shape[axis])
        ],
    }


@router.get("/suggestion", response_model=Suggestion)
async def suggestion(
    scan: Identifier,
    served: Served,
    person: Somebody,
    count: Annotated[int, Query(ge=1, le=20)] = 1,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds for the ranking")] = _WAIT,
) -> Any:
    """Say which slices to draw next and how good the answer is by now. Where the ranking takes
    longer than `wait`, a quick answer comes, which is `provisional`; the ranking goes on.
    """
    question = await run_in_threadpool(_question, served, scan, count, person)
    revision = await run_in_threadpool(latest_revision, served.project, scan)
    found = await suggested(served, question, revision, person.id, wait)
    return _shown(await run_in_threadpool(view_of, served, scan), found)


def _question(served: Context, scan: int, count: int, person: Person) -> Question:
    return Question(scan, count, annotator_meant(served, scan, person))


def _shown(view: RasView, found: dict[str, Any]) -> dict[str, Any]:
    slices = []
    for each in found["slices"]:
        axis, index = view.to_page((each["axis"], each["index"]))
        slices.append({**each, "axis": axis, "index": index})
    return {
        "slices": slices,
        "predicted_dice": found["predicted_dice"],
        "predicted_dice_low": found["predicted_dice_low"],
        "may_stop": found["may_stop"],
        "message": found["message"] or (slices[0]["reason"] if slices else ""),
        "provisional": found["provisional"],
    }


def _answer(served: Context, scan: int, person: Person, annotator: int | None) -> Answer:
    found = _latest(served, scan, person, annotator_meant(served, scan, person, annotator))
    if found is None:
        raise NotFoundError("This scan has no answer yet; segment it first.")
    return found


def _latest(served: Context, scan: int, person: Person, annotator: int | None) -> Answer | None:
    """Return the last answer from somebody's slices. Who may see all sees any, without an own."""

    def load() -> Answer | None:
        found = latest_answer(served.project, scan, annotator)
        if found is None and person.role != ANNOTATOR and annotator == person.id:
            return latest_answer(served.project, scan)
        return found

    return served.answers.get((scan, annotator), load)


def _asked_for(advice: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the slices of a ranking that are asked for, without those that come after them."""
    found: list[dict[str, Any]] = advice.get("slices", [])
    return found[: advice.get("count", 0)]


def _narrow(labels: LabelArray) -> LabelArray:
    """Return labels as uint8. Raises InputError if one does not fit."""
    if labels.dtype == np.uint8:
        return labels
    if labels.max(initial=0) >= UNKNOWN:
        raise InputError("The answer holds labels above 254, which the page cannot show.")
    return labels.astype(np.uint8)


def _ranked_before(served: Context, scan: int, annotator: int | None) -> dict[str, Any]:
    """Return the last ranking of a server that has ended since; empty if there is none."""
    job = jobs.latest_finished(served.project, SUGGEST, scan, annotator)
    return job.result if job is not None and isinstance(job.result, dict) else {}


def _slice_dice(told: dict[str, Any], view: RasView, axis: int) -> dict[int, float]:
    """Return the Dice to expect of slices across one of the page's axes, as far as it is known.

    It is that of a ranking alone. What an answer thinks of itself is another measure: in turns with
    it, a slice would be said to be good and bad within seconds.
    """
    across, values = told.get("axis"), told.get("slice_dice")
    if across is None or not values or view.to_page((across, 0))[0] != axis:
        return {}
    return {view.to_page((across, at))[1]: value for at, value in enumerate(values)}
