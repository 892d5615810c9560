"""Answers: of one scan, of all that are not done; and which scan comes next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Response, UploadFile
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from fewslice.errors import InputError, NotFoundError
from fewslice.integrations.monai_label.archive import write_segmentation
from fewslice.integrations.monai_label.datastore import (
    checksum,
    file_name,
    image_info,
    labels_by_value,
    write_scan,
)
from fewslice.integrations.monai_label.label_maps import centroids, named_in, write_answer
from fewslice.integrations.monai_label.models import engine_of, needs_ranking
from fewslice.integrations.monai_label.parameters import (
    Name,
    Params,
    Scratch,
    Stored,
    kept,
    named_as_sent,
    parsed,
)
from fewslice.integrations.monai_label.replies import file_alone, with_file
from fewslice.integrations.monai_label.saving import save_label
from fewslice.integrations.monai_label.task_routes import give_up
from fewslice.project import jobs
from fewslice.project.adding import add_scan
from fewslice.project.answers import latest_answer
from fewslice.project.people import Person
from fewslice.project.scans import NEW, ScanRow, list_scans, read_scan
from fewslice.server.auth import Somebody
from fewslice.server.context import Context, Served
from fewslice.server.waiting import ended
from fewslice.server.work_kinds import RANK, SEGMENT
from fewslice.volumes import LabelMap
from fewslice.workflow.project_queue import is_ranked, next_scan

_LONGEST = 600.0  # seconds that a client waits for an answer
_OUTPUTS = ("", "image", "json", "all", "dicom_seg")
_CHOICES = {"all": ("new", "in_progress", "returned"), "labeled": ("in_progress", "returned")}
_CHOICES |= {"unlabeled": (NEW,)}

router = APIRouter()


@router.post("/activelearning/{strategy}")
async def next_image(
    strategy: str, served: Served, person: Somebody, scratch: Scratch, archive: Stored
) -> Any:
    """Say which scan to annotate next; nothing if all are done."""
    project = served.project
    order = strategy
    if await run_in_threadpool(needs_ranking, project, strategy):
        if not await run_in_threadpool(is_ranked, project, strategy):
            await _done(served, RANK, None, {"strategy": strategy}, person)
    elif strategy == "queue":
        order = ""
    found = (await run_in_threadpool(next_scan, project, person, None, order or None)).scan
    if found is None:
        return {}
    path = await run_in_threadpool(write_scan, project, found, scratch)
    return image_info(found, archive) | {
        "id": found.name,
        "name": path.name,
        # A client on another computer has no such file, and downloads it.
        "path": str(Path("/") / "fewslice" / path.name),
        "checksum": await run_in_threadpool(checksum, path),
        "strategy": {strategy: {}},
    }


@router.post("/infer/{model}")
async def infer(  # noqa: PLR0913, PLR0917 - FastAPI hands over one argument each
    model: str,
    served: Served,
    person: Somebody,
    scratch: Scratch,
    archive: Stored,
    image: Name = "",
    session_id: Name = "",
    output: Annotated[str, Query(max_length=20)] = "",
    params: Params = "{}",
    file: Annotated[UploadFile | None, File()] = None,
    label: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Answer a scan.

    file: the scan itself, which becomes one of the project. label: what is drawn by now, which is
    kept as if it had been saved first.
    """
    asked, engine = parsed(params), engine_of(model)
    if output not in _OUTPUTS:
        raise InputError(f"output is {output!r}; ask for image, json, all or dicom_seg.")
    if file is not None and not session_id:
        row = await run_in_threadpool(_added, served, file, image, person, scratch)
    elif not (session_id or image):
        raise InputError("No scan is named; send image, session_id or a file.")
    else:
        # 3D Slicer names the volume as well, which may be of its own and unknown here.
        name = session_id or image
        row = await run_in_threadpool(archive.shared_scan, served.project, name, person, scratch)
    if label is not None:
        await run_in_threadpool(_saved, served, label, asked, row, person, scratch)
    payload = {"annotator": None} | ({} if engine is None else {"engine": engine})
    await _done(served, SEGMENT, row.id, payload, person)
    return await run_in_threadpool(_answer, served, row, asked, output, scratch)


