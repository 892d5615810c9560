"""The routes that MONAI Label's plugins ask, each one over what our own page uses as well.

3D Slicer's and OHIF's plugins, and ``monailabel.client``, find models, strategies, images and
labels here. Tokens are our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.concurrency import run_in_threadpool

from fewslice._version import __version__
from fewslice.errors import InputError, NotFoundError
from fewslice.integrations.monai_label.datastore import (
    FINAL,
    checksum,
    image_info,
    labels_by_value,
    listing,
    save_label,
    scan_named,
    shared_scan_named,
    statistics,
    write_map,
    write_scan,
    write_tagged,
)
from fewslice.integrations.monai_label.models import QUEUE, STRATEGIES, models, require_model
from fewslice.integrations.monai_label.replies import file_alone, with_file
from fewslice.io.formats import VOLUME_SUFFIXES, listed, suffix_of
from fewslice.project import jobs
from fewslice.project.answers import latest_answer
from fewslice.project.login import check_password
from fewslice.project.people import has_accounts
from fewslice.project.scans import ScanRow, add_scan, list_scans, read_scan
from fewslice.project.tokens import give_token
from fewslice.server.auth import Somebody
from fewslice.server.context import Context, Served
from fewslice.server.training_turn import start_training, train_if_due
from fewslice.server.waiting import ended
from fewslice.server.work_kinds import SEGMENT, TRAIN
from fewslice.workflow.project_queue import next_scan

PREFIX = "/monailabel"
_LONGEST = 600.0  # seconds that a client waits for an answer
_SUFFIX = ".nii.gz"

router = APIRouter(prefix=PREFIX, tags=["MONAI Label"])


def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="fewslice-") as folder:
        yield Path(folder)


Scratch = Annotated[Path, Depends(_folder)]
Image = Annotated[str, Query(max_length=300)]
Params = Annotated[str, Form(max_length=1_000_000)]


def add_monai_label(app: FastAPI) -> None:
    """Let tools ask an application of `fewslice.server` by MONAI Label's protocol.

    Its routes come before the page, which takes every address that is left.
    """
    page = [route for route in app.router.routes if getattr(route, "name", "") == "page"]
    for route in page:
        app.router.routes.remove(route)
    app.include_router(router)
    app.router.routes.extend(page)


@router.get("/info/")
def info(served: Served, _: Somebody) -> dict[str, Any]:
    """Say which models, strategies, labels and images there are."""
    labels = labels_by_value(served.project)
    return {
        "name": "fewslice",
        "description": "A few drawn slices become a volume",
        "version": __version__,
        "labels": list(labels),
        "models": models(labels),
        "trainers": {"fewslice": {"description": "Trains a model of this project", "config": {}}},
        "strategies": STRATEGIES,
        "scoring": {},
        "train_stats": {},
        "datastore": statistics(served.project),
    }


@router.post("/activelearning/{strategy}")
def next_image(strategy: str, served: Served, person: Somebody, scratch: Scratch) -> Any:
    """Say which scan to annotate next; nothing if all are done."""
    if strategy not in STRATEGIES:
        raise NotFoundError(f"There is no strategy {strategy!r}; ask {QUEUE}.")
    found = next_scan(served.project, person).scan
    if found is None:
        return {}
    path = write_scan(served.project, found, scratch)
    return {
        "id": found.name,
        "name": path.name,
        # A client on another computer has no such file, and downloads it.
        "path": str(Path("/") / "fewslice" / path.name),
        "checksum": checksum(path),
        "strategy": {QUEUE: {}},
    }


@router.post("/infer/{model}")
async def infer(  # noqa: PLR0913, PLR0917 - FastAPI hands over one argument each
    model: str,
    served: Served,
    person: Somebody,
    scratch: Scratch,
    image: Image = "",
    session_id: Image = "",
    output: Annotated[str, Query(max_length=20)] = "",
    params: Params = "{}",
    label: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Answer a scan. label: what is drawn by now, which is kept as if it had been saved first."""
    asked = _parsed(params)
    require_model(model)
    row = await run_in_threadpool(shared_scan_named, served.project, image or session_id, person)
    if label is not None:
        drawn = await _kept(label, scratch)
        await run_in_threadpool(save_label, served.project, row, drawn, person.id, "")
    job = await run_in_threadpool(
        jobs.enqueue, served.project, SEGMENT, row.id, {"annotator": None}, by=person.id
    )
    served.workers.wake()
    served.watcher.wake()
    done = await ended(served, job.id, _LONGEST)
    if done.state != jobs.FINISHED:
        raise InputError(done.text or "The answer was given up.")
    return await run_in_threadpool(_answer, served, row, asked, output, scratch)


