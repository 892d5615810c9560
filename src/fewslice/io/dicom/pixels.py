"""The numbers in the pixels of DICOM files, each decoded and scaled as its own header says.

Files of one series may differ in bits, sign, slope, intercept and compression, so nothing is taken
from the first one for all.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fewslice.errors import ReadError
from fewslice.io.itk import quiet
from fewslice.io.library_errors import DAMAGE, BoundedReader, reason
from fewslice.volumes.image import Array

Dataset = Any  # pydicom's elements have no static types

_WHOLE_TYPES = (np.int16, np.uint16, np.int32, np.uint32, np.int64)
_FAILURES: tuple[type[Exception], ...] = (OSError, *DAMAGE)
_EXACT_IN_SINGLE = 1 << 24  # whole numbers up to here survive as float32


@dataclass(frozen=True, eq=False)
class Frame:
    """The pixels of one slice as they are stored, (row, column), and what they mean.

    A value is `slope` times the stored number plus `intercept`.
    """

    stored: Array
    slope: float
    intercept: float

    @property
    def is_whole(self) -> bool:
        """Whether all values are whole numbers."""
        scaling = float(self.slope).is_integer() and float(self.intercept).is_integer()
        return scaling and self.stored.dtype.kind in "iu"

    @property
    def range(self) -> tuple[int, int]:
        """The smallest and the largest value of whole numbers."""
        ends = (int(self.stored.min()), int(self.stored.max()))
        low, high = sorted(int(self.slope) * end + int(self.intercept) for end in ends)
        return low, high


def join(frames: Sequence[Frame]) -> Array:
    """Return the values of frames as one array (i, j, k), in a type that holds all of them.

    Whole numbers stay whole: in the stored type if nothing is scaled and all frames share it, else
    in the smallest of 16 to 64 bits that they fit into. Others become float32, or float64 where
    float32 would lose digits.
    """
    dtype = _joined_type(frames)
    rows, columns = frames[0].stored.shape
    values = np.empty((len(frames), rows, columns), dtype)
    for out, frame in zip(values, frames, strict=True):
        _fill(out, frame)
    return values.T


def _fill(out: Array, frame: Frame) -> None:
    """Set (row, column) values of a type that holds all of them.

    Whole numbers may leave the type on the way: they wrap around, and come back with the sum.
    """
    scaled = (frame.slope, frame.intercept) != (1, 0)
    if scaled and out.dtype.kind == "f":
        out[...] = frame.stored.astype(np.float64) * frame.slope + frame.intercept
        return
    np.copyto(out, frame.stored, casting="unsafe")
    if scaled:
        out *= _wrapped(frame.slope, out.dtype)
        out += _wrapped(frame.intercept, out.dtype)


def _wrapped(number: float, dtype: np.dtype[Any]) -> Array:
    return np.array(int(number) & (1 << 64) - 1, np.uint64).astype(dtype)


def _joined_type(frames: Sequence[Frame]) -> np.dtype[Any]:
    types = {frame.stored.dtype for frame in frames}
    if len(types) == 1 and all((each.slope, each.intercept) == (1, 0) for each in frames):
        return types.pop().newbyteorder("=")
    if not all(frame.is_whole for frame in frames):
        wide = any(
            kind.itemsize > 4 or (kind.kind in "iu" and kind.itemsize > 2 and _is_long(frames))
            for kind in types
        )
        return np.dtype(np.float64 if wide else np.float32)
    lows, highs = zip(*(frame.range for frame in frames), strict=True)
    for kind in _WHOLE_TYPES:
        if np.iinfo(kind).min <= min(lows) and max(highs) <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.float64)


def _is_long(frames: Sequence[Frame]) -> bool:
    return any(np.abs(frame.stored, dtype=np.float64).max() > _EXACT_IN_SINGLE for frame in frames)


def stored_pixels(file: Path) -> Array:
    """Return the pixels of a file as they are stored: (frame, row, column), before any scaling.

    pydicom reads what is not compressed and run lengths, GDCM the rest; what GDCM does not know is
    left to the decoders that pydicom finds installed. Raises ReadError.
    """
    from pydicom import dcmread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with BoundedReader(file) as stream:
                dataset = dcmread(stream, force=True)
            _name_syntax(dataset)
            syntax = dataset.file_meta.TransferSyntaxUID
            pixels = (
                _by_gdcm(dataset)
                if syntax.is_compressed and not syntax.is_deflated and "RLE" not in syntax.name
                else _by_pydicom(dataset)
            )
            if "ModalityLUTSequence" in dataset:
                pixels = _looked_up(dataset, pixels)
        except _FAILURES as error:
            raise ReadError(
                f"{file} has pixels that cannot be decoded ({reason(error)}); expected a whole "
                "file in a common compression: copy or export it again."
            ) from error
    return pixels.reshape(-1, *pixels.shape[-2:])


def _name_syntax(dataset: Dataset) -> None:
    """Say how a file without a meta group is encoded, as pydicom found out while it read it."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _looked_up(dataset: Dataset, pixels: Array) -> Array:
    """Return the values that a table gives for the stored numbers."""
    from pydicom.pixels.processing import apply_modality_lut

    values: Array = apply_modality_lut(pixels, dataset)
    return values


def _by_pydicom(dataset: Dataset) -> Array:
    from pydicom.pixels.utils import pixel_array

    pixels: Array = pixel_array(dataset, raw=True)
    return pixels


def _by_gdcm(dataset: Dataset) -> Array:
    """Return what GDCM decodes, of a copy that says nothing of scaling or of how to show it.

    GDCM would scale all frames by one slope, and invert what is shown inverted.
    """
    import SimpleITK

    with TemporaryDirectory() as folder, quiet(SimpleITK):
        copy = Path(folder) / "pixels.dcm"
        _plain_copy(dataset).save_as(copy, enforce_file_format=True)
        try:
            image = SimpleITK.ReadImage(str(copy), imageIO="GDCMImageIO")
        except RuntimeError:
            return _by_pydicom(dataset)
    pixels: Array = SimpleITK.GetArrayFromImage(image)
    return pixels


_PIXEL_KEYS = (
    *("SOPClassUID", "SOPInstanceUID", "SamplesPerPixel", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
)


def _plain_copy(dataset: Dataset) -> Dataset:
    from pydicom.dataset import Dataset as Empty
    from pydicom.uid import SecondaryCaptureImageStorage

    plain = Empty()
    plain.file_meta = dataset.file_meta
    for key in _PIXEL_KEYS:
        if key in dataset:
            plain[key] = dataset[key]
    plain.SOPClassUID = SecondaryCaptureImageStorage
    plain.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    plain.PhotometricInterpretation = "MONOCHROME2"
    plain["PixelData"].is_undefined_length = True
    return plain
