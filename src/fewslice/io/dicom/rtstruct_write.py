"""RT Structure Set: the outlines of every structure on every slice.

Read back onto the grid of its scan it gives the same voxels: outlines run half-way between pixels
inside and outside, and their points are rounded to a ten-thousandth of a millimetre.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.io.dicom import derived
from fewslice.io.dicom.derived import DicomOutput
from fewslice.io.dicom.kinds import RTSTRUCT
from fewslice.io.dicom.outlines import outlines_of
from fewslice.io.dicom.planes import Dataset
from fewslice.io.dicom.segmentation_write import (
    complete_pixels,
    failures_hidden,
    segments_to_write,
)
from fewslice.io.dicom.segments import Segment, snomed_codes
from fewslice.io.dicom.source import Source
from fewslice.volumes.image import Array, LabelMap

DECIMALS = 4  # of a coordinate in mm

_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"  # what a referenced study is, by the standard


def write(path: Path, labels: LabelMap, source: Source, given: DicomOutput) -> None:
    """Write labels as outlines on the source's images; the number of an ROI is its label."""
    segments = segments_to_write(labels, given)
    pixels = complete_pixels(source, labels.array)
    with failures_hidden():
        dataset = _common(source, given)
        place = dataset.FrameOfReferenceUID
        dataset.StructureSetROISequence = [_roi(each, place) for each in segments]
        dataset.ROIContourSequence = [_outlined(each, pixels, source) for each in segments]
        dataset.RTROIObservationsSequence = [
            _observation(number, each) for number, each in enumerate(segments, 1)
        ]
        dataset.save_as(path, enforce_file_format=True)


def _common(source: Source, given: DicomOutput) -> Any:
    """Return everything but the structures."""
    from pydicom.dataset import Dataset as Empty
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

    first = source.headers[0]
    date, time = derived.now()
    dataset = Empty()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = UID(RTSTRUCT)
    dataset.SpecificCharacterSet = derived.UTF_8
    values = {
        **derived.identity(first, given.anonymise),
        **derived.algorithm(),
        "SOPClassUID": RTSTRUCT,
        "SOPInstanceUID": generate_uid(),
        "InstanceCreationDate": date,
        "InstanceCreationTime": time,
        "Modality": "RTSTRUCT",
        "StudyInstanceUID": derived.study_uid(first),
        "SeriesInstanceUID": generate_uid(),
        "SeriesNumber": derived.SERIES_NUMBER,
        "SeriesDescription": "Outlines by fewslice",
        "OperatorsName": "",
        "InstanceNumber": 1,
        "FrameOfReferenceUID": derived.frame_of_reference(first),
        "PositionReferenceIndicator": "",
        "StructureSetLabel": "SEGMENTATION",
        "StructureSetDate": date,
        "StructureSetTime": time,
        "ApprovalStatus": "UNAPPROVED",
    }
    for name, value in values.items():
        setattr(dataset, name, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.ReferencedFrameOfReferenceSequence = [_references(source, dataset)]
    if given.anonymise:
        derived.mark_anonymous(dataset)
    return dataset


def _references(source: Source, dataset: Any) -> Any:
    """Return which frame of reference, study, series and images the outlines lie on."""
    from pydicom.dataset import Dataset as Empty

    series, study, frame = Empty(), Empty(), Empty()
    series.SeriesInstanceUID = source.headers[0].get("SeriesInstanceUID", "")
    series.ContourImageSequence = [_image(header) for header in source.headers]
    study.ReferencedSOPClassUID = _STUDY_CLASS
    study.ReferencedSOPInstanceUID = dataset.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID = dataset.FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    return frame


def _image(header: Dataset, frame: int | None = None) -> Any:
    from pydicom.dataset import Dataset as Empty

    image = Empty()
    image.ReferencedSOPClassUID = header.get("SOPClassUID", "")
    image.ReferencedSOPInstanceUID = header.get("SOPInstanceUID", "")
    if frame is not None:
        image.ReferencedFrameNumber = frame
    return image


def _roi(segment: Segment, place: str) -> Any:
    from pydicom.dataset import Dataset as Empty

    roi = Empty()
    roi.ROINumber = segment.value
    roi.ReferencedFrameOfReferenceUID = place
    roi.ROIName = segment.name
    roi.ROIGenerationAlgorithm = "SEMIAUTOMATIC"
    return roi


def _outlined(segment: Segment, pixels: Array, source: Source) -> Any:
    from pydicom.dataset import Dataset as Empty

    roi = Empty()
    roi.ReferencedROINumber = segment.value
    roi.ROIDisplayColor = [round(255 * part) for part in segment.colour]
    roi.ContourSequence = list(_contours(pixels == segment.value, source))
    return roi


def _contours(mask: Array, source: Source) -> Iterator[Any]:
    """Yield a contour for each component on each slice. mask: (frame, row, column)."""
    from pydicom.dataset import Dataset as Empty

    for drawn, frame in zip(mask, source.frames, strict=True):
        if not drawn.any():
            continue
        for outline in outlines_of(drawn):
            points = np.round(frame.plane.points(outline), DECIMALS) + 0.0
            contour = Empty()
            if frame.header is not None:
                contour.ContourImageSequence = [_image(frame.header, frame.number)]
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(points)
            contour.ContourData = [f"{value:.{DECIMALS}f}" for value in points.ravel()]
            yield contour


def _observation(number: int, segment: Segment) -> Any:
    from pydicom.dataset import Dataset as Empty

    observation = Empty()
    observation.ObservationNumber = number
    observation.ReferencedROINumber = segment.value
    observation.RTROIInterpretedType = ""
    observation.ROIInterpreter = ""
    found = snomed_codes(segment.name)
    if found.known:
        code = Empty()
        code.CodeValue = found.type.value
        code.CodingSchemeDesignator = found.type.scheme_designator
        code.CodeMeaning = found.type.meaning
        observation.RTROIIdentificationCodeSequence = [code]
    return observation
