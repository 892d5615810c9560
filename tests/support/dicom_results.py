"""A scan as a DICOM series in every orientation, labels on it, and SEG and RTSTRUCT of others."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from fewslice.io.dicom.kinds import BINARY_OR_FRACTIONAL, RTSTRUCT
from fewslice.volumes import Image, LabelMap
from tests.support.dicom_samples import write_slice

SHAPE = (13, 11, 5)  # columns, rows, slices: no frame ends with a whole byte
ORIENTATIONS: dict[str, list[float]] = {
    "axial": [1, 0, 0, 0, 1, 0],
    "sagittal": [0, 1, 0, 0, 0, -1],
    "coronal": [1, 0, 0, 0, 0, -1],
    "prone": [-1, 0, 0, 0, -1, 0],
    "mirrored": [-1, 0, 0, 0, 1, 0],
    "oblique": [0.8, 0.6, 0, -0.36, 0.48, 0.8],
}
PATIENT = {
    "PatientName": "Curie^Marie",
    "PatientID": "P-1867",
    "PatientBirthDate": "18671107",
    "PatientSex": "F",
    "PatientComments": "secret comment",
    "PatientAddress": "Rue Cuvier",
    "ReferringPhysicianName": "Becquerel^Henri",
    "InstitutionName": "Sorbonne",
    "StudyDate": "19030625",
    "StudyTime": "101500",
    "StudyID": "RA88",
    "AccessionNumber": "ACC-226",
    "StudyDescription": "secret study",
    "FrameOfReferenceUID": "1.2.3.9",
}


def write_oriented(
    folder: Path, orientation: Sequence[float], descending: bool = False, **tags: Any
) -> Path:
    """Write a series of SHAPE, 0.75 x 0.5 x 3 mm; descending: files run against the normal."""
    folder.mkdir(parents=True)
    rows, columns = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(rows, columns)
    pixels = np.random.default_rng(0).integers(0, 900, SHAPE[::-1]).astype(np.int16)
    for k in range(SHAPE[2]):
        number = SHAPE[2] - k if descending else k + 1
        write_slice(
            folder / f"{number:03d}.dcm",
            pixels[k],
            **{
                "ImageOrientationPatient": list(orientation),
                "ImagePositionPatient": [float(v) for v in (-20.5, 31.25, 7) + 3 * k * normal],
                "PixelSpacing": [0.5, 0.75],
                "SliceThickness": 3.0,
                "InstanceNumber": number,
                **PATIENT,
                **tags,
            },
        )
    return folder


def phantom() -> npt.NDArray[np.uint8]:
    """Return labels of SHAPE unlike each of their mirror images; 2 has a hole and two pieces."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:8, 2:8, 1:3] = 2
    labels[3:6, 4:6, 1] = 0
    labels[10:12, 8:10, 1] = 2
    labels[9:13, 0:3, 3] = 7
    labels[0, 0, 4] = 7
    return labels


def labels_of(scan: Image, array: npt.NDArray[np.uint8] | None = None) -> LabelMap:
    return LabelMap(phantom() if array is None else array, scan.geometry)


def program(name: str, package: str) -> str:
    """Return the path of a program; the test is skipped where its package is not installed."""
    beside = str(Path(sys.executable).parent)  # an environment need not be activated
    found = shutil.which(name) or shutil.which(name, path=beside)
    if found is None:
        pytest.skip(f"{package} is not installed")
    return found


def places_of(image: SimpleITK.Image, number: int) -> set[tuple[float, ...]]:
    """Return where the voxels of a number lie, LPS+ mm in thousandths."""
    inside = np.argwhere(number == SimpleITK.GetArrayFromImage(image).T)
    return {
        tuple(np.round(image.TransformContinuousIndexToPhysicalPoint(at.tolist()), 3) + 0.0)
        for at in inside.astype(float)
    }


def phantom_places(scan: Image, value: int) -> set[tuple[float, ...]]:
    """Return where the voxels of a structure of the phantom lie, as `places_of` does."""
    voxels = np.argwhere(phantom() == value)
    world = voxels @ scan.geometry.affine[:3, :3].T + scan.geometry.affine[:3, 3]
    return {tuple(np.round(at * (-1, -1, 1), 3) + 0.0) for at in world}


def by_plastimatch(path: Path, series: Path, folder: Path) -> dict[str, SimpleITK.Image]:
    """Return the structures of an RTSTRUCT on the voxels of its series, by their name."""
    to = ["--input", str(path), "--referenced-ct", str(series), "--output-prefix", str(folder)]
    subprocess.run(
        [program("plastimatch", "plastimatch"), "convert", *to, "--prefix-format", "nrrd"],
        check=True,
        capture_output=True,
    )
    return {file.stem: SimpleITK.ReadImage(str(file)) for file in sorted(folder.glob("*.nrrd"))}


