"""Adding a scan to a project: read once, copied if asked for, described by what its files hold."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from fewslice.errors import InputError, Remark, WriteError
from fewslice.io.dicom.files import behind_directory
from fewslice.io.scan_files import scan_at
from fewslice.project import scan_files
from fewslice.project.database import Project, reading, writing
from fewslice.project.events import add_event
from fewslice.project.people import found_person
from fewslice.project.scans import (
    NEW,
    ScanOptions,
    ScanRow,
    get_scan,
    options_json,
    read_files,
    stored_as,
)
from fewslice.project.tables import ScanTable
from fewslice.volumes.image import Image
from fewslice.volumes.spacing import spacing_origin, spacing_remarks

COPIES = "scans"

_LONGEST = 200  # bytes of a name: it becomes part of names of files, which may have 255
_AIR = -300  # HU: no other modality has values as low


def add_scan(  # noqa: PLR0913 - what can be said of a scan
    project: Project,
    paths: str | Path | Sequence[str | Path],
    *,
    by: int,
    name: str | None = None,
    options: ScanOptions | None = None,
    copy: bool = False,
    tell: Callable[[Remark], None] | None = None,
) -> ScanRow:
    """Add a scan, which is read once and left as it is.

    Parameters
    ----------
    paths
        A file or folder of any format that can be read; or several, one for each channel.
    by
        The person who adds it.
    name
        What people call it; by default the name of the file without its suffix.
    options
        How it is read, where that has to be said.
    copy
        Copy it into the project's folder; else it has to stay where it is.
    tell
        Called with what was assumed to read it, where that is not plain.

    Raises
    ------
    ReadError, GeometryError, InputError
        If it cannot be read, or its name is taken.
    WriteError
        If it cannot be copied.
    """
    options = options or ScanOptions()
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise InputError("A scan without files was given; expected at least one.")
    files = [behind_directory(Path(each).absolute()) for each in given]
    name = _clean(name or scan_at(files[0]).name)
    _require_free(project, name)
    image = read_files(files, options)
    with _placed(project, name, files, copy) as placed:
        described = [scan_files.described(path, stored_as(project, path)) for path in placed]
        row = ScanTable(
            name=name,
            files=[each.as_json() for each in described],
            options=options_json(options, spacing_origin(image)),
            hash=scan_files.joint_hash(described),
            shape=list(image.geometry.shape),
            affine=image.geometry.affine.tolist(),
            spacing=[float(each) for each in image.geometry.spacing],
            modality=_modality(image),
            channels=len(image.channels),
            status=NEW,
            priority=0.0,
            predicted_dice=None,
            independent=False,
            person_id=by,
            time=project.now(),
        )
        scan_id = _added(project, row)
    if tell is not None:
        for remark in (*image.remarks, *spacing_remarks(image, spacing_origin(image))):
            tell(remark)
    return get_scan(project, scan_id)


def _added(project: Project, row: ScanTable) -> int:
    with writing(project) as session:
        found_person(session, row.person_id)
        _require_name_free(session, row.name)
        session.add(row)
        session.flush()
        add_event(project, session, "status", scan_id=row.id, data={"status": NEW})
        return row.id


@contextmanager
def _placed(project: Project, name: str, files: list[Path], copy: bool) -> Iterator[list[Path]]:
    """Yield where the files of a scan are from now on; copies are removed if the body fails."""
    if not copy:
        yield files
        return
    folder = project.directory / COPIES / f"{name}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True)
        for path in files:
            if path.is_dir():
                shutil.copytree(path, folder / path.name)
            for part in scan_files.parts(path) if path.is_file() else ():
                shutil.copy2(part, folder / part.name)
        yield [folder / path.name for path in files]
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise WriteError(
            f"{files[0]} cannot be copied to {folder} ({error.strerror or error}); free space "
            "there, or add it without copying."
        ) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _clean(name: str) -> str:
    name = name.strip()
    if not name or name.startswith(".") or any(each in "/\\\0" for each in name):
        raise InputError(
            f"The name '{name}' cannot be used for a scan; expected one without slashes that does "
            "not begin with a dot."
        )
    size = len(name.encode(errors="replace"))
    if size > _LONGEST:
        raise InputError(
            f"The name '{name[:30]}...' of a scan takes {size} bytes; expected {_LONGEST} at most, "
            "since files are named by it: give a shorter one."
        )
    return name


def _require_free(project: Project, name: str) -> None:
    with reading(project) as session:
        _require_name_free(session, name)


def _require_name_free(session: Session, name: str) -> None:
    if session.scalar(select(ScanTable.id).where(ScanTable.name == name)) is not None:
        raise InputError(f"There is a scan '{name}' in the project already; give another name.")


def _modality(image: Image) -> str:
    if image.stored is not None and image.stored.kind == "oct":
        return "OCT"
    return "CT" if float(image.array.min()) <= _AIR else ""
