"""Folders of DICOM as people have them: which images are meant, and what is said of the others."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    SecondaryCaptureImageStorage,
)

from fewslice.errors import GeometryError, InputError, ReadError, codes_of
from fewslice.io import read_image
from fewslice.volumes import Image
from tests.support.dicom_results import enhanced_series, write_rtstruct, write_seg
from tests.support.dicom_samples import SERIES, write_series, write_slice

VOLUME = np.random.default_rng(5).integers(0, 900, (5, 6, 7)).astype(np.int16)  # (k, row, column)
OTHER = "1.2.826.0.1.3680043.8.498.22"
CORONAL = [1, 0, 0, 0, 0, -1]


def is_volume(read: Image) -> bool:
    return np.array_equal(read.array, VOLUME.T)


def left_out(read: Image) -> str:
    (remark,) = (each for each in read.remarks if each.code == "series-left-out")
    return str(remark)


def test_folders_within_folders_as_on_a_cd(tmp_path: Path) -> None:
    write_series(tmp_path / "DICOM" / "PA0" / "ST0", VOLUME)
    for number, path in enumerate(sorted((tmp_path / "DICOM").rglob("*.dcm"))):
        path.rename(path.with_name(f"IM{number}"))
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "AUTORUN.INF").write_text("open=viewer.exe")
    read = read_image(tmp_path)
    assert is_volume(read)
    assert read.remarks == ()


@pytest.mark.parametrize("name", ["DICOMDIR", "index.dcm"])
def test_the_directory_of_a_cd_stands_for_its_folder(tmp_path: Path, name: str) -> None:
    write_series(tmp_path / "DICOM" / "SE1", VOLUME)
    write_series(tmp_path / "DICOM" / "SE2", VOLUME + 1, SeriesInstanceUID=OTHER, SeriesNumber=1)
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.save_as(tmp_path / name, enforce_file_format=True)
    with pytest.raises(ReadError, match=r"holds 2 volumes.*--series NUMBER"):
        read_image(tmp_path / name)
    assert is_volume(read_image(tmp_path / name, series=2))


def test_links_to_folders_and_files_are_followed(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "store" / "SE1", VOLUME)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "scan").symlink_to(folder)
    (linked / "loop").symlink_to(linked)
    (linked / "lost").symlink_to(tmp_path / "nowhere")
    assert is_volume(read_image(linked))
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "slice").symlink_to(folder / "IM003.dcm")
    read = read_image(tmp_path / "alone" / "slice")
    assert is_volume(read)
    assert codes_of(read.remarks) == {"file-of-series"}


def test_packed_files_ask_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "scan.zip").write_bytes(b"PK\3\4" + bytes(200))
    with pytest.raises(ReadError, match=r"scan\.zip is packed.*unpack it"):
        read_image(tmp_path / "scan.zip")
    with pytest.raises(ReadError, match=r"unpack what is in it, such as scan\.zip"):
        read_image(tmp_path)


def test_slices_in_files_named_as_another_format(tmp_path: Path) -> None:
    for path in sorted(write_series(tmp_path, VOLUME).iterdir()):
        path.rename(path.with_suffix(".nii"))
    assert is_volume(read_image(tmp_path / "IM002.nii"))


def test_stacks_of_one_file_that_lie_apart_are_volumes_to_choose_from(tmp_path: Path) -> None:
    heights = (0, 2, 4, 50, 52)
    places = [(0, 0, z) for z in heights]
    path = enhanced_series(tmp_path / "a.dcm", places, ["neck", "neck", "neck", "hip", "hip"])
    for scan in (path, tmp_path):
        with pytest.raises(ReadError, match=r"holds 2 volumes.*choose it with --series NUMBER"):
            read_image(scan)
        read = read_image(scan, series=2)
        assert read.array[0, 0].tolist() == [1, 2, 3]
        assert codes_of(read.remarks) == {"series-left-out"}
        assert read_image(scan, series=1).array[0, 0].tolist() == [4, 5]


@pytest.mark.parametrize("heights", [(0, 4, 8, 2, 6, 10), (0, 2, 4, 6, 8, 10)])
def test_stacks_of_one_file_that_make_an_even_one_stay_together(
    tmp_path: Path, heights: tuple[int, ...]
) -> None:
    path = enhanced_series(tmp_path / "a.dcm", [(0, 0, z) for z in heights], list("111222"))
    read = read_image(path)
    order = np.argsort(heights) + 1
    assert read.array[0, 0].tolist() == order.tolist()
    with pytest.raises(InputError, match="stands for its own series"):
        read_image(path, series=1)


def test_files_of_a_concatenation_belong_together(tmp_path: Path) -> None:
    tags: dict[str, Any] = {"ConcatenationUID": "1.2.9", "InConcatenationTotalNumber": 2}
    first = enhanced_series(tmp_path / "a.dcm", [(0, 0, 0), (0, 0, 2)], **tags)
    second = enhanced_series(tmp_path / "b.dcm", [(0, 0, 4), (0, 0, 6)], **tags)
    other: dict[str, Any] = {"ConcatenationUID": "1.2.10", "InstanceNumber": 7}
    enhanced_series(tmp_path / "c.dcm", [(0, 0, 8), (0, 0, 10)], **{**tags, **other})
    for path in (first, second):
        read = read_image(path)
        assert read.array[0, 0].tolist() == [1, 2, 1, 2]
        assert read.remarks == ()
    second.unlink()
    read = read_image(first)
    assert read.array.shape[2] == 2
    assert codes_of(read.remarks) == {"concatenation-incomplete"}
    assert "holds 1 of the 2 files" in read.remarks[0]


def test_slices_of_one_series_may_lie_in_several_folders(tmp_path: Path) -> None:
    write_series(tmp_path / "a", VOLUME)
    (tmp_path / "b").mkdir()
    shutil.move(tmp_path / "a" / "IM002.dcm", tmp_path / "b")
    assert is_volume(read_image(tmp_path))


@pytest.mark.parametrize(
    ("tags", "size"),
    [
        ({"ImageOrientationPatient": CORONAL}, "7x6"),
        ({"Rows": 3, "PixelData": b"\0" * 42}, "7x3"),
        ({"PixelSpacing": [1, 1.1]}, "7x6"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "7x6"),
    ],
)
def test_a_localizer_within_the_series_is_left_out(
    tmp_path: Path, tags: dict[str, Any], size: str
) -> None:
    write_series(tmp_path, VOLUME)
    write_slice(tmp_path / "x", VOLUME[0], **{"ImagePositionPatient": [10, 20, 3.3], **tags})
    read = read_image(tmp_path)
    assert is_volume(read)
    assert f"left out: 'Thorax' (CT, 1 slice of {size}, UID ending 0043.8.498.1)" in left_out(read)


def test_scouts_and_screenshots_beside_the_volume_are_left_out(tmp_path: Path) -> None:
    write_series(tmp_path, VOLUME)
    scout = {"SeriesInstanceUID": OTHER, "SeriesDescription": "Scout"}
    write_slice(tmp_path / "scout", VOLUME[0], ImageOrientationPatient=CORONAL, **scout)
    colours = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "BitsAllocated": 8}
    write_slice(tmp_path / "shot", VOLUME[0, :, :6], PixelData=b"\0" * 108, **colours)
    assert "1 that is no slice, such as a screenshot" in left_out(read_image(tmp_path))
    grey = {"SOPClassUID": SecondaryCaptureImageStorage, "ImagePositionPatient": None}
    write_slice(tmp_path / "dose", VOLUME[0], **grey)
    read = read_image(tmp_path)
    assert is_volume(read)
    assert "'Scout' (CT, 1 slice" in left_out(read)
    assert "2 that are no slices" in left_out(read)


SQUARE = np.pad(np.ones((3, 4), np.uint8), ((1, 2), (2, 1)))  # (row, column) as VOLUME has them


def seg_of(path: Path, **tags: Any) -> Path:
    """Write a SEG on all slices of a series."""
    return write_seg(path, [(1, (10, 20, 2 * k), SQUARE) for k in range(5)], **tags)


@pytest.mark.parametrize("uid", [OTHER, SERIES])
def test_labels_beside_the_volume_are_left_out(tmp_path: Path, uid: str) -> None:
    write_series(tmp_path, VOLUME, SeriesNumber=4)
    # By its number it would be the first of the list, and it holds as many slices.
    seg_of(tmp_path / "a.dcm", SeriesInstanceUID=uid, SeriesNumber=1)
    write_rtstruct(tmp_path / "b.dcm", {1: [[(10, 20, 0), (12, 20, 0), (12, 22, 0)]]})
    for series in (None, 1):
        read = read_image(tmp_path, series=series)
        assert is_volume(read)
        assert left_out(read).endswith(
            "left out: 1 that is no slice, such as a screenshot, a segmentation or a mosaic."
        )
    with pytest.raises(InputError, match="There is no series '2'"):
        read_image(tmp_path, series=2)


def test_labels_are_no_scan(tmp_path: Path) -> None:
    (tmp_path / "seg").mkdir()
    seg = seg_of(tmp_path / "seg" / "a.dcm")
    struct = write_rtstruct(tmp_path / "b.dcm", {1: [[(10, 20, 0), (12, 20, 0), (12, 22, 0)]]})
    given = ((seg, seg, "SEG"), (seg.parent, seg, "SEG"), (struct, struct, "RTSTRUCT"))
    for path, file, kind in given:
        with pytest.raises(ReadError) as caught:
            read_image(path)
        assert str(caught.value) == (
            f"{file} is a DICOM {kind}, which holds labels; expected the slices of a scan: give it "
            "as --labels, and the series that it was drawn on as the scan."
        )


def test_what_is_wrong_with_images_is_said_before_labels_beside_them(tmp_path: Path) -> None:
    write_series(tmp_path, VOLUME, ImageOrientationPatient=None)
    seg_of(tmp_path / "A.dcm")  # the first by its name
    with pytest.raises(GeometryError, match="ImageOrientationPatient"):
        read_image(tmp_path)


def test_a_localizer_of_many_slices_is_no_rival(tmp_path: Path) -> None:
    write_series(tmp_path / "a", VOLUME)
    kind: dict[str, Any] = {
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "SeriesInstanceUID": OTHER,
    }
    write_series(tmp_path / "b", VOLUME + 5, **kind)
    assert is_volume(read_image(tmp_path))
    assert np.array_equal(read_image(tmp_path / "b").array, VOLUME.T + 5)


MOSAIC: dict[str, Any] = {
    "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"],
    "SeriesInstanceUID": OTHER,
}


def test_a_mosaic_is_no_slice(tmp_path: Path) -> None:
    for moment in range(3):
        write_slice(tmp_path / f"{moment}.dcm", VOLUME[moment], InstanceNumber=moment, **MOSAIC)
    for path in (tmp_path, tmp_path / "0.dcm"):
        with pytest.raises(ReadError) as caught:
            read_image(path)
        assert str(caught.value) == (
            f"{tmp_path / '0.dcm'} is a MOSAIC of Siemens, which shows all slices of a volume as "
            "tiles of one; expected one image a slice: convert its series with dcm2niix."
        )


def test_a_mosaic_beside_a_volume_is_left_out_unless_it_is_chosen(tmp_path: Path) -> None:
    write_series(tmp_path, VOLUME)
    write_slice(tmp_path / "tiles", VOLUME[0], **MOSAIC)
    read = read_image(tmp_path)
    assert is_volume(read)
    assert "left out: 1 that is no slice" in left_out(read)
    for uid in (OTHER, OTHER[-6:]):
        with pytest.raises(ReadError, match="is a MOSAIC of Siemens"):
            read_image(tmp_path, series=uid)


def two_series(folder: Path) -> Path:
    write_series(folder / "a", VOLUME, SeriesNumber=7)
    write_series(
        folder / "b",
        VOLUME[:3] + 5,
        SeriesInstanceUID=OTHER,
        SeriesDescription="Lung",
        SeriesNumber=2,
    )
    return folder


def test_several_volumes_are_listed_with_their_numbers(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="2 volumes") as caught:
        read_image(two_series(tmp_path))
    text = str(caught.value)
    assert "1: 'Lung' (CT, 3 slices of 7x6, UID ending 043.8.498.22)" in text
    assert "2: 'Thorax' (CT, 5 slices of 7x6, UID ending 0043.8.498.1)" in text
    assert "--series" in text


@pytest.mark.parametrize("series", [1, "1", OTHER, "8.498.22"])
def test_a_volume_is_chosen_by_number_or_uid(tmp_path: Path, series: int | str) -> None:
    read = read_image(two_series(tmp_path), series=series)
    assert np.array_equal(read.array, VOLUME[:3].T + 5)
    assert "'Thorax'" in left_out(read)


@pytest.mark.parametrize("series", [0, 3, "1.9.9", ""])
def test_a_volume_that_is_not_there(tmp_path: Path, series: int | str) -> None:
    with pytest.raises(InputError, match="There is no series") as caught:
        read_image(two_series(tmp_path), series=series)
    assert "1: 'Lung'" in str(caught.value)


def test_a_file_stands_for_its_own_series(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leave out --series"):
        read_image(write_slice(tmp_path / "a.dcm", VOLUME[0]), series=1)


def test_the_end_of_several_uids_is_not_enough(tmp_path: Path) -> None:
    write_series(tmp_path / "a", VOLUME, SeriesInstanceUID="1.5.22")
    write_series(tmp_path / "b", VOLUME, SeriesInstanceUID="1.6.22")
    with pytest.raises(InputError, match="2 of the volumes"):
        read_image(tmp_path, series=".22")
    assert is_volume(read_image(tmp_path, series="6.22"))


def test_pointing_at_one_file_takes_its_series(tmp_path: Path) -> None:
    write_series(tmp_path, VOLUME)
    for path in sorted(tmp_path.iterdir()):
        other = dcmread(path)
        other.SeriesInstanceUID = OTHER
        other.PixelData = np.zeros((6, 7), np.int16).tobytes()
        other.save_as(tmp_path / f"other-{path.name}")
    (tmp_path / "broken.dcm").write_bytes(b"no image")
    read = read_image(tmp_path / "IM003.dcm")
    assert is_volume(read)
    assert codes_of(read.remarks) == {"file-of-series", "files-unreadable"}
    assert not read_image(tmp_path / "other-IM003.dcm").array.any()


def test_a_broken_file_of_another_series_does_not_stand_in_the_way(tmp_path: Path) -> None:
    write_series(tmp_path, VOLUME)
    path = write_slice(tmp_path / "x.dcm", VOLUME[0], SeriesInstanceUID=OTHER)
    path.write_bytes(path.read_bytes()[:-20])
    read = read_image(tmp_path)
    assert is_volume(read)
    assert "1 of other series that cannot be read" in left_out(read)
    path = write_slice(tmp_path / "x.dcm", VOLUME[0])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ReadError, match=r"x\.dcm is truncated"):
        read_image(tmp_path)


def test_pointing_at_a_localizer_takes_the_localizer(tmp_path: Path) -> None:
    write_series(tmp_path, VOLUME)
    write_slice(tmp_path / "x", VOLUME[2], ImageOrientationPatient=CORONAL)
    assert read_image(tmp_path / "x").array.shape == (7, 6, 1)


def test_a_slice_of_the_series_without_a_place_is_not_left_out(tmp_path: Path) -> None:
    write_series(tmp_path, VOLUME)
    write_slice(tmp_path / "x.dcm", VOLUME[0], ImagePositionPatient=None)
    with pytest.raises(GeometryError, match=r"x\.dcm has no ImagePositionPatient"):
        read_image(tmp_path)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_files_without_preamble_meta_and_suffix(tmp_path: Path, syntax: UID) -> None:
    for path in sorted(write_series(tmp_path, VOLUME).iterdir()):
        dataset = dcmread(path)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path, implicit_vr=syntax.is_implicit_VR, little_endian=True)
        whole = path.read_bytes()
        begin = whole.index(b"\x08\x00")  # the first element of group 8 follows the meta group
        path.with_suffix("").write_bytes(whole[begin:])
        path.unlink()
    assert is_volume(read_image(tmp_path))
    assert is_volume(read_image(tmp_path / "IM001"))