def by_dcmqi(path: Path, folder: Path) -> dict[int, SimpleITK.Image]:
    """Return the segments of a SEG as another program reads them, by their number."""
    folder.mkdir()
    to = ["--inputDICOM", str(path), "--outputDirectory", str(folder), "--outputType", "nrrd"]
    subprocess.run([program("segimage2itkimage", "dcmqi"), *to], check=True, capture_output=True)
    found = sorted(folder.glob("*.nrrd"), key=lambda file: int(file.stem.split("-")[-1]))
    return {int(file.stem.split("-")[-1]): SimpleITK.ReadImage(str(file)) for file in found}


def write_seg(
    path: Path,
    frames: Sequence[tuple[int, Sequence[float], npt.NDArray[Any]]],
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    names: Sequence[str] = ("one", "two", "three"),
    **tags: Any,
) -> Path:
    """Write a binary SEG by hand. frames: segment number, position, (row, column) pixels."""
    dataset = _begun(BINARY_OR_FRACTIONAL)
    dataset.SegmentationType = "BINARY"
    dataset.Rows, dataset.Columns = frames[0][2].shape
    dataset.NumberOfFrames = len(frames)
    dataset.BitsAllocated = dataset.BitsStored = dataset.SamplesPerPixel = 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.SegmentSequence = [
        _item(SegmentNumber=n, SegmentLabel=name) for n, name in enumerate(names, 1)
    ]
    measures = _item(PixelSpacing=[1.0, 1.0], SliceThickness=2.0)
    turned = _item(ImageOrientationPatient=list(orientation))
    dataset.SharedFunctionalGroupsSequence = [
        _item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[turned])
    ]
    dataset.PerFrameFunctionalGroupsSequence = [
        _item(
            SegmentIdentificationSequence=[_item(ReferencedSegmentNumber=number)],
            PlanePositionSequence=[_item(ImagePositionPatient=list(position))],
        )
        for number, position, _ in frames
    ]
    bits = np.concatenate([pixels.ravel() for _, _, pixels in frames]).astype(np.uint8)
    packed = np.packbits(bits, bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_rtstruct(
    path: Path, rois: dict[int, Sequence[Sequence[Sequence[float]]]], kind: str = "CLOSED_PLANAR"
) -> Path:
    """Write an RTSTRUCT by hand. rois: number to contours, each of points (x, y, z) LPS+ mm."""
    dataset = _begun(RTSTRUCT)
    dataset.StructureSetROISequence = [
        _item(ROINumber=number, ROIName=f"roi {number}") for number in rois
    ]
    dataset.ROIContourSequence = [
        _item(
            ReferencedROINumber=number,
            ContourSequence=[
                _item(
                    ContourGeometricType=kind,
                    NumberOfContourPoints=len(points),
                    ContourData=[float(value) for point in points for value in point],
                )
                for points in contours
            ],
        )
        for number, contours in rois.items()
    ]
    dataset.save_as(path, enforce_file_format=True)
    return path


ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def enhanced_series(
    path: Path,
    positions: Sequence[Sequence[float]],
    stacks: Sequence[str] = (),
    **tags: Any,
) -> Path:
    """Write one file of many frames, 7 columns and 6 rows each, at these positions.

    stacks: that of each frame. tags: what differs from the default. Pixels are the frame's number.
    """
    frames = [
        _item(PlanePositionSequence=[_item(ImagePositionPatient=list(place))])
        for place in positions
    ]
    for frame, stack in zip(frames, stacks, strict=bool(stacks)):
        frame.FrameContentSequence = [_item(StackID=stack)]
    shared = _item(
        PixelMeasuresSequence=[_item(PixelSpacing=[1.0, 1.0], SliceThickness=2.0)],
        PlaneOrientationSequence=[_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
    )
    numbers = np.arange(1, len(positions) + 1, dtype=np.int16)
    values = {
        "NumberOfFrames": len(positions),
        "PerFrameFunctionalGroupsSequence": frames,
        "SharedFunctionalGroupsSequence": [shared],
        "SOPClassUID": ENHANCED_CT,
        "ImagePositionPatient": None,
        "ImageOrientationPatient": None,
        "PixelSpacing": None,
        **PATIENT,
    }
    return write_slice(path, np.tile(numbers[:, None, None], (1, 6, 7)), **{**values, **tags})


def series_of(folder: Path, image: Image, **tags: Any) -> Path:
    """Write a scan of RAS+ axes as an axial series: rows run to the left, columns to the back."""
    affine = image.geometry.affine
    assert np.array_equal(affine[:3, :3], np.diag(np.diag(affine[:3, :3])))
    columns = image.array[::-1, ::-1]  # towards L and P
    i, j, k = image.geometry.shape
    start = affine @ [i - 1, j - 1, 0, 1]
    assert image.geometry.spacing == (1, 1, 1)
    folder.mkdir()
    for at in range(k):
        write_slice(
            folder / f"{at:03d}.dcm",
            columns[:, :, at].T.astype(np.int16),
            ImagePositionPatient=[-start[0], -start[1], start[2] + at],
            InstanceNumber=at + 1,
            SliceThickness=1.0,
            Modality="MR",
            SOPClassUID="1.2.840.10008.5.1.4.1.1.4",
            **{**PATIENT, **tags},
        )
    return folder


def _begun(kind: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = UID(kind)
    dataset.SOPClassUID = kind
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return dataset


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item
