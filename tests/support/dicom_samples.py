"""Small DICOM series written with pydicom, for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SERIES = "1.2.826.0.1.3680043.8.498.1"


def write_slice(path: Path, pixels: npt.NDArray[Any], **tags: Any) -> Path:
    """Write one axial CT slice; pixels: (row, column) int16. tags: what differs from the default.

    A tag set to None is left out.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    uid = generate_uid(entropy_srcs=[path.name])
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    values: dict[str, Any] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": uid,
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": SERIES,
        "Modality": "CT",
        "SeriesDescription": "Thorax",
        "PatientName": "Nobody",
        "PatientID": "0",
        "InstanceNumber": 1,
        "ImagePositionPatient": [0.0, 0.0, 0.0],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [1.0, 1.0],
        "SliceThickness": 2.0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[-2],
        "Columns": pixels.shape[-1],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "RescaleSlope": 1,
        "RescaleIntercept": 0,
        "PixelData": np.ascontiguousarray(pixels, dtype="<i2").tobytes(),
    }
    for name, value in {**values, **tags}.items():
        if value is not None:
            setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_series(folder: Path, volume: npt.NDArray[Any], step: float = 2.0, **tags: Any) -> Path:
    """Write an axial series; volume: (k, row, column), slices at z = 0, step, 2 step, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, pixels in enumerate(volume):
        # Names run against the order in space: sorting must go by position.
        place = {"ImagePositionPatient": [10.0, 20.0, k * step], "InstanceNumber": k + 1}
        write_slice(folder / f"IM{len(volume) - k:03d}.dcm", pixels, **{**place, **tags})
    return folder