def _answer(
    served: Context, row: ScanRow, asked: dict[str, Any], output: str, scratch: Path
) -> Response:
    answer = latest_answer(served.project, row.id)
    assert answer is not None  # noqa: S101 - it was just made
    names = labels_by_value(served.project)
    said = {"label_names": names, "engine": answer.engine, "image": row.name}
    if output == "json":
        return JSONResponse(said)
    suffix = str(asked.get("result_extension") or _SUFFIX)
    if suffix not in VOLUME_SUFFIXES:
        raise InputError(f"result_extension is {suffix!r}; ask for {listed(VOLUME_SUFFIXES)}.")
    image = read_scan(served.project, row.id)
    path = write_map(answer.labels, image, f"{row.name}-answer", scratch, suffix)
    return file_alone(path) if output == "image" else with_file(said, path)


@router.get("/datastore/")
def datastore(served: Served, _: Somebody, output: str = "all") -> Any:
    """List images and labels."""
    if output == "stats":
        return statistics(served.project)
    if output == "train":
        rows = list_scans(served.project)
        return [{"image": row.name, "label": row.name} for row in rows if row.status != "new"]
    return listing(served.project)


@router.get("/datastore/image")
@router.head("/datastore/image")
def image_file(image: Image, served: Served, _: Somebody, scratch: Scratch) -> Response:
    """Return a scan."""
    return file_alone(write_scan(served.project, scan_named(served.project, image), scratch))


@router.get("/datastore/image/info")
def about_image(image: Image, served: Served, _: Somebody) -> dict[str, Any]:
    """Say what is known of a scan."""
    return image_info(scan_named(served.project, image))


@router.put("/datastore/image")
@router.put("/datastore/")
async def new_image(
    served: Served,
    person: Somebody,
    scratch: Scratch,
    file: Annotated[UploadFile, File()],
    image: Image = "",
) -> dict[str, str]:
    """Add a scan to the project; its file is copied into it."""
    path = await _kept(file, scratch)

    def add() -> ScanRow:
        name = image or path.name.removesuffix(suffix_of(path))
        return add_scan(served.project, path, name=name, by=person.id, copy=True)

    row = await run_in_threadpool(add)
    served.watcher.wake()
    return {"image": row.name}


@router.put("/datastore/label")
async def new_label(  # noqa: PLR0913, PLR0917 - FastAPI hands over one argument each
    image: Image,
    served: Served,
    person: Somebody,
    scratch: Scratch,
    label: Annotated[UploadFile, File()],
    tag: Annotated[str, Query(max_length=100)] = "",
) -> dict[str, str]:
    """Keep what a person drew as annotation of the project."""
    row = await run_in_threadpool(shared_scan_named, served.project, image, person)
    path = await _kept(label, scratch)
    await run_in_threadpool(save_label, served.project, row, path, person.id, tag)
    await run_in_threadpool(train_if_due, served, person)
    return {"image": row.name, "label": row.name}


@router.get("/datastore/label")
@router.head("/datastore/label")
def label_file(
    label: Image,
    served: Served,
    person: Somebody,
    scratch: Scratch,
    tag: Annotated[str, Query(max_length=100)] = FINAL,
) -> Response:
    """Return the labels of a scan: "final" is what people drew, "original" the engine's answer."""
    row = shared_scan_named(served.project, label, person)
    return file_alone(write_tagged(served.project, row, tag or FINAL, scratch, _SUFFIX))


@router.get("/datastore/label/info")
def about_label(label: Image, served: Served, person: Somebody) -> dict[str, Any]:
    """Say what is known of the labels of a scan."""
    row = shared_scan_named(served.project, label, person)
    return {"image": row.name, "label_names": labels_by_value(served.project)}


@router.put("/datastore/updatelabelinfo")
@router.put("/datastore/label/info")
@router.put("/datastore/image/info")
async def kept_by_us(request: Request, _: Somebody) -> dict[str, str]:
    """Take what a client wants to note of a file: the project's own record says it already."""
    await request.body()
    return {}


@router.delete("/datastore/image")
@router.delete("/datastore/label")
def never_deleted(_: Somebody) -> Response:
    """Refuse: nothing that was drawn is ever deleted."""
    raise InputError("Scans and labels of a project are never deleted; undo what was drawn.")


