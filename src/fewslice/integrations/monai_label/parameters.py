"""What routes are given: names, forms, files, and the DICOMweb server behind the project."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request, UploadFile

from fewslice.errors import FewsliceError, InputError
from fewslice.integrations.monai_label.archive import Archive
from fewslice.io.formats import VOLUME_SUFFIXES, listed, suffix_of

BINARY = ".bin"
"""Suffix of voxels without a header, on the grid of the scan, as OHIF's client sends labels."""

_DICOM = (".dcm", ".dicom", ".ima")
_SERIES = "series"


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
    suffix = suffix_of(Path(name_of(file)))
    allowed = (*VOLUME_SUFFIXES, *((BINARY,) if binary else ()))
    if suffix not in allowed:
        raise InputError(f"A file ending in {suffix!r} was sent; expected {listed(allowed)}.")
    return _written(file, _place(file, folder))


def kept_together(files: list[UploadFile], folder: Path) -> Path:
    """Write the files of one DICOM series, or a single file of any kind that `kept` takes."""
    if len(files) == 1 and Path(files[0].filename or "").suffix.lower() not in _DICOM:
        return kept(files[0], folder)
    series = folder / _SERIES
    series.mkdir()
    for number, file in enumerate(files):
        _written(file, series / _slice_name(number))
    return series


@contextmanager
def named_as_sent(files: Sequence[UploadFile], folder: Path) -> Iterator[None]:
    """Let errors call files that were kept in a folder as the client does, not where they lie."""
    try:
        yield
    except FewsliceError as error:
        words = str(error)
        for number, file in enumerate(files):
            for place in (_place(file, folder), folder / _SERIES / _slice_name(number)):
                words = words.replace(str(place), _called(file))
        words = words.replace(str(folder / _SERIES), "the series that was sent")
        if words == str(error):
            raise
        raise type(error)(words) from error


def name_of(file: UploadFile) -> str:
    """Return the name of a file that was sent; some clients name the whole path, with \\."""
    return PureWindowsPath(file.filename or "").name


def _called(file: UploadFile) -> str:
    name = "".join(each if each.isprintable() else "?" for each in name_of(file))
    return name[:100] or "the file that was sent"


def _place(file: UploadFile, folder: Path) -> Path:
    return folder / f"sent{suffix_of(Path(name_of(file)))}"


def _slice_name(number: int) -> str:
    return f"{number:06}.dcm"


def _written(file: UploadFile, path: Path) -> Path:
    with path.open("wb") as target:
        shutil.copyfileobj(file.file, target)
    return path
