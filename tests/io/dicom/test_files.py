"""Which files are DICOM: by their mark, or by how they begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, RLELossless

from fewslice.errors import ReadError
from fewslice.io import read_image
from fewslice.io.dicom.files import dicom_files, is_dicom
from tests.support.dicom_samples import write_series

EXPLICIT = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100"
IMPLICIT = b"\x08\x00\x08\x00\x16\x00\x00\x00ORIGINAL\\PRIMARY\\AXIAL"
BIG = b"\x00\x08\x00\x05CS\x00\x0aISO_IR 100"


@pytest.mark.parametrize("content", [b"\0" * 128 + b"DICM", EXPLICIT, IMPLICIT, BIG])
def test_files_with_and_without_the_mark(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert is_dicom(tmp_path / "a")


@pytest.mark.parametrize(
    "content", [b"", b"DICM", b"\0" * 200, b"\x89PNG\r\n\x1a\n" * 20, b"plain text " * 20]
)
def test_other_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert not is_dicom(tmp_path / "a")


def test_files_of_folders_within_folders(tmp_path: Path) -> None:
    for name in ("b/2", "a/x/1", "a/DICOMDIR", ".hidden/3", "a/.4", "top", "named.dcm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(EXPLICIT)
    (tmp_path / "a" / "notes.txt").write_text("no image")
    found = [str(path.relative_to(tmp_path)) for path in dicom_files(tmp_path)]
    assert found == ["named.dcm", "top", "a/x/1", "b/2"]
    found = [path.name for path in dicom_files(tmp_path, nested=False)]
    assert found == ["named.dcm", "top"]


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, RLELossless])
def test_frames_that_no_file_of_its_size_can_hold_are_refused_at_once(
    tmp_path: Path, syntax: UID
) -> None:
    (file,) = write_series(tmp_path, np.arange(20, dtype=np.int16).reshape(1, 4, 5)).iterdir()
    dataset = dcmread(file)
    if syntax == RLELossless:
        dataset.compress(syntax)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(file, enforce_file_format=True)
    assert read_image(file).array.shape == (5, 4, 1)
    dataset.NumberOfFrames = 40_000_000  # 1.6 GB of pixels
    dataset.save_as(file, enforce_file_format=True)
    with pytest.raises(ReadError, match=r"its pixels need at least \d+ bytes, but it holds"):
        read_image(file)
