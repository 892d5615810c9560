"""`fewslice info`: text and JSON for scans, labels and label maps given as scans."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from fewslice.cli.main import run
from fewslice.io.dicom import read as dicom
from tests.support.dicom_samples import write_series

SHAPE = (16, 14, 10)
AFFINE = np.diag([1.0, -1.0, 3.0, 1.0])


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    values = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / "scan.nii.gz")
    return tmp_path / "scan.nii.gz"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    values = np.zeros(SHAPE, np.uint8)
    values[4:10, 4:10, (2, 6)] = 3
    values[0, 0, 2] = 255
    nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / "labels.nii.gz")
    return tmp_path / "labels.nii.gz"


def test_text_about_a_scan(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(scan)]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    for part in (
        "16x14x10 voxels",
        "1, 1, 3 mm",
        "16, 14, 30 mm",
        "RPS",
        "axis 2      10 axial slices (the drawing plane, if in doubt)",
        "int16, 1 channel",
        "0 to 2239, mean 1119.5",
        "Problems      none found",
    ):
        assert part in shown.out


def test_text_about_labels(scan: Path, labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(scan), "--labels", str(labels), "--annotated", "axial:8"]) == 0
    shown = capsys.readouterr().out
    assert "72 voxels, 0.216 ml, drawn on 2 annotated slices" in shown
    assert "Label 255     1 voxel: not looked at" in shown
    assert "Annotated     axial 2, 6; nothing there: axial 8" in shown


def test_headers_of_a_long_series_are_shown_first_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_series(tmp_path / "ct", np.arange(60, dtype=np.int16).reshape(5, 4, 3))
    assert run(["info", str(folder)]) == 0
    expected = capsys.readouterr().out
    monkeypatch.setattr(dicom, "_LONG", 0.0)
    assert run(["info", str(folder)]) == 0
    assert capsys.readouterr().out == expected
    for path in folder.iterdir():  # a compression that nothing decodes
        damaged = dcmread(path)
        damaged.file_meta.TransferSyntaxUID = JPEG2000Lossless
        damaged.PixelData = encapsulate([b"no image"])
        damaged["PixelData"].VR = "OB"
        damaged.save_as(path)
    assert run(["info", str(folder)]) == 2
    shown = capsys.readouterr()
    assert shown.out.startswith("Shape         3x4x5 voxels\nSpacing ")
    assert "Intensities" not in shown.out
    assert "cannot be decoded" in shown.err


def test_json(scan: Path, labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(scan), "--labels", str(labels), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["geometry"]["spacing_mm"] == [1, 1, 3]
    assert found["scan"]["axes"][1]["plane"] == "coronal"
    assert found["labels"]["labels"][0]["value"] == 3
    assert found["problems"] == []


def test_a_label_map_can_be_looked_at_as_well(
    labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["info", str(labels)]) == 0
    assert "as a label map does" in capsys.readouterr().out


def test_labels_of_another_grid_are_a_problem_not_a_failure(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.nii.gz"
    coarse = AFFINE @ np.diag([4, 4, 4, 1])
    nib.save(nib.Nifti1Image(np.ones((4, 4, 4), np.uint8), coarse), other)
    assert run(["info", str(scan), "--labels", str(other)]) == 0
    said = capsys.readouterr().out
    assert "shape: 16x14x10 against 4x4x4" in said
    assert "Label 1" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.nii"], "does not exist"),
        (["{scan}", "--labels", "nowhere.nii"], "does not exist"),
        (["{scan}", "--annotated", "oblique:1"], "choose axial"),
    ],
)
def test_what_cannot_be_read_is_refused(
    arguments: list[str], said: str, scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["info", *(text.format(scan=scan) for text in arguments)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert shown.err.count("\n") == 1


def test_what_was_assumed_of_labels_is_a_problem_and_can_be_overruled(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.zeros(SHAPE, np.uint8)
    values[2:12, 2:12, (2, 7)] = 3
    values[15, 13, 4] = 3
    path = tmp_path / "slip.nii.gz"
    nib.save(nib.Nifti1Image(values, AFFINE), path)
    assert run(["info", str(scan), "--labels", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "Annotated     axial 2, 7\n" in shown
    assert "Problems      Label 3 has only 1 voxel on axial 4" in shown
    for overruled in (["--strict"], ["--annotated", "axial:4"]):
        assert run(["info", str(scan), "--labels", str(path), *overruled]) == 0
        shown = capsys.readouterr().out
        assert "Annotated     axial 2, 4, 7\n" in shown
        assert "has only 1 voxel" not in shown


def test_another_label_is_not_looked_at(
    scan: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["info", str(scan), "--labels", str(labels), "--ignore-label"]
    assert run([*arguments, "none"]) == 0
    assert "Label 255     1 voxel, 3 mm³, drawn on 1 annotated slice" in capsys.readouterr().out
    assert run([*arguments, "3"]) == 0
    assert "Label 3       72 voxels: not looked at" in capsys.readouterr().out
    assert run([*arguments, "many"]) == 2
    assert "'many' as the label to ignore" in capsys.readouterr().err


def test_what_was_assumed_to_read_labels_is_said_once(
    scan: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.asarray(nib.load(labels).dataobj)
    flipped = AFFINE @ np.diag([-1.0, 1, 1, 1])
    flipped[0, 3] = SHAPE[0] - 1
    nib.save(nib.Nifti1Image(values[::-1], flipped), tmp_path / "flipped.nii.gz")
    assert run(["info", str(scan), "--labels", str(tmp_path / "flipped.nii.gz")]) == 0
    assert capsys.readouterr().out.count("in another order") == 1


def test_a_structure_of_255_is_called_so_in_problems(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.zeros(SHAPE, np.uint8)
    values[2:12, 2:12, (2, 7)] = 255
    values[15, 13, 4] = 255
    path = tmp_path / "high.nii.gz"
    nib.save(nib.Nifti1Image(values, AFFINE), path)
    assert run(["info", str(scan), "--labels", str(path), "--ignore-label", "none"]) == 0
    assert "Problems      Label 255 has only 1 voxel on axial 4" in capsys.readouterr().out
