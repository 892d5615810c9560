"""Adding scans: by files, series and folders, where they are or as copies."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from fewslice.errors import InputError, NotFoundError, ReadError, WriteError
from fewslice.io import write_image
from fewslice.project.adding import add_scan
from fewslice.project.scans import ScanOptions, list_scans, read_scan
from fewslice.volumes import Geometry, Image
from tests.support.command_line import SHAPE
from tests.support.dicom_samples import write_series, write_slice
from tests.support.projects import SmallProject, scan_file


def test_scans_with_air_are_ct(small: SmallProject, tmp_path: Path) -> None:
    array = np.full((4, 5, 6), -1000, np.int16)
    write_image(tmp_path / "ct.nii.gz", Image(array, Geometry.from_spacing(array.shape)))
    assert add_scan(small.project, tmp_path / "ct.nii.gz", by=small.ann).modality == "CT"


def test_several_files_are_channels(small: SmallProject, tmp_path: Path) -> None:
    files = [scan_file(tmp_path / f"mr_{n:04d}.nii.gz") for n in range(2)]
    scan = add_scan(small.project, files, by=small.ann)
    assert (scan.name, scan.channels) == ("mr", 2)
    assert read_scan(small.project, scan.id).array.shape == (2, *SHAPE)


def test_a_spacing_that_was_given_is_kept(small: SmallProject, tmp_path: Path) -> None:
    options = ScanOptions(spacing=(0.5, 0.5, 4.0))
    scan = add_scan(
        small.project, tmp_path / "scan.nii.gz", by=small.ann, name="finer", options=options
    )
    assert scan.spacing == (0.5, 0.5, 4.0)
    assert read_scan(small.project, scan.id).geometry.spacing == (0.5, 0.5, 4.0)


def test_a_copy_moves_along_with_the_project(small: SmallProject, tmp_path: Path) -> None:
    scan = add_scan(small.project, tmp_path / "scan.nii.gz", by=small.ann, name="copied", copy=True)
    (tmp_path / "scan.nii.gz").unlink()
    (copied,) = scan.paths
    assert copied.name == "scan.nii.gz"
    assert copied.parent.parent == small.project.directory / "scans"
    assert read_scan(small.project, scan.id).array.shape == SHAPE


def test_a_folder_is_copied_and_recognised_as_a_whole(small: SmallProject, tmp_path: Path) -> None:
    folder = tmp_path / "slices"
    folder.mkdir()
    for number in range(3):
        PIL.Image.fromarray(np.full((5, 6), number, np.uint8)).save(folder / f"{number}.png")
    scan = add_scan(small.project, folder, by=small.ann, copy=True)
    assert (scan.name, scan.shape[2]) == ("slices", 3)
    shutil.rmtree(folder)
    assert read_scan(small.project, scan.id).array.shape == scan.shape
    (scan.paths[0] / "1.png").rename(scan.paths[0] / "9.png")
    with pytest.raises(ReadError, match="has changed"):
        read_scan(small.project, scan.id)


def test_a_slice_stands_for_its_series_when_it_is_copied(
    small: SmallProject, tmp_path: Path
) -> None:
    folder = write_series(tmp_path / "ct", np.arange(60, dtype=np.int16).reshape(5, 4, 3))
    write_slice(folder / "other.dcm", np.zeros((4, 3), np.int16), SeriesInstanceUID="1.9")
    scan = add_scan(small.project, folder / "IM001.dcm", by=small.ann, copy=True)
    kept = add_scan(small.project, folder / "IM001.dcm", by=small.ann, name="kept")
    assert scan.shape == kept.shape == (3, 4, 5)
    assert scan.hash == kept.hash
    assert len(list(scan.paths[0].parent.iterdir())) == 5
    (folder / "other.dcm").unlink()  # of another series
    assert read_scan(small.project, kept.id).array.shape == (3, 4, 5)
    (folder / "IM003.dcm").unlink()
    with pytest.raises(ReadError, match="has changed"):
        read_scan(small.project, kept.id)
    assert read_scan(small.project, scan.id).array.shape == (3, 4, 5)


def test_the_directory_of_a_cd_is_added_as_its_folder(small: SmallProject, tmp_path: Path) -> None:
    write_series(tmp_path / "cd" / "SE1", np.arange(60, dtype=np.int16).reshape(5, 4, 3))
    (tmp_path / "cd" / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    scan = add_scan(small.project, tmp_path / "cd" / "DICOMDIR", by=small.ann, copy=True)
    assert (scan.name, scan.paths[0].name) == ("cd", "cd")
    assert read_scan(small.project, scan.id).array.shape == (3, 4, 5)


def test_a_copy_that_fails_leaves_nothing_behind(
    small: SmallProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "scan.nii.gz"
    with pytest.raises(NotFoundError, match="no person 99"):
        add_scan(small.project, path, by=99, name="copied", copy=True)
    monkeypatch.setattr(shutil, "copy2", fail)
    with pytest.raises(WriteError, match="No space left on device"):
        add_scan(small.project, path, by=small.ann, name="copied", copy=True)
    assert not list((small.project.directory / "scans").iterdir())
    assert len(list_scans(small.project)) == 1


def test_names_are_taken_once_and_cannot_leave_the_folder(
    small: SmallProject, tmp_path: Path
) -> None:
    path = tmp_path / "scan.nii.gz"
    with pytest.raises(InputError, match="There is a scan 'scan' in the project already"):
        add_scan(small.project, path, by=small.ann)
    for name in ("../up", "a/b", ".hidden", " ", "a\\b"):
        with pytest.raises(InputError, match="cannot be used for a scan"):
            add_scan(small.project, path, by=small.ann, name=name)
    with pytest.raises(InputError, match="without files"):
        add_scan(small.project, [], by=small.ann)
    assert len(list_scans(small.project)) == 1


@pytest.mark.parametrize("letter", ["a", "ä"])
def test_a_name_is_no_longer_than_files_may_be_called(
    small: SmallProject, tmp_path: Path, letter: str
) -> None:
    longest = letter * (200 // len(letter.encode()))
    path = scan_file(tmp_path / "other.nii.gz")
    added = add_scan(small.project, path, by=small.ann, name=longest, copy=True)
    assert read_scan(small.project, added.id).geometry.shape == SHAPE
    with pytest.raises(InputError, match=r"of a scan takes 20[12] bytes; expected 200 at most"):
        add_scan(small.project, path, by=small.ann, name=longest + letter, copy=True)
