"""What routes are given: names, forms, files, and the DICOMweb server behind the project."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request, UploadFile

from fewslice.errors import InputError
from fewslice.integrations.monai_label.archive import Archive
from fewslice.io.formats import VOLUME_SUFFIXES, listed, suffix_of

BINARY = ".bin"
"""Suffix of voxels without a header, on the grid of the scan, as OHIF's client sends labels."""

_DICOM = (".dcm", ".dicom", ".ima")


def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="fewslice-") as folder:
        yield Path(folder)


def _archive(request: Request) -> Archive:
    found: Archive = request.app.state.archive
    return found


Scratch = Annotated[Path, Depends(_folder)]
"""A folder for as long as the request lasts."""

Stored = Annotated[Archive, Depends(_archive)]
"""Where scans are found that a client names by the UID of their series."""

Name = Annotated[str, Query(max_length=300)]
Tag = Annotated[str, Query(max_length=100)]
Params = Annotated[str, Form(max_length=1_000_000)]


def parsed(params: str) -> dict[str, Any]:
    """Return what a client sent as `params`. Raises InputError if it is no JSON of an object."""
    try:
        found = json.loads(params or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError("params is not JSON of an object; send what the plugin sends.")
    return found


def kept(file: UploadFile, folder: Path, *, binary: bool = False) -> Path:
    """Write what was sent to a file; only the end of its name is taken from the client.

    binary: whether voxels without a header will do. Raises InputError for other kinds of files.
    """
    name = Path(file.filename or "").name
    suffix = suffix_of(Path(name))
    allowed = (*VOLUME_SUFFIXES, *((BINARY,) if binary else ()))
    if suffix not in allowed:
        raise InputError(f"A file ending in {suffix!r} was sent; expected {listed(allowed)}.")
    return _written(file, folder / f"sent{suffix}")


def kept_together(files: list[UploadFile], folder: Path) -> Path:
    """Write the files of one DICOM series, or a single file of any kind that `kept` takes."""
    if len(files) == 1 and Path(files[0].filename or "").suffix.lower() not in _DICOM:
        return kept(files[0], folder)
    series = folder / "series"
    series.mkdir()
    for number, file in enumerate(files):
        _written(file, series / f"{number:06}.dcm")
    return series


def _written(file: UploadFile, path: Path) -> Path:
    with path.open("wb") as target:
        shutil.copyfileobj(file.file, target)
    return path
