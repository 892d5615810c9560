"""Which files of a folder are which scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import GeometryError, InputError, ReadError, codes_of
from fewslice.io import write_image
from fewslice.io.folder import find_labels, find_scans, read_as
from fewslice.io.scan_files import read_scan, scan_at
from fewslice.volumes import Geometry, Image
from tests.support.scan_pools import GEOMETRY, scan_array, write_scan


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def found(folder: Path) -> dict[str, list[str]]:
    return {scan.name: [path.name for path in scan.images] for scan in find_scans(folder)}


def test_names_and_channels(tmp_path: Path) -> None:
    touched(tmp_path, "b_0001.nrrd", "b_0000.nii.gz", "a_0000.mha", "plain.nii", "notes.txt")
    touched(tmp_path, "scan_2021.nii.gz", ".hidden.nii")
    (tmp_path / "empty folder").mkdir()
    assert found(tmp_path) == {
        "a": ["a_0000.mha"],
        "b": ["b_0000.nii.gz", "b_0001.nrrd"],
        "plain": ["plain.nii"],
        "scan_2021": ["scan_2021.nii.gz"],
    }
    assert find_labels(tmp_path)["plain"] == tmp_path / "plain.nii"


def test_a_dicom_folder_is_a_scan(tmp_path: Path) -> None:
    series = tmp_path / "patient 7"
    series.mkdir()
    (series / "IM1").write_bytes(b"\0" * 128 + b"DICM")
    assert found(tmp_path) == {"patient 7": ["patient 7"]}
    assert scan_at(series).name == "patient 7"


def test_channels_are_put_together(tmp_path: Path) -> None:
    write_image(tmp_path / "a_0000.nii.gz", Image(scan_array(0), GEOMETRY))
    write_image(tmp_path / "a_0001.nii.gz", Image(scan_array(1), GEOMETRY))
    scan = read_scan(find_scans(tmp_path)[0])
    assert scan.array.shape == (2, *GEOMETRY.shape)
    np.testing.assert_array_equal(scan.array[1], scan_array(1))
    other = Geometry.from_spacing(GEOMETRY.shape, (1, 1, 1))
    write_image(tmp_path / "a_0001.nii.gz", Image(scan_array(1), other))
    resampled = read_scan(find_scans(tmp_path)[0])
    assert resampled.array.shape == (2, *GEOMETRY.shape)
    assert codes_of(resampled.remarks) == {"channel-resampled"}
    away = GEOMETRY.affine.copy()
    away[0, 3] += 1000
    write_image(tmp_path / "a_0001.nii.gz", Image(scan_array(1), Geometry(GEOMETRY.shape, away)))
    with pytest.raises(GeometryError, match=r"a_0001\.nii\.gz does not overlap"):
        read_scan(find_scans(tmp_path)[0])


def test_digits_number_scans_where_labels_or_dataset_json_say_so(tmp_path: Path) -> None:
    scans = tmp_path / "imagesTr"
    scans.mkdir()
    touched(scans, "a_0000.nii", "a_0001.nii", "b_0000.nii")

    def names(*labelled: str, alone: bool = False) -> list[str]:
        return [scan.name for scan in find_scans(scans, labelled, alone=alone)]

    assert names() == names("a", "b") == names("a_0000") == ["a", "b"]
    assert names("a_0000", "a_0001") == ["a_0000", "a_0001", "b"]
    assert names(alone=True) == ["a_0000", "a_0001", "b_0000"]
    description = tmp_path / "dataset.json"
    description.write_text('{"channel_names": {"0": "CT", "1": "PET"}}')
    assert names() == ["a", "b"]
    description.write_text('{"channel_names": {"0": "CT"}}')
    assert names() == ["a_0000", "a_0001", "b"]
    description.unlink()
    (tmp_path / "labelsTr").mkdir()
    touched(tmp_path / "labelsTr", "a_0001.nii.gz")
    assert names() == ["a_0000", "a_0001", "b"]


def test_many_files_in_a_row_are_scans(tmp_path: Path) -> None:
    numbered = [f"a_{number:04d}.nii" for number in range(9)]
    touched(tmp_path, *numbered[:8])
    assert [len(scan.images) for scan in find_scans(tmp_path)] == [8]
    touched(tmp_path, numbered[8])
    assert [len(scan.images) for scan in find_scans(tmp_path)] == [1] * 9


def test_a_series_is_meant_for_scans_that_hold_several(tmp_path: Path) -> None:
    (tmp_path / "patient").mkdir()
    (tmp_path / "patient" / "IM1").write_bytes(b"\0" * 128 + b"DICM")
    touched(tmp_path, "a.nii")
    plain, patient = read_as(find_scans(tmp_path), "2", True)
    assert (plain.series, plain.fill_gaps) == (None, True)
    assert (patient.series, patient.fill_gaps) == ("2", True)
    with pytest.raises(InputError, match="none of the 1 scans is a DICOM folder"):
        read_as([plain], "2", False)


def test_a_single_file_is_named_as_in_a_folder(tmp_path: Path) -> None:
    assert scan_at(write_scan(tmp_path, "x", 0)).name == "x"
    assert scan_at(tmp_path / "x_0001.nii.gz").name == "x_0001"


@pytest.mark.parametrize("names", [("a.nii", "a.nrrd"), ("a.nii.gz", "a_0000.nii.gz")])
def test_the_same_case_twice(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="holds the same case twice"):
        find_scans(touched(tmp_path, *names))


def test_a_segmentation_lies_beside_its_scan(tmp_path: Path) -> None:
    touched(tmp_path, "a.nrrd", "a.seg.nrrd", "b.nii.gz", "B.SEG.NRRD")
    assert found(tmp_path) == {"a": ["a.nrrd"], "b": ["b.nii.gz"]}
    assert find_labels(tmp_path)["a"] == tmp_path / "a.seg.nrrd"
    assert find_labels(tmp_path)["B"] == tmp_path / "B.SEG.NRRD"
    with pytest.raises(InputError, match="the same case twice"):
        find_labels(touched(tmp_path, "c.nii.gz", "c.mha"))


def test_labels_may_be_named_after_the_first_channel(tmp_path: Path) -> None:
    touched(tmp_path, "a_0000.nii.gz", "b.nii.gz", "c_0000.nii.gz", "c_0001.nii.gz")
    assert set(find_labels(tmp_path)) == {"a", "b", "c_0000", "c_0001"}
    with pytest.raises(InputError, match="the same case twice"):
        find_labels(touched(tmp_path, "b_0000.nii.gz"))


def test_suffixes_in_capitals(tmp_path: Path) -> None:
    touched(tmp_path, "a_0000.NII.GZ", "a_0001.Nii", "b.MHA")
    assert found(tmp_path) == {"a": ["a_0000.NII.GZ", "a_0001.Nii"], "b": ["b.MHA"]}


def test_a_folder_of_pictures_is_a_scan_unless_it_shows_one(tmp_path: Path) -> None:
    (tmp_path / "eye").mkdir()
    touched(tmp_path / "eye", "1.png", "2.png")
    assert found(tmp_path) == {"eye": ["eye"]}
    touched(tmp_path, "a.nii.gz", "a.tif", "b.tif")
    assert found(tmp_path) == {"a": ["a.nii.gz"], "b": ["b.tif"]}


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="holds no scan; expected files ending with"):
        find_scans(tmp_path)
    with pytest.raises(ReadError, match="is not a folder"):
        find_scans(tmp_path / "missing")
    assert find_labels(tmp_path) == {}


UNREADABLE = Path("/proc/self/mem")  # opens, and cannot be read where nothing is mapped: at 0


@pytest.mark.skipif(not UNREADABLE.exists(), reason="needs Linux's /proc")
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    write_scan(tmp_path, "a", 0)
    series = tmp_path / "series"
    series.mkdir()
    (series / "IM1").symlink_to(UNREADABLE)
    for find in (find_scans, find_labels):
        with pytest.raises(ReadError, match="something in it cannot be read"):
            find(tmp_path)
