"""Pixels of DICOM: every file by its own header, joined without losing a digit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from fewslice.errors import ReadError, codes_of
from fewslice.io import read_image
from fewslice.io.dicom.pixels import Frame, join
from tests.support.dicom_samples import write_series, write_slice

HU = np.random.default_rng(2).integers(-1000, 2000, (4, 32, 24)).astype(np.int16)


def place(k: int) -> list[float]:
    return [0.0, 0.0, 2.0 * k]


def unsigned(values: npt.NDArray[Any]) -> dict[str, Any]:
    """Return the tags of a slice that is stored unsigned, 1024 above its values."""
    return {
        "PixelRepresentation": 0,
        "RescaleIntercept": -1024,
        "PixelData": (values + 1024).astype("<u2").tobytes(),
    }


@pytest.mark.parametrize("first", [0, 1])
def test_sign_and_intercept_may_differ_between_files(tmp_path: Path, first: int) -> None:
    for k, values in enumerate(HU):
        tags = unsigned(values) if k % 2 == first else {}
        write_slice(tmp_path / f"{k}.dcm", values, ImagePositionPatient=place(k), **tags)
    read = read_image(tmp_path)
    assert read.array.dtype == np.int16
    assert np.array_equal(read.array, HU.T)


@pytest.mark.parametrize("unsigned_first", [False, True])
def test_the_same_rescaling_does_not_hide_another_sign(
    tmp_path: Path, unsigned_first: bool
) -> None:
    # 40,000 fits into unsigned 16 bits only, -1000 into signed ones only: 32 bits hold both.
    high = np.full((32, 24), 40_000, np.uint16)
    low = np.full((32, 24), -1000, np.int16)
    for k in range(4):
        tags = {"PixelRepresentation": 0, "PixelData": high.tobytes()}
        own = tags if (k < 2) == unsigned_first else {}
        write_slice(tmp_path / f"{k}.dcm", low, ImagePositionPatient=place(k), **own)
    read = read_image(tmp_path)
    assert read.array.dtype == np.int32
    expected = [40_000, 40_000, -1000, -1000]
    assert read.array[0, 0].tolist() == (expected if unsigned_first else expected[::-1])


def test_bits_may_differ_between_files(tmp_path: Path) -> None:
    # 12 bits, signed: 0x0FFF is -1; the four bits above them mean nothing.
    twelve = np.array([[0xFFFF, 0x0FFF], [0x07FF, 0x0800]], "<u2")
    eight = np.array([[1, 2], [3, 200]], np.uint8)
    write_slice(tmp_path / "a.dcm", twelve, BitsStored=12, HighBit=11, PixelData=twelve.tobytes())
    write_slice(
        tmp_path / "b.dcm",
        eight,
        ImagePositionPatient=place(1),
        **{"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0},
        PixelData=eight.tobytes(),
    )
    read = read_image(tmp_path).array
    assert read[..., 0].T.tolist() == [[-1, -1], [2047, -2048]]
    assert read[..., 1].T.tolist() == [[1, 2], [3, 200]]


def test_slopes_of_each_slice_as_in_pet(tmp_path: Path) -> None:
    slopes = [0.05, 0.5, 1.25, 3.0]
    for k, slope in enumerate(slopes):
        tags = {"RescaleSlope": slope, "RescaleIntercept": k}
        write_slice(tmp_path / f"{k}.dcm", HU[k], ImagePositionPatient=place(k), **tags)
    read = read_image(tmp_path).array
    assert read.dtype == np.float32
    for k, slope in enumerate(slopes):
        np.testing.assert_allclose(read[..., k], HU[k].T * slope + k, rtol=1e-6)


def test_a_table_of_values_is_applied(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [3, 0, 16]  # three entries, for the stored numbers 0, 1 and 2
    table.ModalityLUTType = "HU"
    table.add_new("LUTData", "US", [10, 500, 7])
    stored = np.array([[0, 1], [2, 2]], np.int16)
    tags = {"ModalityLUTSequence": [table], "RescaleSlope": None, "RescaleIntercept": None}
    path = write_slice(tmp_path / "a.dcm", stored, PixelRepresentation=0, **tags)
    assert read_image(path).array[..., 0].T.tolist() == [[10, 500], [7, 7]]


def test_monochrome1_is_said_and_not_inverted(tmp_path: Path) -> None:
    read = read_image(write_series(tmp_path, HU, PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(read.array, HU.T)
    assert codes_of(read.remarks) == {"shown-inverted"}


def compressed_by_itk(folder: Path, compressor: str) -> None:
    """Write every file of a folder anew, with compressed pixels."""
    for path in sorted(folder.iterdir()):
        writer = SimpleITK.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(path))
        writer.SetCompressor(compressor)
        writer.UseCompressionOn()
        writer.Execute(SimpleITK.ReadImage(str(path)))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_every_compression_gives_the_same_numbers(tmp_path: Path, photometric: str) -> None:
    write_series(tmp_path / "plain", HU, PhotometricInterpretation="MONOCHROME2")
    write_series(tmp_path / "mixed", HU, PhotometricInterpretation="MONOCHROME2")
    compressed_by_itk(tmp_path / "mixed", "JPEG2000")
    first, second, third, _ = sorted((tmp_path / "mixed").iterdir())
    for path, syntax in ((second, RLELossless), (third, DeflatedExplicitVRLittleEndian)):
        plain = dcmread(tmp_path / "plain" / path.name)
        if syntax == RLELossless:
            plain.compress(RLELossless)
        plain.file_meta.TransferSyntaxUID = syntax
        plain.save_as(path)
    for path in sorted((tmp_path / "mixed").iterdir()):
        dataset = dcmread(path)
        dataset.PhotometricInterpretation = photometric
        dataset.SeriesInstanceUID = "1.2.3"
        dataset.save_as(path)
    assert dcmread(first).file_meta.TransferSyntaxUID.is_compressed
    np.testing.assert_array_equal(read_image(tmp_path / "mixed").array, HU.T)


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, ImplicitVRLittleEndian])
def test_other_orders_of_bytes(tmp_path: Path, syntax: UID) -> None:
    little = syntax == ImplicitVRLittleEndian
    for path in sorted(write_series(tmp_path, HU).iterdir()):
        dataset = dcmread(path)
        plain = Dataset()
        plain.update({element.tag: element for element in dataset})
        plain.file_meta = dataset.file_meta
        plain.file_meta.TransferSyntaxUID = syntax
        if not little:
            plain.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
            plain["PixelData"].VR = "OW"
        plain.save_as(path, implicit_vr=little, little_endian=little, enforce_file_format=True)
    assert np.array_equal(read_image(tmp_path).array, HU.T)


def test_pixels_in_a_compression_that_nothing_decodes(tmp_path: Path) -> None:
    write_series(tmp_path, HU)
    compressed_by_itk(tmp_path, "JPEG2000")
    path = sorted(tmp_path.iterdir())[0]
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.100")  # MPEG2
    dataset.save_as(path)
    with pytest.raises(ReadError, match="cannot be decoded") as caught:
        read_image(tmp_path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stored", "scaling", "expected"),
    [
        (["uint8", "uint8"], [(1, 0), (1, 0)], "uint8"),
        (["uint8", "uint16"], [(1, 0), (1, 0)], "int16"),
        (["int16", "int16"], [(1, -1024), (1, 0)], "int16"),
        (["int16", "int16"], [(1, 40_000), (1, 0)], "uint16"),
        (["int16", "int16"], [(1, 40_000), (-1, 0)], "int32"),
        (["int16", "int16"], [(0.5, 0), (1, 0)], "float32"),
        (["uint32", "int16"], [(0.5, 0), (1, 0)], "float32"),
        (["float32", "float32"], [(1, 0), (1, 0)], "float32"),
        (["float64", "float64"], [(2, 0), (1, 0)], "float64"),
    ],
)
def test_the_type_holds_all_values(
    stored: list[str], scaling: list[tuple[float, float]], expected: str
) -> None:
    # Every frame is [[1, 100]], so that a value is slope * 1 + intercept, slope * 100 + intercept.
    frames = [
        Frame(np.array([[1, 100]], kind), *scale)
        for kind, scale in zip(stored, scaling, strict=True)
    ]
    joined = join(frames)
    assert joined.dtype == expected
    for k, (slope, intercept) in enumerate(scaling):
        assert joined[:, 0, k].tolist() == [slope + intercept, 100 * slope + intercept]


def test_long_whole_numbers_are_not_rounded_to_single_precision() -> None:
    frame = Frame(np.array([[16_777_217, 0]], np.uint32), 0.5, 0)
    assert join([frame])[0, 0, 0] == 8_388_608.5


def test_whole_numbers_may_leave_the_type_on_the_way() -> None:
    # 60000 - 32768 = 27232 and 2 x 20000 - 30000 = 10000 fit into 16 bits; 60000, 40000 do not
    frames = [
        Frame(np.array([[0, 60000]], np.uint16), 1, -32768),
        Frame(np.array([[0, 20000]], np.int16), 2, -30000),
        Frame(np.array([[7, 100]], np.uint8), -3, 1),
    ]
    values = join(frames)
    assert values.dtype == np.int16
    assert values.T.tolist() == [[[-32768, 27232]], [[-30000, 10000]], [[-20, -299]]]