@router.post("/infer/wsi/{model}")
@router.post("/infer/wsi_v2/{model}")
def no_pathology(model: str, _: Somebody) -> Response:
    """Refuse what is no volume."""
    raise InputError(
        f"Whole slide images of pathology are not answered, by {model!r} or any other model: "
        "fewslice completes 3D scans; ask /infer/ for one of the project."
    )


@router.get("/batch/infer")
def batch(served: Served, _: Somebody) -> dict[str, Any]:
    """Say how many scans of a batch wait for their answer; 404 if there is none."""
    waiting = _batch(served)
    if not waiting:
        raise NotFoundError("No batch is under way.")
    return {"status": "RUNNING", "waiting": len(waiting)}


@router.delete("/batch/infer")
def stop_batch(served: Served, person: Somebody) -> dict[str, Any]:
    """Give a batch up; what is answered stays."""
    waiting = _batch(served)
    for job in waiting:
        give_up(served, job, person)
    return {"status": "REVOKED", "waiting": len(waiting)} if waiting else {}


@router.post("/batch/infer/{model}")
def start_batch(
    model: str,
    served: Served,
    person: Somebody,
    images: Annotated[str, Query(max_length=20)] = "all",
) -> dict[str, Any]:
    """Answer all scans that are not done, one after the other."""
    engine = engine_of(model)
    if images not in _CHOICES:
        raise InputError(f"images is {images!r}; ask for all, labeled or unlabeled.")
    chosen = _CHOICES[images]
    every = list_scans(served.project)
    rows = [row for row in every if row.status in chosen and not row.independent]
    payload = {"annotator": None, "batch": True} | ({} if engine is None else {"engine": engine})
    for row in rows:
        jobs.enqueue(served.project, SEGMENT, row.id, payload, by=person.id)
    served.workers.wake()
    served.watcher.wake()
    return {"status": "RUNNING", "images": [row.name for row in rows]}


def _added(served: Context, file: UploadFile, name: str, person: Person, scratch: Path) -> ScanRow:
    path = kept(file, scratch)
    name = name or Path(file.filename or "scan").name.partition(".")[0]
    with named_as_sent([file], scratch):
        return add_scan(served.project, path, name=name, by=person.id, copy=True)


def _saved(  # noqa: PLR0913, PLR0917 - what was sent, and whose it is
    served: Context,
    label: UploadFile,
    asked: dict[str, Any],
    row: ScanRow,
    person: Person,
    scratch: Path,
) -> None:
    names = named_in(asked)
    with named_as_sent([label], scratch):
        drawn = kept(label, scratch, binary=True)
        save_label(served.project, row, drawn, person.id, final=False, names=names)


async def _done(
    served: Context, kind: str, scan: int | None, payload: dict[str, Any], person: Person
) -> None:
    """Let a worker do something and wait for it. Raises InputError if it fails."""
    project = served.project

    def queued() -> int:
        return jobs.enqueue(project, kind, scan, payload, by=person.id).id

    number = await run_in_threadpool(queued)
    served.workers.wake()
    served.watcher.wake()
    job = await ended(served, number, _LONGEST)
    if job.state != jobs.FINISHED:
        raise InputError(job.text or "The answer was given up.")


def _answer(
    served: Context, row: ScanRow, asked: dict[str, Any], output: str, scratch: Path
) -> Response:
    project = served.project
    answer = latest_answer(project, row.id)
    assert answer is not None  # noqa: S101 - it was just made
    if output == "dicom_seg":
        path = write_segmentation(project, row, answer.labels, scratch)
        return file_alone(path, "application/dicom")
    found = centroids(answer.labels, labels_by_value(project))
    # 3D Slicer names the labels of the file one after the other: none may be listed in vain.
    names = {name: int(told[0]) for name, told in found.items()}
    said = {
        "label_names": names,
        "centroids": found,
        "engine": answer.engine,
        "image": row.name,
    }
    if output == "json":
        return JSONResponse(said)
    image = read_scan(project, row.id)
    labels = LabelMap(answer.labels, image.geometry, image.stored)
    path = write_answer(scratch / f"{file_name(row.name)}-answer", labels, asked)
    return file_alone(path) if output == "image" else with_file(said, path)


def _batch(served: Context) -> list[jobs.Job]:
    waiting = jobs.list_jobs(served.project, states=jobs.OPEN, most=100_000)
    return [job for job in waiting if job.kind == SEGMENT and job.payload.get("batch")]
