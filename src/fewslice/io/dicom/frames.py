"""Where the frames of a DICOM file lie: by their headers, or one behind the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewslice.errors import GeometryError, Remark
from fewslice.io.dicom.files import Dataset
from fewslice.io.dicom.tags import numbers, own_places, places, required, text, words
from fewslice.typing import Float64Array

_UPRIGHT = np.array([1.0, 0, 0, 0, 1, 0])
NUCLEAR_MEDICINE = "1.2.840.10008.5.1.4.1.1.20"
_FRAME_TIME = (0x0018_1063, 0x0018_1065)  # FrameTime, FrameTimeVector

Place = tuple[Float64Array, Float64Array]


@dataclass(frozen=True, eq=False)
class Layout:
    """Where frames lie, in LPS+ and mm.

    places: position and orientation of each. assumed: nothing says where a single frame lies.
    spacing: between rows and between columns, if it is not where it should be. spacing_known:
    whether all three spacings are stored.
    """

    places: list[Place]
    assumed: bool = False
    spacing: tuple[float, float] | None = None
    spacing_known: bool = True
    remarks: tuple[Remark, ...] = ()


def frame_positions(file: Path, dataset: Dataset, count: int) -> Layout:
    """Return where each frame of a file lies. Raises GeometryError if that cannot be known."""
    if count == 1 or numbers(list(own_places(dataset, 0)), "ImagePositionPatient", 3):
        return Layout([_place(file, list(places(dataset, frame))) for frame in range(count)])
    offsets = dataset.get("GridFrameOffsetVector", None)
    if offsets is not None and len(offsets) == count:
        return Layout(_shifted(file, dataset, np.array(offsets, float)))
    if text(dataset, "SOPClassUID") == NUCLEAR_MEDICINE:
        return _nuclear(file, dataset, count)
    return _one_behind_the_other(file, dataset, count)


def _place(file: Path, where: list[Dataset]) -> Place:
    position = required(file, where, "ImagePositionPatient", 3)
    return np.array(position), np.array(required(file, where, "ImageOrientationPatient", 6))


def _shifted(file: Path, dataset: Dataset, offsets: Float64Array) -> list[Place]:
    """Return places along the normal of the first frame, as those of a dose grid are stored."""
    position, orientation = _place(file, list(places(dataset, 0)))
    if offsets[0] != 0:  # then they are coordinates, not distances from the first frame
        offsets = offsets - offsets[0]
    normal = np.cross(orientation[:3], orientation[3:])
    return [(position + normal * offset, orientation) for offset in offsets]


def _nuclear(file: Path, dataset: Dataset, count: int) -> Layout:
    """Return the places of reconstructed slices: the detector says where the first lies, and the
    sign of the spacing on which side of it the others follow (DICOM PS3.3, C.8.4.15).
    """
    kind = words([dataset], "ImageType").upper().split("\\")[2:3]
    if kind and not kind[0].startswith("RECON"):
        raise GeometryError(
            f"{file} holds {count} frames that are projections or moments in time ({kind[0]}), not "
            "slices; expected a reconstructed volume: choose another series."
        )
    where = [*dataset.get("DetectorInformationSequence", [])[:1], dataset]
    position = numbers(where, "ImagePositionPatient", 3)
    orientation = np.array(numbers(where, "ImageOrientationPatient", 6))
    between = numbers([dataset], "SpacingBetweenSlices", 1)
    if not position or not orientation.size or not between or between[0] == 0:
        return _one_behind_the_other(file, dataset, count)
    order = np.array(dataset.get("SliceVector", None) or range(1, count + 1), float)
    if len(order) != count:
        raise GeometryError(
            f"{file} numbers {len(order)} slices in its SliceVector but holds {count} frames; "
            "expected as many: export it again."
        )
    normal = np.cross(orientation[:3], orientation[3:])
    steps = np.outer((order - order.min()) * between[0], normal)
    return Layout([(np.array(position) + step, orientation) for step in steps])


def _one_behind_the_other(file: Path, dataset: Dataset, count: int) -> Layout:
    """Lay frames out in their order, along the normal, as far apart as the header says."""
    where = list(places(dataset, 0))
    between = numbers(where, "SpacingBetweenSlices", 1) or numbers(where, "SliceThickness", 1)
    if not between and _is_film(dataset):
        raise GeometryError(
            f"{file} holds {count} frames that are moments in time, not slices; expected a volume: "
            "choose another series."
        )
    spacing, known = _spacing(where)
    step = abs(between[0]) if between and between[0] != 0 else 1.0
    orientation = np.array(numbers(where, "ImageOrientationPatient", 6) or _UPRIGHT)
    position = np.array(numbers(where, "ImagePositionPatient", 3) or np.zeros(3))
    normal = np.cross(orientation[:3], orientation[3:])
    known = known and bool(between)
    remark = Remark(
        "frames-laid-out",
        f"{file} does not say where its {count} frames lie; they are taken as slices one behind "
        f"the other, {step:.4g} mm apart"
        + ("." if known else ": give the right spacing with --spacing."),
    )
    laid = [(position + normal * step * frame, orientation) for frame in range(count)]
    return Layout(laid, True, spacing, known, (remark,))


def _is_film(dataset: Dataset) -> bool:
    pointer = dataset.get("FrameIncrementPointer", None)
    pointed = [pointer] if isinstance(pointer, int) else list(pointer or [])
    return "FrameTime" in dataset or any(int(tag) in _FRAME_TIME for tag in pointed)


def _spacing(where: list[Dataset]) -> tuple[tuple[float, float], bool]:
    """Return the distances between rows and columns, and whether they are stored."""
    for tag in ("PixelSpacing", "NominalScannedPixelSpacing", "ImagerPixelSpacing"):
        found = numbers(where, tag, 2)
        if found and min(found) > 0:
            return (found[0], found[1]), True
    return (1.0, 1.0), False
