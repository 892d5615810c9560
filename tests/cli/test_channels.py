"""Channels in files of their own, and paths of every kind, on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice.cli.main import run
from fewslice.io import read_image, read_labels, write_image, write_labels
from fewslice.volumes import Geometry, Image
from tests.support.command_line import refused
from tests.support.scan_pools import GEOMETRY, SHAPE, scan_array, write_drawn

# Every second voxel of the scan along each axis: the same place on another grid.
COARSE = Geometry((5, 6, 4), GEOMETRY.affine @ np.diag([2.0, 2.0, 2.0, 1.0]))
FAST = ["--engine", "interpolation", "--quiet"]


def save(path: Path, number: int = 0, geometry: Geometry = GEOMETRY) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    step = 1 if geometry is GEOMETRY else 2
    write_image(path, Image(scan_array(number)[::step, ::step, ::step], geometry))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of a CT, a PET on another grid, and labels of some slices."""
    save(tmp_path / "ct.nii.gz")
    save(tmp_path / "pet.nii.gz", 1, COARSE)
    write_drawn(tmp_path, "labels", 2, 4)
    return tmp_path


def reported(folder: Path, scan: str, *more: str) -> dict[str, Any]:
    """Segment and return the report."""
    given = ["segment", str(folder / scan), *FAST, "-o", str(folder / "out.nii.gz")]
    assert run([*given, "--report", str(folder / "report.json"), *more]) == 0
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def told(capsys: pytest.CaptureFixture[str], *given: str) -> dict[str, Any]:
    """Return what `fewslice info` says."""
    assert run(["info", *given, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_channel_on_another_grid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pet, labels = str(folder / "pet.nii.gz"), str(folder / "labels.nii.gz")
    report = reported(folder, "ct.nii.gz", "--channel", pet, "--labels", labels)
    assert report["inputs"]["channels"] == [pet]
    assert report["geometry"]["shape"] == list(SHAPE)
    assert any("is resampled to those of" in remark for remark in report["remarks"])
    assert read_labels(folder / "out.nii.gz").geometry.same_grid(GEOMETRY)
    found = told(capsys, str(folder / "ct.nii.gz"), "--channel", pet, "--labels", labels)
    # On the coarse voxels, the values of the scan of number 1: twice those of number 0.
    assert [each["maximum"] for each in found["scan"]["channels"]] == [1.0, 2.0]
    assert any("is resampled to those of" in remark for remark in found["remarks"])


def test_a_channel_is_never_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pet = str(folder / "pet.nii.gz")
    given = ["segment", str(folder / "ct.nii.gz"), "--labels", str(folder / "labels.nii.gz")]
    assert "is an input as well" in refused([*given, "--channel", pet, "-o", pet], capsys)
    adapt = ["adapt", *given[1:], "--channel", pet, "-o", pet]
    assert "is an input as well" in refused(adapt, capsys)


def test_channels_beside_the_first_and_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = str(save(tmp_path / "imagesTr" / "A_0000.NII.GZ"))
    second = save(tmp_path / "imagesTr" / "A_0001.NII.GZ", 1)
    labels = str(write_drawn(tmp_path, "A", 2, 4))
    report = reported(tmp_path, "imagesTr/A_0000.NII.GZ", "--labels", labels)
    assert report["inputs"]["channels"] == [str(second)]
    assert "A_0001.NII.GZ beside" in report["remarks"][0]
    given = ["segment", first, "--labels", labels, "-o", str(second)]
    assert "is an input as well" in refused(given, capsys)
    report = reported(tmp_path, "imagesTr/A_0000.NII.GZ", "--labels", labels, "--alone")
    assert "channels" not in report["inputs"]
    assert len(told(capsys, first)["scan"]["channels"]) == 2
    assert len(told(capsys, first, "--alone")["scan"]["channels"]) == 1


@pytest.mark.slow
def test_channels_beside_the_first_on_another_grid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found without a dataset.json, of the scan itself and of support; each command says so."""
    for case in ("A", "B"):
        save(tmp_path / "images" / f"{case}_0000.nii.gz")
        save(tmp_path / "images" / f"{case}_0001.nii.gz", 1, COARSE)
    scan, other = (str(tmp_path / "images" / f"{case}_0000.nii.gz") for case in ("A", "B"))
    labels = str(write_drawn(tmp_path / "drawn", "A", 2, 4))
    whole = write_drawn(tmp_path / "drawn", "B", 1, 2, 3, 4, 5)
    said = "brought from another grid ({}_0001.nii.gz); --alone"
    report = reported(
        tmp_path, "images/A_0000.nii.gz", "--labels", labels, "--support", f"{other}={whole}"
    )
    for case in ("A", "B"):
        assert any(said.format(case) in remark for remark in report["remarks"])
    found = told(capsys, scan, "--labels", labels)
    assert [each["maximum"] for each in found["scan"]["channels"]] == [1.0, 2.0]
    assert any(said.format("A") in remark for remark in found["remarks"])
    given = ["--labels", labels, "--strategy", "strided", "--support", f"{other}={whole}"]
    assert run(["suggest", scan, *given]) == 0
    assert said.format("A") in capsys.readouterr().out
    # Labels of A_0001 make it a scan of its own.
    write_drawn(tmp_path / "drawn", "A_0001", 1)
    assert len(told(capsys, scan, "--labels", labels)["scan"]["channels"]) == 1


def test_channels_of_support_scans(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also paths that hold the signs that part them, and support found beside its first file."""
    ct, pet = save(folder / "a+b=c" / "ct.nii.gz"), save(folder / "a+b=c" / "pet+1.nii.gz", 1)
    labels = write_drawn(folder / "a+b=c", "labels", 1, 2, 3, 4, 5)
    save(folder / "B_0000.nii.gz")
    save(folder / "B_0001.nii.gz", 1)
    whole = write_drawn(folder, "B", 1, 2, 3, 4, 5)
    own = ["segment", str(folder / "ct.nii.gz"), "--labels", str(folder / "labels.nii.gz")]
    own += ["--channel", str(folder / "pet.nii.gz"), "--engine", "interpolation"]
    own += ["-o", str(folder / "out.nii.gz")]
    for scan, drawn in ((f"{ct}+{pet}", labels), (str(folder / "B_0000.nii.gz"), whole)):
        assert run([*own, "--support", f"{scan}={drawn}", "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["inputs"]["support"] == [[scan, str(drawn)]]
    assert "Support scan 1 has 1 channels" in refused([*own, "--support", f"{ct}={labels}"], capsys)
    lost = f"{ct}+{folder / 'lost.nii.gz'}={labels}"
    assert "lost.nii.gz does not exist" in refused([*own, "--support", lost], capsys)


def test_suggest_sees_all_channels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(folder / "ct.nii.gz"), "--channel", str(folder / "pet.nii.gz")]
    given += ["--labels", str(folder / "labels.nii.gz"), "--strategy", "strided"]
    assert run(["suggest", *given]) == 0
    assert "is resampled to those of" in capsys.readouterr().out


def test_channels_of_other_places_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = GEOMETRY.affine.copy()
    away[2, 3] = 900
    other = str(save(folder / "away.nii.gz", 1, Geometry(COARSE.shape, away)))
    found = refused(["info", str(folder / "ct.nii.gz"), "--channel", other], capsys)
    assert "does not overlap" in found


def test_a_segmentation_beside_a_scan_of_its_name(folder: Path) -> None:
    scan = save(folder / "A.NRRD")
    drawn = read_labels(folder / "labels.nii.gz")
    write_labels(folder / "A.SEG.NRRD", drawn)
    report = reported(folder, scan.name, "--labels", str(folder / "A.SEG.NRRD"))
    assert report["inputs"]["labels"].endswith("A.SEG.NRRD")
    assert read_image(scan).array.shape == SHAPE
