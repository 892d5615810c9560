"""DICOM: hand-worked geometry, SimpleITK's own reading, and every series that must be refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, RLELossless

from fewslice.errors import FewsliceError, GeometryError, ReadError
from fewslice.io import read_image, read_labels
from fewslice.io.dicom import read as dicom
from fewslice.io.dicom.pixels import stored_pixels
from fewslice.io.read import read_channels
from fewslice.volumes import Image
from fewslice.volumes.image import Array
from fewslice.volumes.spacing import HEADER, spacing_origin
from tests.support.dicom_samples import write_series, write_slice

VOLUME = np.random.default_rng(5).integers(0, 900, (5, 6, 7)).astype(np.int16)  # (k, row, column)


def refused(path: Path, kind: type[FewsliceError]) -> str:
    """Return the message with which reading fails; it must name the path, in one line."""
    with pytest.raises(kind) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_affine_worked_by_hand(tmp_path: Path) -> None:
    # PixelSpacing is [between rows, between columns] = [0.5, 0.75]. Rows run along LPS (0, 1, 0)
    # (to Posterior), so stepping to the next column (i) moves 0.75 mm to P: RAS (0, -0.75, 0).
    # Columns run along LPS (0, 0, -1) (to Inferior): the next row (j) is RAS (0, 0, -0.5).
    # The normal is (0, 1, 0) x (0, 0, -1) = LPS (-1, 0, 0), towards Right; slices lie at x = 9, 6
    # and 3, so k ascends from 9 to 3: LPS (-3, 0, 0) = RAS (3, 0, 0). The first slice is the one
    # at LPS (9, 20, 30) = RAS (-9, -20, 30).
    for k, x in enumerate((3.0, 9.0, 6.0)):
        write_slice(
            tmp_path / f"{k}.dcm",
            VOLUME[k],
            PixelSpacing=[0.5, 0.75],
            ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
            ImagePositionPatient=[x, 20.0, 30.0],
        )
    read = read_image(tmp_path)
    expected = np.array([[0, 0, 3, -9], [-0.75, 0, 0, -20], [0, -0.5, 0, 30], [0, 0, 0, 1]])
    np.testing.assert_allclose(read.geometry.affine, expected, atol=1e-12)
    assert read.geometry.axis_codes == ("P", "I", "R")
    assert np.array_equal(read.array, VOLUME[[1, 2, 0]].T)
    assert spacing_origin(read) == HEADER


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"PixelSpacing": [0.5, 0.8]},
        {"RescaleIntercept": -1024},
        {"RescaleSlope": 0.25, "RescaleIntercept": 3},
        {"ImageOrientationPatient": [-1, 0, 0, 0, -1, 0]},
        {"ImageOrientationPatient": [0.8, 0.6, 0, -0.6, 0.8, 0]},
    ],
)
def test_reading_agrees_with_simpleitk(tmp_path: Path, tags: dict[str, Any]) -> None:
    read = read_image(write_series(tmp_path, VOLUME, **tags))
    files = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path))
    reference = SimpleITK.ReadImage(files)
    np.testing.assert_array_equal(read.array, SimpleITK.GetArrayFromImage(reference).T)
    for index in ((0, 0, 0), (6, 5, 4)):
        x, y, z = reference.TransformIndexToPhysicalPoint(index)
        place = read.geometry.affine @ [*index, 1]
        np.testing.assert_allclose(place, (-x, -y, z, 1), atol=1e-9)
    assert read.array.dtype == (np.float32 if "RescaleSlope" in tags else np.int16)
    assert read.remarks == ()


def test_compressed_pixels_are_read(tmp_path: Path) -> None:
    # GDCM cannot decode RLE that is longer than the plain pixels, as in tiny images.
    volume = np.random.default_rng(1).integers(0, 900, (3, 64, 64)).astype(np.int16)
    for path in sorted(write_series(tmp_path, volume).iterdir()):
        dataset = dcmread(path)
        dataset.compress(RLELossless)
        dataset.save_as(path)
    assert np.array_equal(read_image(tmp_path).array, volume.T)


@pytest.mark.parametrize("name", ["IM001.dcm", "noname"])
def test_one_file_alone_is_one_slice_of_its_thickness(tmp_path: Path, name: str) -> None:
    read = read_image(write_slice(tmp_path / name, VOLUME[0]))
    assert read.array.shape == (7, 6, 1)
    assert read.geometry.spacing == (1, 1, 2)
    assert read.remarks == ()


def test_slopes_that_differ_between_slices_give_float32(tmp_path: Path) -> None:
    for k, slope in enumerate((1, 0.5)):
        place = [0.0, 0.0, 2.0 * k]
        write_slice(
            tmp_path / f"{k}.dcm", VOLUME[k], RescaleSlope=slope, ImagePositionPatient=place
        )
    read = read_image(tmp_path)
    assert read.array.dtype == np.float32
    assert np.array_equal(read.array[..., 1], VOLUME[1].T * 0.5)


def test_labels_are_read_from_dicom(tmp_path: Path) -> None:
    labels = read_labels(write_series(tmp_path, (VOLUME > 400).astype(np.int16)))
    assert labels.values == (1,)


def test_other_files_are_left_out(tmp_path: Path) -> None:
    write_series(tmp_path, VOLUME)
    for name in ("notes.txt", ".hidden.dcm", "DICOMDIR"):
        (tmp_path / name).write_text("no image")
    (tmp_path / "more").mkdir()
    report = write_slice(tmp_path / "report", VOLUME[0], Rows=None, PixelData=None)
    dataset = dcmread(report)
    dataset.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.88.11")  # a report
    dataset.save_as(report)
    assert read_image(tmp_path).array.shape == (7, 6, 5)


def test_a_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    assert "holds no DICOM images" in refused(tmp_path, ReadError)


@pytest.mark.parametrize(
    ("tags", "kind", "found"),
    [
        ({"ImagePositionPatient": None}, GeometryError, "no ImagePositionPatient"),
        ({"ImageOrientationPatient": None}, GeometryError, "no ImageOrientationPatient"),
        ({"PixelSpacing": None}, GeometryError, "no PixelSpacing"),
        ({"PixelSpacing": [0, 1]}, GeometryError, "zero or negative spacing"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, GeometryError, "right angles"),
        ({"SamplesPerPixel": 3}, ReadError, "colour"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, ReadError, "colour"),
        ({"Rows": 0}, ReadError, "without pixels"),
        ({"PixelData": None}, ReadError, "holds no pixels"),
        ({"Rows": 60}, ReadError, "is truncated"),
        ({"Rows": None}, ReadError, "cut off within its header"),
    ],
)
def test_slices_that_cannot_be_used(
    tmp_path: Path, tags: dict[str, Any], kind: type[FewsliceError], found: str
) -> None:
    write_series(tmp_path, VOLUME, **tags)
    assert found in refused(tmp_path, kind)


def test_a_crooked_stack_is_refused(tmp_path: Path) -> None:
    for k in range(4):
        place = [3.0 if k == 2 else 0.0, 0.0, 2.0 * k]
        write_slice(tmp_path / f"{k}.dcm", VOLUME[k], ImagePositionPatient=place)
    assert "off the line" in refused(tmp_path, GeometryError)


def test_a_tilted_gantry_gives_a_sheared_affine(tmp_path: Path) -> None:
    # Slices are 2 mm apart along the normal (z) and each lies 0.5 mm further to Posterior.
    for k in range(4):
        write_slice(tmp_path / f"{k}.dcm", VOLUME[k], ImagePositionPatient=[0.0, 0.5 * k, 2.0 * k])
    assert read_image(tmp_path).geometry.affine[:3, 2].tolist() == [0, -0.5, 2]


@pytest.mark.parametrize("tag", ["EchoTime", "TriggerTime", "AcquisitionNumber"])
def test_time_points_become_channels(tmp_path: Path, tag: str) -> None:
    for k in range(3):
        for value in (2, 1):
            write_slice(
                tmp_path / f"{k}-{value}.dcm",
                VOLUME[k] + value,
                ImagePositionPatient=[0.0, 0.0, 2.0 * k],
                **{tag: value},
            )
    expected = np.stack([VOLUME[:3].T + 1, VOLUME[:3].T + 2])
    assert np.array_equal(read_image(tmp_path).array, expected)


def test_tags_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    for k in range(3):
        for value in (1, 2):
            write_slice(
                tmp_path / f"{k}-{value}.dcm",
                VOLUME[k] + value,
                ImagePositionPatient=[0.0, 0.0, 2.0 * k],
                EchoTime=value,
                TriggerTime=3 - value,
            )
    assert "TriggerTime and EchoTime order them differently" in refused(tmp_path, GeometryError)


def test_an_enhanced_file_is_a_volume(tmp_path: Path) -> None:
    path = tmp_path / "enhanced.dcm"
    heights = [4.0, 0.0, 2.0]
    write_enhanced(path, heights)
    read = read_image(path)
    assert np.array_equal(read.array, VOLUME[[1, 2, 0]].T)  # ascending heights
    expected = np.array([[-0.5, 0, 0, -1], [0, -0.25, 0, -2], [0, 0, 2, 0], [0, 0, 0, 1]])
    np.testing.assert_allclose(read.geometry.affine, expected, atol=1e-12)


def write_enhanced(path: Path, heights: list[float]) -> None:
    """Write an enhanced CT with one frame at each height."""
    frames = []
    for height in heights:
        plane, frame = Dataset(), Dataset()
        plane.ImagePositionPatient = [1.0, 2.0, height]
        frame.PlanePositionSequence = Sequence([plane])
        frames.append(frame)
    orientation, measures, shared = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing = [0.25, 0.5]
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelMeasuresSequence = Sequence([measures])
    write_slice(
        path,
        VOLUME[: len(heights)],
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1",
        NumberOfFrames=len(heights),
        PerFrameFunctionalGroupsSequence=Sequence(frames),
        SharedFunctionalGroupsSequence=Sequence([shared]),
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        PixelSpacing=None,
    )


def test_enhanced_files_of_one_series_are_joined(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "a.dcm", [0.0, 2.0])
    write_enhanced(tmp_path / "b.dcm", [4.0, 6.0])
    assert np.array_equal(read_image(tmp_path).array, VOLUME[[0, 1, 0, 1]].T)


@pytest.mark.parametrize(("long", "calls"), [(0.0, ["told", "pixels"]), (3.0, ["pixels"])])
def test_headers_are_told_before_pixels_that_take_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: float, calls: list[str]
) -> None:
    write_series(tmp_path, VOLUME[:1])
    order: list[str] = []
    early: list[Image] = []

    def told(image: Image) -> None:
        order.append("told")
        early.append(image)

    def decoded(file: Path) -> Array:
        order.append("pixels")
        return stored_pixels(file)

    monkeypatch.setattr(dicom, "_LONG", long)
    monkeypatch.setattr(dicom, "stored_pixels", decoded)
    read = read_channels([tmp_path], told=told)
    assert order == calls
    for image in early:
        assert image.geometry.same_grid(read.geometry)
        assert spacing_origin(image) == HEADER
        assert not image.array.any()
    assert np.array_equal(read.array, VOLUME[:1].T)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    write_series(tmp_path, VOLUME)
    whole = (tmp_path / "IM001.dcm").read_bytes()
    for size in (0, 100, 140, 300, 700, len(whole) - 10):
        (tmp_path / "IM001.dcm").write_bytes(whole[:size])
        assert "IM001.dcm" in refused(tmp_path, ReadError)


def test_nothing_is_printed_and_itk_keeps_its_setting(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in sorted(write_series(tmp_path, VOLUME).iterdir()):
        # A UID with a letter in it: pydicom would warn of it.
        path.write_bytes(path.read_bytes().replace(b"8.498.1", b"8.x98.1"))
    before = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    read_image(tmp_path)
    assert SimpleITK.ProcessObject.GetGlobalWarningDisplay() == before
    assert capfd.readouterr() == ("", "")
