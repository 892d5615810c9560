"""What every DICOM result says of itself: whose it is, of which study, and who made it when.

Of the scan's header only what the standard asks of an object of the same patient and study is
repeated; everything else in it stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from fewslice._version import __version__
from fewslice.errors import ReadError
from fewslice.io.dicom.files import damage_named
from fewslice.io.dicom.planes import Dataset
from fewslice.volumes.colours import Colour

DicomKind = Literal["binary", "labelmap", "rtstruct"]
KINDS: tuple[DicomKind, ...] = ("binary", "labelmap", "rtstruct")

MANUFACTURER = "fewslice"
SERIES_NUMBER = 900  # beyond those of scanners
UTF_8 = "ISO_IR 192"

# Type 2 of the modules Patient and General Study: they must be there, if only empty.
_PATIENT = {"PatientName": "PN", "PatientID": "LO", "PatientBirthDate": "DA", "PatientSex": "CS"}
_STUDY = {"StudyDate": "DA", "StudyTime": "TM", "StudyID": "SH", "AccessionNumber": "SH"}
_NOT_REPEATED = ("ReferringPhysicianName",)  # another person's name, which may be empty


@dataclass(frozen=True)
class DicomOutput:
    """What a result in DICOM needs to know besides its labels.

    Attributes
    ----------
    source : Path, optional
        Folder of the series that was segmented, or a file of it: results refer to its images, and
        belong to its patient and study.
    names : mapping of int to str
        What structures are called, such as ``{1: "Liver"}``; "Structure 1" otherwise. Names in
        English that SNOMED CT knows get their code as well.
    kind : {"binary", "labelmap", "rtstruct"}, optional
        "binary" (DICOM SEG, a bit for each voxel and structure, which most programs read),
        "labelmap" (DICOM SEG as a label map, new and smaller), or "rtstruct" (RT Structure Set:
        outlines). By default it is "rtstruct" where the name ends with rtstruct.dcm, else "binary".
    anonymise : bool
        Leave out what is known of patient and study, but for the unique identifiers that tie the
        result to its scan.
    series : str, optional
        UID of the series, where several in `source` lie on the same voxels, such as a CT and the
        PET of the same scanner.
    colours : mapping of int to (float, float, float)
        How structures are shown: red, green and blue, 0 to 1; colours that can be told apart
        otherwise.
    """

    source: Path | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    kind: DicomKind | None = None
    anonymise: bool = False
    series: str | None = None
    colours: Mapping[int, Colour] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.source is not None:  # a text will do, as everywhere
            object.__setattr__(self, "source", Path(self.source))

    def kind_for(self, path: Path) -> DicomKind:
        """Return what to write at a path."""
        if self.kind is not None:
            return self.kind
        return "rtstruct" if path.name.lower().endswith("rtstruct.dcm") else "binary"


def identity(header: Dataset, anonymise: bool) -> dict[str, str]:
    """Return the patient and study of a derived object by keyword.

    Values that break the rules of DICOM become empty, since writing them would fail.
    """
    kept = {
        name: "" if anonymise else _valid(header, name, kind)
        for name, kind in (_PATIENT | _STUDY).items()
    }
    return {**kept, **dict.fromkeys(_NOT_REPEATED, "")}


def study_uid(header: Dataset) -> str:
    """Return the study of a scan, or a new one."""
    return _uid(header, "StudyInstanceUID")


def frame_of_reference(header: Dataset) -> str:
    """Return the frame of reference of a scan, or a new one."""
    return _uid(header, "FrameOfReferenceUID")


def mark_anonymous(dataset: Dataset) -> None:
    """Say in an object that patient and study were left out of it."""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Patient and study left out; UIDs kept"


def algorithm() -> dict[str, str]:
    """Return who made a result, by keyword of the module General Equipment."""
    return {
        "Manufacturer": MANUFACTURER,
        "ManufacturerModelName": MANUFACTURER,
        "SoftwareVersions": __version__,
        "DeviceSerialNumber": __version__,
    }


def now() -> tuple[str, str]:
    """Return date and time as DICOM writes them."""
    moment = datetime.now().astimezone()
    return moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")


def _uid(header: Dataset, name: str) -> str:
    from pydicom.uid import generate_uid

    uid = str(header.get(name, "") or "")
    return uid if re.fullmatch(r"[0-9.]{1,64}", uid) else str(generate_uid())


def _valid(header: Dataset, name: str, kind: str) -> str:
    from pydicom import config
    from pydicom.valuerep import validate_value

    with suppress(ReadError), damage_named(Path(name)):  # pydicom decodes the value here
        value = str(header.get(name, "") or "")
        validate_value(kind, value, config.RAISE)
        return value
    return ""
