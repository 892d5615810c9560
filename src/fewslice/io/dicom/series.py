"""What the headers of DICOM files say of each slice: where it lies, what its pixels mean."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fewslice.errors import GeometryError, ReadError, Remark
from fewslice.io.dicom.files import Dataset, damage_named
from fewslice.io.dicom.frames import frame_positions
from fewslice.io.dicom.kinds import require_no_labels
from fewslice.io.dicom.tags import numbers, places, required, text, words
from fewslice.typing import Float64Array

_PACKED = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5")  # transfer syntaxes

CHANNEL_TAGS = (
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "TriggerTime",
    "EchoTime",
    "EffectiveEchoTime",
    "EchoNumbers",
    "DiffusionBValue",
    "AcquisitionNumber",
)


@dataclass(frozen=True)
class Series:
    """The series a file says it belongs to.

    number: of the series, None if it has none. frame: UID of its frame of reference. patient: a
    digest of the patient's ID, which tells patients apart without naming any. Both "" if unknown.
    """

    uid: str
    number: int | None
    description: str
    modality: str
    frame: str = field(default="", compare=False)
    patient: str = field(default="", compare=False)


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice of a series, in LPS+ and mm.

    file, frame: where its pixels are. instance: UID of the file. position: (3,) centre of its first
    pixel. orientation: (6,) direction of its rows and of its columns. spacing: distance between
    rows, between columns. thickness: of the slice, 1 if unknown. nominal: the distance to the next
    slice that the header says, 0 if none. matrix: rows, columns. rescale: slope, intercept.
    channel: values of the tags that can tell time points or echoes apart. kind: of image, such as
    magnitude or phase, as the header says it. stack: that its file puts it into, "" if it names
    none. concatenation: UID that files have in common whose frames belong together, "" if none.
    parts: how many files those are, 0 if unknown. packed: whether its pixels are compressed.
    localizer: made to plan
    others by. inverted: shown with low values bright. laid_out: its position is not stored, but
    follows from the number of its frame. spacing_known: whether all spacings are stored.
    """

    file: Path
    frame: int
    series: Series
    instance: str
    position: Float64Array
    orientation: Float64Array
    spacing: tuple[float, float]
    thickness: float
    nominal: float
    matrix: tuple[int, int]
    rescale: tuple[float, float]
    channel: dict[str, float]
    localizer: bool
    inverted: bool
    laid_out: bool
    spacing_known: bool
    kind: str = ""
    stack: str = ""
    concatenation: str = ""
    parts: int = 0
    packed: bool = False
    remarks: tuple[Remark, ...] = ()


def named(one: Slice, other: Slice) -> str:
    """Return what two slices are called in a message: their files, or their frames."""
    if one.file != other.file or one.frame == other.frame:
        return f"{one.file.name} and {other.file.name}"
    return f"frames {one.frame + 1} and {other.frame + 1} of {one.file.name}"


def series_of(dataset: Dataset) -> Series:
    """Return the series that a header names."""
    number = text(dataset, "SeriesNumber")
    return Series(
        text(dataset, "SeriesInstanceUID"),
        int(number) if number.lstrip("+-").isdecimal() else None,
        text(dataset, "SeriesDescription"),
        text(dataset, "Modality"),
        text(dataset, "FrameOfReferenceUID"),
        _digest(text(dataset, "PatientID")),
    )


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:16] if identity else ""


def is_colour(dataset: Dataset) -> bool:
    """Whether pixels are colours: a screenshot, not a slice."""
    several = int(dataset.get("SamplesPerPixel", 1) or 1) != 1
    return several or "PALETTE" in text(dataset, "PhotometricInterpretation")


def slices_of(file: Path, dataset: Dataset) -> list[Slice]:
    """Return the slices of a file, one for classic CT and MR.

    Raises ReadError for pixels that are no slices of a scan, GeometryError if their place is
    unknown.
    """
    require_no_labels(file, dataset)
    with damage_named(file):
        if is_colour(dataset):
            raise ReadError(
                f"{file} is a colour image; expected one number per pixel: point at the original "
                "slices, not at a screenshot."
            )
        if "MOSAIC" in _image_type(dataset):
            raise ReadError(
                f"{file} is a MOSAIC of Siemens, which shows all slices of a volume as tiles of "
                "one; expected one image a slice: convert its series with dcm2niix."
            )
        count = int(dataset.get("NumberOfFrames", 1) or 1)
        if count * int(dataset.Rows) * int(dataset.Columns) < 1:
            raise ReadError(f"{file} holds an image without pixels; expected at least one.")
        return list(_slices(file, dataset, count))


def _slices(file: Path, dataset: Dataset, count: int) -> Iterator[Slice]:
    layout = frame_positions(file, dataset, count)
    series = series_of(dataset)
    for frame, (position, orientation) in enumerate(layout.places):
        where = list(places(dataset, frame))
        thickness = numbers(where, "SliceThickness", 1)
        between = numbers(where, "SpacingBetweenSlices", 1)
        channel = {tag: numbers(where, tag, 1) for tag in CHANNEL_TAGS}
        yield Slice(
            file=file,
            frame=frame,
            series=series,
            instance=text(dataset, "SOPInstanceUID"),
            position=position,
            orientation=orientation,
            spacing=layout.spacing if layout.spacing else _pixel_spacing(file, where),
            thickness=_first_positive(thickness, between) or 1.0,
            nominal=_first_positive(between, thickness),
            matrix=(int(dataset.Rows), int(dataset.Columns)),
            rescale=_rescale(dataset, where),
            channel={tag: value[0] for tag, value in channel.items() if value},
            localizer="LOCALIZER" in _image_type(dataset),
            inverted=text(dataset, "PhotometricInterpretation") == "MONOCHROME1",
            laid_out=layout.assumed,
            spacing_known=layout.spacing_known,
            kind=words(where, "FrameType") or words(where, "ImageType"),
            stack=words(where, "StackID"),
            concatenation=text(dataset, "ConcatenationUID"),
            packed=_is_packed(dataset),
            parts=int(dataset.get("InConcatenationTotalNumber", 0) or 0),
            remarks=layout.remarks,
        )


def _image_type(dataset: Dataset) -> list[str]:
    """Return what kind of image a header says it is, in several words."""
    return words([dataset], "ImageType").upper().split("\\")


def _is_packed(dataset: Dataset) -> bool:
    """Whether pixels are compressed, as JPEG of any kind or by run lengths."""
    return text(dataset.file_meta, "TransferSyntaxUID").startswith(_PACKED)


def _pixel_spacing(file: Path, where: list[Dataset]) -> tuple[float, float]:
    rows, columns = required(file, where, "PixelSpacing", 2)
    if min(rows, columns) <= 0:
        raise GeometryError(
            f"{file} has zero or negative spacing ({rows:g}, {columns:g} mm); expected two "
            "positive numbers in PixelSpacing: repair its header."
        )
    return rows, columns


def _first_positive(*found: list[float]) -> float:
    """Return the first number that is a distance, whichever way it counts; 0 if there is none."""
    return next((abs(each[0]) for each in found if each and each[0] != 0), 0.0)


def _rescale(dataset: Dataset, where: list[Dataset]) -> tuple[float, float]:
    """Return slope and intercept. A table of values takes their place when pixels are decoded."""
    if "ModalityLUTSequence" in dataset:
        return 1.0, 0.0
    slope = numbers(where, "RescaleSlope", 1) or numbers(where, "DoseGridScaling", 1) or [1.0]
    intercept = numbers(where, "RescaleIntercept", 1) or [0.0]
    return float(np.float64(slope[0])), float(np.float64(intercept[0]))