@router.get("/train/")
def training(served: Served, _: Somebody, check_if_running: bool = False) -> Any:
    """Say how far the training is; 404 if none is under way and that was asked."""
    found = next((each for each in jobs.list_jobs(served.project) if each.kind == TRAIN), None)
    running = found is not None and found.state in jobs.OPEN
    if check_if_running and not running:
        raise NotFoundError("No training is under way.")
    if found is None:
        return {}
    return {"id": str(found.id), "status": _status(found), "details": [found.text]}


@router.post("/train/")
@router.post("/train/{model}")
def train(served: Served, person: Somebody, model: str = "") -> dict[str, Any]:
    """Train the project's model on all that was drawn."""
    del model  # there is one
    job = start_training(served, person, None)
    return {"id": str(job), "status": "RUNNING"}


@router.delete("/train/")
def stop_training(served: Served, _: Somebody) -> dict[str, Any]:
    """Give the training up that is under way."""
    for each in jobs.list_jobs(served.project, states=jobs.OPEN):
        if each.kind == TRAIN:
            jobs.cancel(served.project, each.id)
            served.workers.cancel(each.id)
            return {"id": str(each.id), "status": "REVOKED"}
    return {}


@router.get("/scoring/")
@router.post("/scoring/")
@router.post("/scoring/{method}")
@router.delete("/scoring/")
def scoring(_: Somebody, method: str = "") -> dict[str, Any]:
    """Score nothing: the queue is ranked whenever a model is trained."""
    del method
    return {}


@router.get("/batch/infer")
@router.delete("/batch/infer")
def batch(_: Somebody) -> Any:
    """Say that no batch is under way."""
    raise NotFoundError("No batch is under way.")


@router.post("/batch/infer/{model}")
def start_batch(model: str, served: Served, person: Somebody) -> dict[str, Any]:
    """Answer all scans that are not done, one after the other."""
    require_model(model)
    rows = [
        row
        for row in list_scans(served.project)
        if row.status in ("new", "in_progress") and not row.independent
    ]
    for row in rows:
        jobs.enqueue(served.project, SEGMENT, row.id, {"annotator": None}, by=person.id)
    served.workers.wake()
    served.watcher.wake()
    return {"status": "RUNNING", "images": [row.name for row in rows]}


@router.put("/session/")
async def new_session(
    served: Served,
    person: Somebody,
    scratch: Scratch,
    files: Annotated[list[UploadFile], File()],
) -> dict[str, Any]:
    """Take an image that is in no datastore: it becomes a scan of the project."""
    row = await new_image(served, person, scratch, files[0])
    return {"session_id": row["image"], "session_info": {"image": row["image"]}}


@router.get("/session/{session}")
def session_info(session: str, served: Served, _: Somebody) -> dict[str, Any]:
    """Say what a session holds."""
    return {"name": scan_named(served.project, session).name}


@router.delete("/session/{session}")
def end_session(session: str, served: Served, _: Somebody) -> dict[str, Any]:
    """End a session; its scan stays in the project."""
    return {"name": scan_named(served.project, session).name}


@router.get("/logs/", response_class=PlainTextResponse)
def logs(_: Somebody) -> str:
    """Return no log: it may tell of patients."""
    return ""


@router.get("/auth/")
def auth(served: Served) -> dict[str, Any]:
    """Say whether people have to log in."""
    return {"enabled": has_accounts(served.project)}


@router.post("/auth/token")
def token(
    request: Request,
    served: Served,
    username: Annotated[str, Form(max_length=300)],
    password: Annotated[str, Form(max_length=1000)],
) -> dict[str, str]:
    """Log in."""
    address = request.client.host if request.client else ""
    person = check_password(served.project, username, password, address)
    return {"access_token": give_token(served.project, person.id), "token_type": "bearer"}


@router.get("/auth/token/valid")
def valid(person: Somebody) -> dict[str, str]:
    """Say whose token it is."""
    return {"username": person.name, "name": person.name}


def _status(job: jobs.Job) -> str:
    if job.state in jobs.OPEN:
        return "RUNNING"
    return "DONE" if job.state == jobs.FINISHED else "ERROR"


def _parsed(params: str) -> dict[str, Any]:
    try:
        found = json.loads(params or "{}")
    except (json.JSONDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError("params is not JSON of an object; send what the plugin sends.")
    return found


async def _kept(file: UploadFile, folder: Path) -> Path:
    """Write what was sent to a file; only the end of its name is taken from the client."""
    suffix = suffix_of(Path(Path(file.filename or "").name))
    if suffix not in VOLUME_SUFFIXES:
        raise InputError(
            f"A file ending in {suffix!r} was sent; expected {listed(VOLUME_SUFFIXES)}."
        )
    path = folder / f"sent{suffix}"
    path.write_bytes(await file.read())
    return path
