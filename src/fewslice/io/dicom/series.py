"""DICOM headers: which files of a folder belong together, and where each of their slices lies."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import GeometryError, ReadError
from fewslice.typing import Float64Array

Dataset = Any  # pydicom's elements have no static types

PIXEL_TAGS = ((0x7FE0, 0x0008), (0x7FE0, 0x0009), (0x7FE0, 0x0010))
ENCAPSULATED = 0xFFFFFFFF  # the length of compressed pixels is not given
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
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


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice of a series, in LPS+ and mm.

    file, frame: where its pixels are. position: (3,) centre of its first pixel. orientation: (6,)
    direction of its rows and of its columns. spacing: distance between rows, between columns.
    thickness: of the slice, 1 if unknown. matrix: rows, columns. rescale: slope, intercept.
    channel: values of the tags that can tell time points or echoes apart.
    """

    file: Path
    frame: int
    position: Float64Array
    orientation: Float64Array
    spacing: tuple[float, float]
    thickness: float
    matrix: tuple[int, int]
    rescale: tuple[float, float]
    channel: dict[str, float]


def is_dicom(path: Path) -> bool:
    """Whether a file has the mark of DICOM after its preamble."""
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def find_slices(path: Path) -> list[Slice]:
    """Return the slices of the one series in a folder or file, in no particular order.

    Raises ReadError if there is none, more than one, or one that cannot be read.
    """
    # pydicom warns of every value that breaks a rule; those that matter are checked here.
    with _damage_named(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets = [(path, _header(path))] if path.is_file() else list(_images_in(path))
        if path.is_file() and "Rows" not in datasets[0][1]:
            raise ReadError(
                f"{path} is a DICOM file without an image; expected CT, MR or OCT slices."
            )
        _require_one_series(path, [dataset for _, dataset in datasets])
        return [part for file, dataset in datasets for part in _slices(file, dataset)]


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turn what pydicom raises for headers that break the rules into ReadError."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    try:
        yield
    except (
        *(InvalidDicomError, BytesLengthException, NotImplementedError, RecursionError, EOFError),
        *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, struct.error),
    ) as error:
        # Only the beginning of the reason: it may go on with what the header says of the patient.
        reason = (str(error).splitlines() or [""])[0].split(". ")[0][:100]
        raise ReadError(
            f"{path} is not a DICOM file or has a damaged header ({reason}); expected whole files "
            "of one series: copy or export them again."
        ) from error


def _images_in(folder: Path) -> Iterator[tuple[Path, Dataset]]:
    """Yield the images of a folder, or of its only subfolder with DICOM files."""
    files = _dicom_files(folder)
    if not files:
        nested = [sub for sub in sorted(folder.iterdir()) if sub.is_dir() and _dicom_files(sub)]
        if len(nested) > 1:
            names = ", ".join(sub.name for sub in nested)
            raise ReadError(
                f"{folder} holds no DICOM files, but several of its folders do ({names}); expected "
                "the folder of one series: point at one of them."
            )
        files = _dicom_files(nested[0]) if nested else []
    found = False
    for file in files:
        dataset = _header(file)
        if "Rows" in dataset:
            found = True
            yield file, dataset
        elif _should_be_image(dataset):
            raise ReadError(f"{file} is cut off within its header; copy or export it again.")
    if not found:
        raise ReadError(
            f"{folder} holds no DICOM images; expected the files of one CT, MR or OCT series: "
            "point at their folder, or at the file for another format."
        )


def _should_be_image(dataset: Dataset) -> bool:
    """Whether a header without an image is damaged: reports and the like have none by nature."""
    kind = dataset.file_meta.get("MediaStorageSOPClassUID", "")
    return not kind or "Image Storage" in getattr(kind, "name", "")


def _dicom_files(folder: Path) -> list[Path]:
    """Return the files that are DICOM, or should be by their name."""
    files = [
        file
        for file in sorted(folder.iterdir())
        if not file.name.startswith(".") and file.name.upper() != "DICOMDIR" and file.is_file()
    ]
    return [file for file in files if file.suffix.lower() in DICOM_SUFFIXES or is_dicom(file)]


def _header(file: Path) -> Dataset:
    """Read everything before the pixels."""
    from pydicom import dcmread

    with _damage_named(file), file.open("rb") as stream:
        dataset = dcmread(stream, stop_before_pixels=True)
        _require_whole(file, dataset)
        syntax = dataset.file_meta.get("TransferSyntaxUID", "")
        if "Rows" in dataset and not getattr(syntax, "is_deflated", False):
            _require_pixels(file, dataset, stream.read(12), file.stat().st_size - stream.tell())
        return dataset


def _require_whole(file: Path, dataset: Dataset) -> None:
    """Check types and lengths of all elements, which pydicom leaves until they are asked for."""
    from pydicom.dataelem import RawDataElement
    from pydicom.valuerep import VR

    for element in [*dataset.file_meta.values(), *dataset.values()]:
        if not isinstance(element, RawDataElement):
            continue
        known = element.VR is None or element.VR in VR.__members__
        cut = element.value is not None and element.length not in (ENCAPSULATED, len(element.value))
        if not known or cut:
            raise ReadError(
                f"{file} has a damaged header or is cut off at its element {element.tag}; copy or "
                "export it again."
            )


