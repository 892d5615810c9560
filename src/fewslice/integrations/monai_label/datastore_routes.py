"""Scans and labels of the project, as files."""

from __future__ import annotations

from itertools import chain, count
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from starlette.concurrency import run_in_threadpool

from fewslice.errors import InputError, NotFoundError
from fewslice.integrations.monai_label.datastore import (
    FINAL,
    checksum,
    image_info,
    labels_by_value,
    listing,
    statistics,
    write_scan,
    write_tagged,
)
from fewslice.integrations.monai_label.label_maps import named_in
from fewslice.integrations.monai_label.parameters import (
    Name,
    Params,
    Scratch,
    Stored,
    Tag,
    kept,
    kept_together,
    name_of,
    named_as_sent,
    parsed,
)
from fewslice.integrations.monai_label.replies import file_alone
from fewslice.integrations.monai_label.reviewing import keep_review
from fewslice.integrations.monai_label.saving import save_label
from fewslice.io.formats import suffix_of
from fewslice.project import scan_files
from fewslice.project.adding import add_scan
from fewslice.project.people import Person
from fewslice.project.scans import NEW, ScanRow, list_scans
from fewslice.server.auth import Somebody
from fewslice.server.context import Context, Served
from fewslice.server.training_turn import train_if_due

_SUFFIX = ".nii.gz"

router = APIRouter()


@router.get("/datastore/")
def datastore(
    served: Served,
    _: Somebody,
    archive: Stored,
    output: Annotated[str, Query(max_length=20)] = "stats",
) -> Any:
    """List images and labels, those with labels alone, or how many there are."""
    if output == "all":
        return listing(served.project, archive)
    if output == "train":
        rows = list_scans(served.project)
        return [{"image": row.name, "label": row.name} for row in rows if row.status != NEW]
    if output == "stats":
        return statistics(served.project)
    raise InputError(f"output is {output!r}; ask for all, train or stats.")


@router.get("/datastore/image")
@router.head("/datastore/image")
def image_file(  # noqa: PLR0913, PLR0917 - FastAPI hands over one argument each
    image: Name,
    served: Served,
    person: Somebody,
    scratch: Scratch,
    archive: Stored,
    check_sum: Name = "",
) -> Response:
    """Return a scan. check_sum: of the file that a client has; 404 if that is another one."""
    row = archive.scan(served.project, image, person.id, scratch)
    path = write_scan(served.project, row, scratch)
    if check_sum and check_sum.removeprefix("SHA256:") != checksum(path).removeprefix("SHA256:"):
        raise NotFoundError(f"The scan {row.name!r} is another file than that; download it.")
    return file_alone(path)


@router.get("/datastore/image/info")
def about_image(
    image: Name, served: Served, person: Somebody, scratch: Scratch, archive: Stored
) -> dict[str, Any]:
    """Say what is known of a scan."""
    return image_info(archive.scan(served.project, image, person.id, scratch), archive)


@router.put("/datastore/image")
@router.put("/datastore/")
def new_image(
    served: Served,
    person: Somebody,
    scratch: Scratch,
    file: Annotated[UploadFile, File()],
    image: Name = "",
) -> dict[str, str]:
    """Add a scan to the project; its file is copied into it."""
    return {"image": _added(served, person, [file], scratch, image).name}


@router.put("/datastore/label")
async def new_label(  # noqa: PLR0913, PLR0917 - FastAPI hands over one argument each
    image: Name,
    served: Served,
    person: Somebody,
    scratch: Scratch,
    archive: Stored,
    label: Annotated[UploadFile, File()],
    params: Params = "{}",
    tag: Tag = FINAL,
) -> dict[str, str]:
    """Keep what a person drew as annotation of the project, and on the server of the scan.

    No tag means final, as MONAI Label takes it: 3D Slicer's plugin sends none. message: why the
    scan is not handed in although its labels are kept.
    """
    names, final = named_in(parsed(params)), (tag or FINAL) == FINAL

    def save() -> tuple[ScanRow, str]:
        row = archive.shared_scan(served.project, image, person, scratch)
        with named_as_sent([label], scratch):
            path = kept(label, scratch, binary=True)
            message = save_label(served.project, row, path, person.id, final=final, names=names)
        train_if_due(served, person)
        archive.store(served.project, row, scratch)
        return row, message

    row, message = await run_in_threadpool(save)
    kept_as = {"image": row.name, "label": row.name}
    return kept_as | ({"message": message} if message else {})


