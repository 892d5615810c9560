"""Which DICOM objects hold labels, and where a file says that it is one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from fewslice.errors import InputError, ReadError
from fewslice.io.dicom.files import (
    Dataset,
    damage_named,
    dicom_files,
    is_dicom,
    read_meta,
    require_inflatable,
)
from fewslice.io.library_errors import BoundedReader

Kind = Literal["segmentation", "rtstruct"]

BINARY_OR_FRACTIONAL = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
KINDS: dict[str, Kind] = {
    BINARY_OR_FRACTIONAL: "segmentation",
    LABEL_MAP: "segmentation",
    RTSTRUCT: "rtstruct",
}
_CALLED: dict[Kind, str] = {"segmentation": "SEG", "rtstruct": "RTSTRUCT"}

_MOST_NAMED = 3  # files


def label_object(path: Path) -> tuple[Path, Kind] | None:
    """Return the file of a DICOM SEG or RTSTRUCT, and which it is; None for anything else.

    A folder counts if such an object is the only DICOM file in it, as clinics export it; folders
    in it are looked into if it holds none itself.
    """
    if path.is_dir():
        files = dicom_files(path, nested=False) or dicom_files(path)
        return label_object(files[0]) if len(files) == 1 else None
    if not path.is_file() or not is_dicom(path):
        return None
    kind = None
    with suppress(ReadError), damage_named(path), BoundedReader(path) as stream:
        kind = KINDS.get(str(read_meta(stream).get("MediaStorageSOPClassUID", "")))
    # What is wrong with a damaged file is said by the reader of images.
    return None if kind is None else (path, kind)


def kind_of(header: Dataset) -> Kind | None:
    """Return which labels an object holds, by its header; None for images and all others."""
    return KINDS.get(str(header.get("SOPClassUID", "")))


def require_no_labels(file: Path, header: Dataset) -> None:
    """Raise ReadError for an object that holds labels where a scan was expected."""
    with damage_named(file):
        kind = kind_of(header)
    if kind is not None:
        raise ReadError(
            f"{file} is a DICOM {_CALLED[kind]}, which holds labels; expected the slices of a "
            "scan: give it as --labels, and the series that it was drawn on as the scan."
        )


def require_alone(folder: Path) -> None:
    """Raise InputError for labels that lie among other DICOM files: those would be taken for them.

    Any path is fine that is no such folder.
    """
    if not folder.is_dir():
        return
    files = dicom_files(folder)
    labels = [file for file in files if label_object(file) is not None]
    if labels and len(files) > 1:
        named = ", ".join(str(file.relative_to(folder)) for file in labels[:_MOST_NAMED])
        more = ", ..." if len(labels) > _MOST_NAMED else ""
        raise InputError(
            f"{folder} holds {len(labels)} DICOM SEG or RTSTRUCT ({named}{more}) among its "
            f"{len(files)} DICOM files; expected labels alone: point at the file that is meant."
        )


def read_whole(path: Path) -> Any:
    """Read a dataset. Raises ReadError, which never repeats what is in it."""
    from pydicom import dcmread

    with damage_named(path), BoundedReader(path) as stream:
        require_inflatable(path, stream)
        return dcmread(stream)