def _require_pixels(file: Path, dataset: Dataset, head: bytes, rest: int) -> None:
    """Check that the pixels are all there: GDCM asks for any memory that a damaged length says.

    head: the 12 bytes where the pixels should begin. rest: how many bytes follow them.
    """
    implicit, little = dataset.original_encoding
    order = "<" if little else ">"
    tag = struct.unpack(f"{order}HH", head[:4]) if len(head) == 12 else None
    if tag not in PIXEL_TAGS:
        raise ReadError(f"{file} holds no pixels; expected an image: copy or export it again.")
    (size,) = struct.unpack(f"{order}I", head[4:8] if implicit else head[8:12])
    if size == ENCAPSULATED:
        return
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    needed = frames * int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated) // 8
    if size > rest + 4 * implicit or size < needed:
        raise ReadError(
            f"{file} is truncated: its pixels need {needed} bytes and should have {size}, but only "
            f"{rest} are left in the file; copy or export it again."
        )


def _require_one_series(path: Path, datasets: list[Dataset]) -> None:
    series: dict[str, list[Dataset]] = {}
    for dataset in datasets:
        series.setdefault(_text(dataset, "SeriesInstanceUID"), []).append(dataset)
    if len(series) < 2:
        return
    lines = [
        f"'{_text(members[0], 'SeriesDescription') or 'without description'}' "
        f"({_text(members[0], 'Modality') or 'no modality'}, {len(members)} "
        f"{'file' if len(members) == 1 else 'files'}, UID ending {uid[-12:] or 'unknown'})"
        for uid, members in series.items()
    ]
    raise ReadError(
        f"{path} holds {len(series)} DICOM series: {'; '.join(lines)}; expected one: move each to "
        "a folder of its own and point at one of them."
    )


def _slices(file: Path, dataset: Dataset) -> Iterator[Slice]:
    """Yield the frames of a file, one for classic CT and MR."""
    with _damage_named(file):
        if int(dataset.get("SamplesPerPixel", 1)) != 1 or "PALETTE" in _text(
            dataset, "PhotometricInterpretation"
        ):
            raise ReadError(
                f"{file} is a colour image; expected one number per pixel: point at the original "
                "slices, not at a screenshot."
            )
        frames = int(dataset.get("NumberOfFrames", 1) or 1)
        described = len(dataset.get("PerFrameFunctionalGroupsSequence", []))
        if frames * int(dataset.Rows) * int(dataset.Columns) < 1:
            raise ReadError(f"{file} holds an image without pixels; expected at least one.")
        if frames > max(described, 1):
            raise GeometryError(
                f"{file} holds {frames} frames but says of {described} where they lie; expected an "
                "enhanced DICOM file or one file per slice: export it again or convert it."
            )
        for frame in range(frames):
            yield _slice(file, dataset, frame)


def _slice(file: Path, dataset: Dataset, frame: int) -> Slice:
    places = list(_places(dataset, frame))
    thickness = _numbers(places, "SliceThickness", 1) or _numbers(places, "SpacingBetweenSlices", 1)
    channel = {tag: _numbers(places, tag, 1) for tag in CHANNEL_TAGS}
    slope = _numbers(places, "RescaleSlope", 1) or [1.0]
    intercept = _numbers(places, "RescaleIntercept", 1) or [0.0]
    spacing = _required(file, places, "PixelSpacing", 2)
    return Slice(
        file=file,
        frame=frame,
        position=np.array(_required(file, places, "ImagePositionPatient", 3)),
        orientation=np.array(_required(file, places, "ImageOrientationPatient", 6)),
        spacing=(spacing[0], spacing[1]),
        thickness=thickness[0] if thickness and thickness[0] > 0 else 1.0,
        matrix=(int(dataset.Rows), int(dataset.Columns)),
        rescale=(slope[0], intercept[0]),
        channel={tag: value[0] for tag, value in channel.items() if value},
    )


def _places(dataset: Dataset, frame: int) -> Iterator[Dataset]:
    """Yield where a value may stand: groups of the frame, groups of all frames, the file itself."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence", [])
    shared = dataset.get("SharedFunctionalGroupsSequence", [])
    for groups in (per_frame[frame : frame + 1], shared[:1]):
        for group in groups:
            for element in group:
                if element.VR == "SQ":
                    yield from element.value[:1]
    yield dataset


def _required(file: Path, places: list[Dataset], tag: str, count: int) -> list[float]:
    numbers = _numbers(places, tag, count)
    if not numbers:
        raise GeometryError(
            f"{file} has no {tag} of {count} finite numbers, so its place in the patient is "
            "unknown; expected original CT, MR or OCT slices: export them again."
        )
    return numbers


def _numbers(places: list[Dataset], tag: str, count: int) -> list[float]:
    """Return the values of a tag at the first place that has it, [] if they are not usable."""
    found = next((place.get(tag) for place in places if tag in place), None)
    if found is None or found == "":
        return []
    values = [found] if isinstance(found, (int, float)) else list(found)
    numbers = [float(value) for value in values]
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else []


def _text(dataset: Dataset, tag: str) -> str:
    return str(dataset.get(tag, "") or "").strip()
