"""One scan of several files: given one by one, or found beside the first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.errors import InputError, ReadError, codes_of
from fewslice.io import read_image, write_image
from fewslice.io.channels import channels_beside
from fewslice.io.scan_files import read_scan, scan_at, with_siblings
from fewslice.volumes import Geometry, Image
from tests.support.dicom_samples import write_series

SHAPE = (5, 4, 3)
GRID = Geometry.from_spacing(SHAPE, (1, 1, 2))
FIRST = np.arange(60, dtype=np.int16).reshape(SHAPE)


def save(folder: Path, *names: str, grid: Geometry = GRID) -> Path:
    """Write scans, each with values of its own, and return the first."""
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        values = np.resize(FIRST, grid.shape) + 100 * number
        write_image(folder / name, Image(values.astype(np.int16), grid))
    return folder / names[0]


def describe(folder: Path, **entries: Any) -> None:
    (folder / "dataset.json").write_text(json.dumps(entries))


def test_several_paths_are_channels(tmp_path: Path) -> None:
    save(tmp_path, "ct.nii", "pet.nrrd")
    found = read_image([tmp_path / "ct.nii", str(tmp_path / "pet.nrrd")])
    np.testing.assert_array_equal(found.array, [FIRST, FIRST + 100])
    assert read_image([tmp_path / "ct.nii"]).array.ndim == 3
    assert str(scan_at([Path("ct.nii"), Path("pet.nrrd")])) == "ct.nii+pet.nrrd"


def test_paths_that_are_no_channels_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, "ct.nii")
    with pytest.raises(InputError, match=r"ct\.nii is given as a channel twice"):
        read_image([path, path])
    with pytest.raises(InputError, match="no path to read a scan from"):
        read_image([])
    with pytest.raises(ReadError, match=r"pet\.nii does not exist"):
        read_image([path, tmp_path / "pet.nii"])


def test_channels_beside_the_first_are_found_by_name(tmp_path: Path) -> None:
    path = save(tmp_path, "a_0000.nii.gz", "a_0001.NII", "a_0002.mha", "a_0004.nii", "b_0001.nii")
    assert [each.name for each in channels_beside(path).files] == ["a_0001.NII", "a_0002.mha"]
    assert channels_beside(tmp_path / "a_0001.NII").files == ()
    assert channels_beside(tmp_path / "missing_0000.nii").files == ()
    scan = scan_at(path, siblings=True)
    assert scan.name == "a"
    assert len(scan.paths) == 3
    found = read_scan(scan)
    np.testing.assert_array_equal(found.array, [FIRST, FIRST + 100, FIRST + 200])
    assert codes_of(found.remarks) == {"siblings-taken"}
    assert "a_0001.NII and a_0002.mha beside" in found.remarks[0]
    assert read_scan(scan_at(path)).array.ndim == 3
    alone = read_scan(scan_at([path, tmp_path / "b_0001.nii"], siblings=True))
    assert len(alone.array) == 2  # what is given takes the place of what is found


def test_dataset_json_says_how_many_channels_there_are(tmp_path: Path) -> None:
    path = save(tmp_path / "imagesTr", "a_0000.nii", "a_0001.nii", "a_0002.nii")
    scan = scan_at(path, siblings=True)
    describe(tmp_path, channel_names={"0": "CT", "1": "PET"})
    found = read_scan(scan)
    assert len(found.channels) == 2
    assert "a_0001.nii beside" in found.remarks[0]
    assert "(CT, PET); --alone" in found.remarks[0]
    describe(tmp_path, modality={"0": "CT"})
    assert len(read_scan(scan).channels) == 1
    describe(tmp_path, modality={str(n): f"echo {n}" for n in range(4)})
    found = read_scan(scan)
    assert len(found.channels) == 3
    assert codes_of(found.remarks) == {"siblings-taken", "channels-missing"}
    assert "names 4 channels" in found.remarks[1]
    describe(tmp_path, modality="CT")  # nothing that can be understood
    assert len(read_scan(scan).channels) == 3


def test_siblings_on_another_grid_are_resampled_and_named(tmp_path: Path) -> None:
    path = save(tmp_path, "a_0000.nii")
    save(tmp_path, "a_0001.nii", grid=Geometry.from_spacing((3, 2, 3), (2, 2, 2)))
    found = read_scan(scan_at(path, siblings=True))
    assert found.array.shape == (2, *SHAPE)
    # Voxels of 2 mm along j, seen at 0, 1, 2 and 3 mm: own values, their means, and the edge's.
    own = FIRST.ravel()[:18].reshape(3, 2, 3)[0]
    expected = [own[0], (own[0] + own[1]) / 2, own[1], own[1]]
    np.testing.assert_allclose(found.array[1][0], expected)
    assert codes_of(found.remarks) == {"siblings-taken", "channel-resampled"}
    assert "brought from another grid (a_0001.nii); --alone reads" in found.remarks[0]
    describe(tmp_path, channel_names={"0": "CT", "1": "PET"})
    assert read_scan(scan_at(path, siblings=True)).array.shape == (2, *SHAPE)


@pytest.mark.parametrize(("away", "taken"), [(2, True), (3, False)])
def test_siblings_that_hardly_show_the_same_place_are_other_scans(
    tmp_path: Path, away: int, taken: bool
) -> None:
    path = save(tmp_path, "a_0000.nii")
    affine = GRID.affine.copy()
    affine[0, 3] = away  # mm of 5: shares .6 or .4 of its voxels
    save(tmp_path, "a_0001.nii", grid=Geometry(SHAPE, affine))
    scan = scan_at(path, siblings=True)
    found = read_scan(scan)
    assert len(found.channels) == 1 + taken
    if not taken:
        assert codes_of(found.remarks) == {"siblings-left-out"}
        assert "a_0001.nii beside" in found.remarks[0]
        named, remarks = with_siblings(scan)
        assert (named.images, remarks) == ((path,), found.remarks)
    describe(tmp_path, channel_names={"0": "CT", "1": "PET"})
    assert len(read_scan(scan).channels) == 2


def test_siblings_of_other_patients_or_of_no_known_place_are_other_scans(tmp_path: Path) -> None:
    write_series(tmp_path / "a_0000", stack(3))
    write_series(tmp_path / "a_0001", stack(3), PatientID="secret")
    found = read_scan(scan_at(tmp_path / "a_0000", siblings=True))
    assert found.array.ndim == 3
    assert "are of different patients" in found.remarks[0]
    np.save(tmp_path / "b_0000.npy", FIRST)
    np.save(tmp_path / "b_0001.npy", FIRST[1:])
    found = read_scan(scan_at(tmp_path / "b_0000.npy", siblings=True))
    assert found.array.ndim == 3
    assert "siblings-left-out" in codes_of(found.remarks)


def test_many_files_in_a_row_are_scans_unless_dataset_json_counts_them(tmp_path: Path) -> None:
    path = save(tmp_path, *(f"a_{number:04d}.nii" for number in range(8)))
    scan = scan_at(path, siblings=True)
    assert len(read_scan(scan).channels) == 8
    save(tmp_path, "a_0008.nii")
    found = read_scan(scan)
    assert found.array.ndim == 3
    assert codes_of(found.remarks) == {"siblings-left-out"}
    assert "a_0001.nii, ... and a_0008.nii beside" in found.remarks[0]
    assert "9 files in a row" in found.remarks[0]
    assert with_siblings(scan)[1] == found.remarks
    describe(tmp_path, channel_names={str(number): f"echo {number}" for number in range(9)})
    assert len(read_scan(scan).channels) == 9


@pytest.mark.parametrize(
    "labels", ["drawn/a_0001.nii.gz", "labelsTr/a_0001.nrrd", "imagesTr/a_0001.seg.nrrd"]
)
def test_siblings_with_labels_of_their_own_are_other_scans(tmp_path: Path, labels: str) -> None:
    path = save(tmp_path / "imagesTr", "a_0000.nii", "a_0001.nii")
    drawn = tmp_path / "drawn" / "a_0000.nii.gz"
    scan = scan_at(path, siblings=True, labels=drawn)
    assert len(read_scan(scan).channels) == 2
    (tmp_path / labels).parent.mkdir(exist_ok=True)
    (tmp_path / labels).touch()
    assert read_scan(scan).array.ndim == 3
    there = scan_at(path, siblings=True)  # without a word on where labels are
    assert len(read_scan(there).channels) == (2 if labels.startswith("drawn") else 1)


def test_labels_beside_the_scan_itself_make_no_other_scan(tmp_path: Path) -> None:
    path = save(tmp_path, "a_0000.nii", "a_0001.nii", "a.nii")
    scan = scan_at(path, siblings=True, labels=tmp_path / "a.nii")
    assert len(read_scan(scan).channels) == 2


def stack(count: int, size: int = 4) -> npt.NDArray[np.int16]:
    return np.arange(count * size * size, dtype=np.int16).reshape(count, size, size)


def test_series_are_channels(tmp_path: Path) -> None:
    """A CT of 2 mm and a PET of 4 mm in one folder, chosen by a number and by a file."""
    write_series(tmp_path / "cd" / "ct", stack(5))
    write_series(
        tmp_path / "cd" / "pet",
        stack(3),
        step=4.0,
        SeriesInstanceUID="1.2.77",
        SeriesNumber=7,
        FrameOfReferenceUID="1.2.3.4",
    )
    pet = sorted((tmp_path / "cd" / "pet").iterdir())[0]
    with pytest.raises(InputError, match="choose it with --series"):
        read_image([tmp_path / "cd", pet])
    series = [tmp_path / "cd", pet]
    ct = read_image(tmp_path / "cd" / "ct")
    found = read_image(series, series="1.2.826.0.1.3680043.8.498.1")
    assert found.array.shape == (2, 4, 4, 5)
    np.testing.assert_array_equal(found.array[0], ct.array)
    # Slices of 4 mm: those of the CT in between are their means.
    own = read_image(tmp_path / "cd" / "pet").array.astype(float)
    np.testing.assert_allclose(found.array[1][..., ::2], own)
    np.testing.assert_allclose(found.array[1][..., 1], (own[..., 0] + own[..., 1]) / 2)
    assert "channel-resampled" in codes_of(found.remarks)


def test_patients_and_frames_of_reference(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stack(3), FrameOfReferenceUID="1.2.3.1")
    write_series(tmp_path / "mr", stack(3), FrameOfReferenceUID="1.2.3.2")
    found = read_image([tmp_path / "ct", tmp_path / "mr"])
    assert codes_of(found.remarks) == {"frames-of-reference-differ"}
    write_series(tmp_path / "other", stack(3), PatientID="secret")
    with pytest.raises(InputError, match="are of different patients") as refused:
        read_image([tmp_path / "ct", tmp_path / "other"])
    assert "secret" not in str(refused.value)
    copy = read_image(tmp_path / "ct")
    write_image(tmp_path / "copy.nii", copy)
    assert read_image([tmp_path / "other", tmp_path / "copy.nii"]).remarks == ()


def test_folders_of_series_are_channels_by_their_names(tmp_path: Path) -> None:
    write_series(tmp_path / "a_0000", stack(3))
    write_series(tmp_path / "a_0001", stack(3) + 5)
    (tmp_path / "a_0002.nii").touch()  # a file is no channel of folders
    found = read_scan(scan_at(tmp_path / "a_0000", siblings=True))
    assert found.array.shape == (2, 4, 4, 3)
