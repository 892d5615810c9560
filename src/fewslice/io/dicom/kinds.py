"""Which DICOM objects hold labels, and where a file says that it is one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from fewslice.errors import ReadError
from fewslice.io.dicom.files import (
    damage_named,
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


def label_object(path: Path) -> tuple[Path, Kind] | None:
    """Return the file of a DICOM SEG or RTSTRUCT, and which it is; None for anything else.

    A folder counts if such an object is the only DICOM file in it, as clinics export it.
    """
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if file.is_file() and is_dicom(file)]
        return label_object(files[0]) if len(files) == 1 else None
    if not path.is_file() or not is_dicom(path):
        return None
    kind = None
    with suppress(ReadError), damage_named(path), BoundedReader(path) as stream:
        kind = KINDS.get(str(read_meta(stream).get("MediaStorageSOPClassUID", "")))
    # What is wrong with a damaged file is said by the reader of images.
    return None if kind is None else (path, kind)


def read_whole(path: Path) -> Any:
    """Read a dataset. Raises ReadError, which never repeats what is in it."""
    from pydicom import dcmread

    with damage_named(path), BoundedReader(path) as stream:
        require_inflatable(path, stream)
        return dcmread(stream)
