"""Which files are those of an OCT device, and how they are asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fewslice.errors import InputError, ReadError
from fewslice.io import read_image
from fewslice.io.folder import find_scans
from fewslice.io.oct.info import oct_info, parse_eye
from fewslice.io.oct.read import is_oct, listed_volumes
from fewslice.volumes.respacing import respaced
from fewslice.volumes.spacing import GIVEN, GUESSED, HEADER, spacing_origin, spacing_remarks
from tests.support.oct_samples import (
    SAMPLES,
    numbered,
    raw_scan,
    save_topcon,
    save_zeiss,
    scan_lengths,
)

SCAN = numbered((6, 5, 4))
CHUNKS = [("@IMG_SCAN_03", raw_scan(SCAN)), ("@PARAM_SCAN_04", scan_lengths(6.0, 3.0, 2.6))]


def test_an_xml_file_of_another_kind_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<html></html>", encoding="utf-8")
    assert not is_oct(tmp_path / "a.xml")
    assert not is_oct(tmp_path)
    assert is_oct(SAMPLES / "heidelberg" / "xml")
    with pytest.raises(ReadError, match="suffix"):
        read_image(tmp_path / "a.xml")


def test_a_file_of_another_kind_has_no_list(tmp_path: Path) -> None:
    assert listed_volumes(tmp_path / "missing.nii.gz") == ()


def test_upper_case_suffixes_are_known(tmp_path: Path) -> None:
    assert np.array_equal(read_image(save_topcon(tmp_path / "A.FDS", CHUNKS)).array, SCAN)


def test_a_scan_of_another_kind_has_one_volume(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(SCAN, np.eye(4)), tmp_path / "a.nii.gz")
    assert oct_info(read_image(tmp_path / "a.nii.gz")) is None
    with pytest.raises(InputError, match="--series"):
        read_image(tmp_path / "a.nii.gz", series=1)


def test_oct_files_of_a_folder_are_scans(tmp_path: Path) -> None:
    save_topcon(tmp_path / "one.fds", CHUNKS)
    save_topcon(tmp_path / "two.fda", CHUNKS)
    (tmp_path / "notes.xml").write_text("<notes/>", encoding="utf-8")
    assert [scan.name for scan in find_scans(tmp_path)] == ["one", "two"]


def test_where_a_spacing_comes_from_is_said(tmp_path: Path) -> None:
    stored = read_image(save_topcon(tmp_path / "a.fds", CHUNKS))
    guessed = read_image(save_topcon(tmp_path / "b.fds", CHUNKS[:1]))
    assert spacing_origin(stored) == HEADER
    assert spacing_origin(guessed) == GUESSED
    assert any("device's usual one" in each for each in spacing_remarks(guessed, GUESSED))
    assert spacing_origin(respaced(guessed, (0.5, 0.5, 0.5))) == GIVEN


@pytest.mark.parametrize(("text", "eye"), [("OD", "R"), ("r", "R"), ("left", "L"), (" OS ", "L")])
def test_eyes(text: str, eye: str) -> None:
    assert parse_eye(text) == eye


def test_another_eye_is_refused() -> None:
    with pytest.raises(InputError, match="as an eye"):
        parse_eye("both")


def test_a_missing_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "eyepy", None)
    with pytest.raises(ReadError, match=r'pip install "fewslice\[oct\]"'):
        read_image(SAMPLES / "heidelberg" / "test_volume.vol")


def test_a_guess_goes_with_the_cube(tmp_path: Path) -> None:
    cube = numbered((12, 1024, 10), "uint8")
    image = read_image(save_zeiss(tmp_path / "Cube 12x10_OD.img", cube))
    assert spacing_origin(image) == GUESSED
