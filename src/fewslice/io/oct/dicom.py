"""What DICOM says of an OCT beside its voxels, which `fewslice.io.dicom` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fewslice.io.dicom.files import is_dicom
from fewslice.io.library_errors import BoundedReader
from fewslice.io.oct.info import STORED, OctInfo

_OCT = "OPT"  # the modality: ophthalmic tomography


def read_info(path: Path) -> OctInfo | None:
    """Return what a DICOM file or the first one of a folder says; None if it is no OCT."""
    import pydicom

    file = _first(path)
    if file is None:
        return None
    with BoundedReader(file) as stream:
        dataset = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
    if dataset.get("Modality") != _OCT:
        return None
    return OctInfo("DICOM", _laterality(dataset), (STORED, STORED, STORED))


def _first(path: Path) -> Path | None:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return next((each for each in files if each.is_file() and is_dicom(each)), None)


def _laterality(dataset: Any) -> str:
    """Return the eye, which is told of the image, of all frames, or of the series."""
    told = [dataset.get("ImageLaterality"), dataset.get("Laterality")]
    for groups in (
        *dataset.get("SharedFunctionalGroupsSequence", []),
        *dataset.get("PerFrameFunctionalGroupsSequence", [])[:1],
    ):
        for anatomy in groups.get("FrameAnatomySequence", []):
            told.append(anatomy.get("FrameLaterality"))
    return next((str(each) for each in told if each in ("R", "L")), "")
