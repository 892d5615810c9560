"""To take along: the model that is trained on the project, and all that is annotated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from zipfile import ZIP_STORED, ZipFile

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from fewslice.errors import InputError, NotFoundError
from fewslice.integrations.monai_label.dataset import write_dataset
from fewslice.integrations.monai_label.models import engine_of
from fewslice.integrations.monai_label.parameters import Scratch
from fewslice.integrations.monai_label.replies import attached, file_alone
from fewslice.project.database import Project
from fewslice.server.auth import Admin, Somebody
from fewslice.server.context import Served
from fewslice.training.store import model_in_use
from fewslice.workflow.project_segment import TRAINED
from fewslice.workflow.project_support import has_model, model_folder

_ZIP = "application/zip"
_CHUNK = 1_000_000  # bytes

router = APIRouter()


@router.get("/datastore/dataset")
def dataset(
    served: Served,
    person: Somebody,
    limit_cases: Annotated[int | None, Query(ge=0, le=1_000_000)] = None,
) -> StreamingResponse:
    """Return scans and what people drew on them as one ZIP file, see `write_dataset`."""
    folder = TemporaryDirectory(prefix="fewslice-")
    try:
        path = write_dataset(served.project, person, limit_cases, Path(folder.name))
    except Exception:
        folder.cleanup()
        raise
    headers = attached(path.name) | {"Content-Length": str(path.stat().st_size)}
    return StreamingResponse(_chunks(folder, path), media_type=_ZIP, headers=headers)


def _chunks(folder: TemporaryDirectory[str], path: Path) -> Iterator[bytes]:
    """Yield a file piece by piece, and remove its folder at the end: it may be large."""
    with folder, path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


@router.get("/model/info/{model}")
def about_model(model: str, served: Served, _: Admin) -> dict[str, Any]:
    """Say which model that is, without sending it. checksum: of its weights and support."""
    folder, digest = _in_use(served.project, model)
    changed = max(path.stat().st_mtime for path in folder.iterdir())
    return {
        "checksum": f"SHA256:{digest}",
        "modified_time": int(changed),
        "version": folder.name,
    }


@router.get("/model/{model}")
def model_file(model: str, served: Served, _: Admin, scratch: Scratch) -> Response:
    """Return the model in use: a ZIP file of a folder that `load_model` reads."""
    folder, _digest = _in_use(served.project, model)
    path = scratch / f"{model}.zip"
    with ZipFile(path, "w", ZIP_STORED) as archive:
        for each in sorted(folder.iterdir()):
            archive.write(each, f"{model}/{each.name}")
    return file_alone(path, _ZIP)


@router.put("/model/{model}")
@router.delete("/model/{model}")
def never_replaced(model: str, _: Admin) -> Response:
    """Refuse: models come from what is drawn, and older versions are kept."""
    raise InputError(
        f"The model {model!r} is not replaced from outside; train one on the project (POST "
        "/train/), or go back to an older one with fewslice models."
    )


def _in_use(project: Project, model: str) -> tuple[Path, str]:
    """Return folder and SHA-256 of the model in use. Raises NotFoundError if there is none."""
    if engine_of(model) != TRAINED:
        raise NotFoundError(
            f"The model {model!r} has no weights of its own; ask for {TRAINED!r}, which is trained "
            "on the project."
        )
    if not has_model(project):
        raise NotFoundError("No model of the project is in use yet; train one first.")
    return model_in_use(model_folder(project))