@router.get("/datastore/label")
@router.head("/datastore/label")
def label_file(  # noqa: PLR0913, PLR0917 - FastAPI hands over one argument each
    served: Served,
    person: Somebody,
    scratch: Scratch,
    archive: Stored,
    label: Name = "",
    image: Name = "",
    tag: Tag = FINAL,
) -> Response:
    """Return the labels of a scan: "final" is what people drew, "original" the engine's answer.

    Whether there are any is asked by `image`, the labels themselves by `label`: the same name here.
    """
    row = archive.shared_scan(served.project, label or image, person, scratch)
    return file_alone(write_tagged(served.project, row, tag or FINAL, scratch, _SUFFIX))


@router.get("/datastore/label/info")
def about_label(
    label: Name, served: Served, person: Somebody, scratch: Scratch, archive: Stored
) -> dict[str, Any]:
    """Say what is known of the labels of a scan."""
    row = archive.shared_scan(served.project, label, person, scratch)
    return {"image": row.name, "label_names": labels_by_value(served.project)}


@router.put("/datastore/updatelabelinfo")
@router.put("/datastore/label/info")
def noted_of_label(  # noqa: PLR0913, PLR0917 - FastAPI hands over one argument each
    label: Name,
    served: Served,
    person: Somebody,
    scratch: Scratch,
    archive: Stored,
    tag: Tag = FINAL,
    params: Params = "",
    info: Params = "",
) -> dict[str, str]:
    """Take what a client notes of labels: a review is kept, the rest the project knows itself."""
    row = archive.shared_scan(served.project, label, person, scratch)
    if (tag or FINAL) == FINAL:
        keep_review(served.project, row, person.id, parsed(params or info))
        served.watcher.wake()
    return {}


@router.put("/datastore/image/info")
async def noted_of_image(request: Request, _: Somebody) -> dict[str, str]:
    """Take what a client wants to note of a scan: the project's own record says it already."""
    await request.body()
    return {}


@router.delete("/datastore/")
@router.delete("/datastore/image")
@router.delete("/datastore/label")
def never_deleted(_: Somebody) -> Response:
    """Refuse: nothing that was drawn is ever deleted."""
    raise InputError("Scans and labels of a project are never deleted; undo what was drawn.")


@router.put("/session/")
def new_session(
    served: Served,
    person: Somebody,
    scratch: Scratch,
    files: Annotated[list[UploadFile], File()],
) -> dict[str, Any]:
    """Take an image of the client's own: it becomes a scan of the project, unless it is one."""
    path = kept_together(files, scratch)
    with named_as_sent(files, scratch):
        row = _same(served, path) or _add(served, person, path, _free_name(served, files[0]))
    return {"session_id": row.name, "session_info": {"image": row.name}}


@router.get("/session/{session}", response_model=None)
def session_info(  # noqa: PLR0913, PLR0917 - FastAPI hands over one argument each
    session: str,
    served: Served,
    person: Somebody,
    scratch: Scratch,
    archive: Stored,
    image: bool = False,
) -> dict[str, Any] | Response:
    """Say what a session holds, or return its image."""
    row = archive.scan(served.project, _session_name(served, session), person.id, scratch)
    if image:
        return file_alone(write_scan(served.project, row, scratch))
    return {"name": row.name, "image": row.name}


@router.delete("/session/{session}")
def end_session(
    session: str, served: Served, person: Somebody, scratch: Scratch, archive: Stored
) -> dict[str, Any]:
    """End a session; its scan stays in the project."""
    row = archive.scan(served.project, _session_name(served, session), person.id, scratch)
    return {"name": row.name, "image": row.name}


def _session_name(served: Context, session: str) -> str:
    """Return what a client calls a session: in paths, MONAI Label's writes + for a space."""
    spaced = session.replace("+", " ")
    names = {row.name for row in list_scans(served.project)}
    return spaced if session not in names and spaced in names else session


def _added(
    served: Context, person: Person, files: list[UploadFile], scratch: Path, name: str
) -> ScanRow:
    path = kept_together(files, scratch)
    with named_as_sent(files, scratch):
        return _add(served, person, path, name or _name_of(files[0]))


def _add(served: Context, person: Person, path: Path, name: str) -> ScanRow:
    row = add_scan(served.project, path, name=name, by=person.id, copy=True)
    served.watcher.wake()
    return row


def _same(served: Context, path: Path) -> ScanRow | None:
    """Return the scan that holds what is in a file or folder, if there is one."""
    found = scan_files.joint_hash([scan_files.described(path, path.name)])
    return next((row for row in list_scans(served.project) if row.hash == found), None)


def _free_name(served: Context, file: UploadFile) -> str:
    name, taken = _name_of(file), {row.name for row in list_scans(served.project)}
    numbered = (f"{name} {number}" for number in count(2))
    return next(each for each in chain([name], numbered) if each not in taken)


def _name_of(file: UploadFile) -> str:
    sent = name_of(file) or "scan"
    return sent.removesuffix(suffix_of(Path(sent)))
