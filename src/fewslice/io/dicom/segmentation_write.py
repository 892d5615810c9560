"""DICOM SEG by highdicom: binary, label map, or fractional for probabilities.

All frames are written, also empty ones, slice after slice: readers that stack frames as they come
would shift anything else. highdicom has them run against the normal of their plane.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import InputError, WriteError
from fewslice.io.dicom import derived
from fewslice.io.dicom.derived import DicomOutput
from fewslice.io.dicom.planes import Dataset
from fewslice.io.dicom.segments import Segment, segments_of, snomed_codes
from fewslice.io.dicom.source import Source
from fewslice.volumes.image import UNKNOWN, Array, Image, LabelMap

# Whether a scan was ever compressed with losses has to be said by everything made from it.
_LOSSY = (
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)


@dataclass(frozen=True, eq=False)
class Content:
    """What a SEG holds.

    kind: as DICOM calls it. pixels: (frame, row, column), or with segments as the last axis.
    segments: each with its number.
    """

    kind: str
    pixels: Array
    segments: tuple[tuple[int, Segment], ...]


def write(path: Path, labels: LabelMap, source: Source, given: DicomOutput) -> None:
    """Write labels as a SEG of the source's images. given: its kind says which.

    A binary SEG numbers segments from 1; where labels are others, the tracking ID "label 7" keeps
    them, which `segmentation_read` understands. Raises InputError if there is nothing to write.
    """
    segments = segments_to_write(labels, given)
    pixels = complete_pixels(source, labels.array)
    if given.kind == "labelmap":
        numbers = [segment.value for segment in segments]
        kind = "LABELMAP"
    else:
        numbers = list(range(1, len(segments) + 1))
        lookup = np.zeros(max(s.value for s in segments) + 1, pixels.dtype)
        lookup[[segment.value for segment in segments]] = numbers
        pixels, kind = lookup[pixels], "BINARY"
    content = Content(kind, pixels, tuple(zip(numbers, segments, strict=True)))
    _save(path, content, source, given)


def write_fractional(
    path: Path, probability: Image, values: Sequence[int], source: Source, given: DicomOutput
) -> None:
    """Write probabilities in steps of 1/255. values: the structure of each channel, ascending."""
    segments = segments_of(tuple(values), given.names, given.colours)
    stacked = np.stack([source.pixels(layer) for layer in probability.channels], axis=-1)
    content = Content("FRACTIONAL", stacked, tuple(enumerate(segments, 1)))
    _save(path, content, source, given)


def segments_to_write(labels: LabelMap, given: DicomOutput) -> tuple[Segment, ...]:
    """Return the structures of labels. Raises InputError if DICOM cannot hold the labels."""
    if (labels.array == UNKNOWN).any():
        raise InputError(
            "The labels hold 255 ('not looked at'), for which DICOM has no place; write NIfTI or "
            "NRRD instead."
        )
    if not labels.values:
        raise InputError(
            "The labels hold no structure, and a DICOM result needs one; write NIfTI or NRRD "
            "instead."
        )
    colours = {**labels.colours, **given.colours}
    return segments_of(labels.values, {**labels.names, **given.names}, colours)


def complete_pixels(source: Source, array: Array) -> Array:
    """Return labels as (frame, row, column). Raises InputError if a label lies on no frame."""
    pixels = source.pixels(array)
    lost = int(np.count_nonzero(array) - np.count_nonzero(pixels))
    if lost:
        raise InputError(
            f"{lost} labelled voxels lie outside of the images of the source; expected the series "
            "that was segmented: name that one as the source."
        )
    return pixels


def _save(path: Path, content: Content, source: Source, given: DicomOutput) -> None:
    with failures_hidden():
        import highdicom

        stub = _Stub(source, given.anonymise)
        equipment = derived.algorithm()
        dataset = highdicom.seg.Segmentation(
            source_images=stub.images,
            pixel_array=content.pixels,
            segmentation_type=content.kind,
            segment_descriptions=[_description(number, each) for number, each in content.segments],
            series_instance_uid=highdicom.UID(),
            series_number=derived.SERIES_NUMBER,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
            manufacturer=equipment["Manufacturer"],
            manufacturer_model_name=equipment["ManufacturerModelName"],
            software_versions=equipment["SoftwareVersions"],
            device_serial_number=equipment["DeviceSerialNumber"],
            plane_positions=stub.positions,
            plane_orientation=stub.orientation,
            pixel_measures=stub.measures,
            omit_empty_frames=False,
            content_label="SEGMENTATION",
            content_description="Segmentation by fewslice",
            series_description="Segmentation by fewslice",
            specific_character_set=derived.UTF_8,
        )
        _refer(dataset, stub.classes)
        dataset.SpecificCharacterSet = derived.UTF_8
        dataset.ContentCreatorName = ""  # must be there, if only empty
        if given.anonymise:
            derived.mark_anonymous(dataset)
        dataset.save_as(path)


def _description(number: int, segment: Segment) -> Any:
    import highdicom

    found = snomed_codes(segment.name)
    description = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.name,
        segmented_property_category=found.category,
        segmented_property_type=found.type,
        algorithm_type="SEMIAUTOMATIC",
        algorithm_identification=_algorithm(),
        tracking_uid=highdicom.UID(),
        tracking_id=f"label {segment.value}",
        display_color=highdicom.color.CIELabColor.from_rgb(
            *(round(255 * part) for part in segment.colour)
        ),
    )
    if found.side is not None:
        side = highdicom.sr.CodedConcept.from_code(found.side)
        kind = description.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [side]
    return description


def _algorithm() -> Any:
    import highdicom
    from pydicom.sr.codedict import codes

    return highdicom.AlgorithmIdentificationSequence(
        name=derived.MANUFACTURER,
        version=derived.algorithm()["SoftwareVersions"],
        family=codes.DCM.ArtificialIntelligence,
    )


def _refer(dataset: Dataset, classes: Mapping[str, str]) -> None:
    """Set the class of every image that is referred to. classes: by the UID of the image."""
    for element in dataset:
        for item in element.value if element.VR == "SQ" else ():
            image = str(item.get("ReferencedSOPInstanceUID", ""))
            if image in classes:
                item.ReferencedSOPClassUID = classes[image]
            _refer(item, classes)


class _Stub:
    """The scan as highdicom asks for it, with nothing else of its headers.

    images: one a file, CT or enhanced CT by class, whatever they are: highdicom asks for what else
    belongs to a class, and knows no series of enhanced files. classes: their own, by their UID.
    positions, orientation, measures: of the frames to write.
    """

    def __init__(self, source: Source, anonymise: bool) -> None:
        import highdicom

        first = source.frames[0].plane
        self._source, self._first = source, first
        self.classes: dict[str, str] = {}
        self._identity = derived.identity(source.headers[0], anonymise)
        self._study = derived.study_uid(source.headers[0])
        self._place = derived.frame_of_reference(source.headers[0])
        self.measures = highdicom.PixelMeasuresSequence(
            pixel_spacing=first.spacing,
            slice_thickness=source.step,
            spacing_between_slices=source.step,
        )
        self.orientation = highdicom.PlaneOrientationSequence("PATIENT", first.orientation.tolist())
        self.positions = [
            highdicom.PlanePositionSequence("PATIENT", frame.plane.position.tolist())
            for frame in source.frames
        ]
        if int(source.headers[0].get("NumberOfFrames", 1) or 1) > 1:
            self.images = [self._enhanced(source.headers[0])]
        else:
            places = {id(frame.header): frame.plane.position for frame in source.frames}
            self.images = [self._classic(each, places[id(each)]) for each in source.headers]

    def _classic(self, header: Dataset, position: Any) -> Dataset:
        from pydicom.uid import CTImageStorage

        image = self._common(header)
        image.SOPClassUID = CTImageStorage
        image.ImageOrientationPatient = self.orientation[0].ImageOrientationPatient
        image.ImagePositionPatient = position.tolist()
        image.PixelSpacing = list(self._first.spacing)
        image.SliceThickness = self._source.step
        return image

    def _enhanced(self, header: Dataset) -> Dataset:
        import highdicom
        from pydicom.dataset import Dataset as Empty
        from pydicom.uid import EnhancedCTImageStorage

        from fewslice.io.dicom.planes import planes_of

        image = self._common(header)
        image.SOPClassUID = EnhancedCTImageStorage
        shared = Empty()
        shared.PixelMeasuresSequence = self.measures
        shared.PlaneOrientationSequence = self.orientation
        image.SharedFunctionalGroupsSequence = [shared]
        frames = []
        for plane in planes_of(header):
            frame = Empty()
            place = plane or self._first
            frame.PlanePositionSequence = highdicom.PlanePositionSequence(
                "PATIENT", place.position.tolist()
            )
            frames.append(frame)
        image.PerFrameFunctionalGroupsSequence = frames
        image.NumberOfFrames = len(frames)
        return image

    def _common(self, header: Dataset) -> Dataset:
        from pydicom.dataset import Dataset as Empty

        image = Empty()
        for name, value in self._identity.items():
            setattr(image, name, value)
        image.StudyInstanceUID = self._study
        image.FrameOfReferenceUID = self._place
        image.Rows, image.Columns = self._first.matrix
        for name in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality"):
            setattr(image, name, header.get(name, ""))
        self.classes[str(image.SOPInstanceUID)] = str(image.SOPClassUID)
        for name in _LOSSY:
            if name in header:
                setattr(image, name, header[name].value)
        return image


@contextmanager
def failures_hidden() -> Iterator[None]:
    """Turn what the libraries raise into WriteError, and keep them from repeating values."""
    logger = logging.getLogger("highdicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (OSError, MemoryError):
        raise
    except (ValueError, TypeError, AttributeError, LookupError, NotImplementedError) as error:
        raise WriteError(
            "The result cannot be written as DICOM, since the headers of its source are unusual "
            f"({type(error).__name__}); write NIfTI or NRRD instead."
        ) from error
    finally:
        logger.setLevel(level)
