"""Folders of DICOM series, and their channels, in the commands that take folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from fewslice.cli.main import run
from fewslice.io import read_image, read_labels, write_image, write_labels
from fewslice.volumes import LabelMap
from tests.support.command_line import refused
from tests.support.dicom_samples import write_series
from tests.support.scan_pools import scan_array

VOLUME = (100 * np.moveaxis(scan_array(0), 2, 0).transpose(0, 2, 1)).astype(np.int16)
PET: dict[str, Any] = {"SeriesInstanceUID": "1.2.77", "SeriesNumber": 2}
GAP = "IM004.dcm"  # of 7 slices the fourth


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return scans A and B, each a folder of two series, one slice of B missing, and labels."""
    for number, name in enumerate("AB"):
        series: dict[str, Any] = {"SeriesInstanceUID": f"1.2.{number + 5}", "SeriesNumber": 1}
        patient: dict[str, Any] = {"PatientID": name, "StudyInstanceUID": f"1.9.{number}"}
        write_series(tmp_path / "scans" / name / "ct", VOLUME, **series, **patient)
        write_series(tmp_path / "scans" / name / "pet", VOLUME, **{**PET, **patient})
        scan = read_image(tmp_path / "scans" / name / "ct")
        array = np.zeros(scan.array.shape, np.uint8)
        array[..., [2, 5]] = (scan.array > 0)[..., [2, 5]]
        (tmp_path / "labels").mkdir(exist_ok=True)
        write_labels(tmp_path / "labels" / f"{name}.nii.gz", LabelMap(array, scan.geometry))
    (tmp_path / "scans" / "B" / "ct" / GAP).unlink()
    return tmp_path


def many(folder: Path, *more: str) -> list[str]:
    given = ["segment-many", str(folder / "scans"), "--labels", str(folder / "labels")]
    given += ["-o", str(folder / "out"), "--engine", "interpolation", "--workers", "1"]
    return [*given, *more]


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_series_is_chosen_and_its_gaps_filled(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(many(folder)) == 1
    assert "choose it with --series NUMBER" in capsys.readouterr().err
    assert run(many(folder, "--series", "1", "--quiet")) == 1
    assert "B was left out" in (lost := capsys.readouterr().err)
    assert "--fill-gaps" in lost
    assert run(many(folder, "--series", "1", "--fill-gaps", "--json")) == 0
    a, b = printed(capsys)["finished"]
    assert (a["case"], a["output"]) == ("A", "A.nii.gz")
    assert any("1 slice is missing" in remark for remark in b["remarks"])


@pytest.mark.slow
def test_results_in_dicom_belong_to_the_series_of_their_scan(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dicom = ["--series", "1", "--fill-gaps", "--name", "1=Liver"]
    assert run(many(folder, *dicom, "--suffix", ".dcm", "--json")) == 0
    assert [each["output"] for each in printed(capsys)["finished"]] == ["A.dcm", "B.dcm"]
    for number, name in enumerate("AB"):
        found = dcmread(folder / "out" / f"{name}.dcm")
        assert found.Modality == "SEG"
        assert (found.PatientID, found.StudyInstanceUID) == (name, f"1.9.{number}")
        assert found.ReferencedSeriesSequence[0].SeriesInstanceUID == f"1.2.{number + 5}"
        assert found.SegmentSequence[0].SegmentLabel == "Liver"
    plain = many(folder, *dicom, "--json")
    plain[plain.index("-o") + 1] = str(folder / "plain")
    assert run(plain) == 0
    assert printed(capsys)["finished"][0]["names"] == {"1": "Liver"}
    scan = read_image(folder / "scans" / "A" / "ct")
    expected = read_labels(folder / "plain" / "A.nii.gz").array
    np.testing.assert_array_equal(read_labels(folder / "out" / "A.dcm", scan).array, expected)


@pytest.mark.slow
def test_outlines_and_anonymous_results(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dicom = ["--series", "1", "--fill-gaps", "--suffix", "-rtstruct.dcm", "--anonymise", "--json"]
    assert run(many(folder, *dicom)) == 0
    assert printed(capsys)["finished"][1]["output"] == "B-rtstruct.dcm"
    found = dcmread(folder / "out" / "A-rtstruct.dcm")
    assert (found.Modality, found.PatientID) == ("RTSTRUCT", "")
    assert "--anonymise is for results in DICOM" in refused(many(folder, "--anonymise"), capsys)


def test_scans_in_other_formats_have_no_series(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "nifti").mkdir()
    write_image(folder / "nifti" / "A.nii.gz", read_image(folder / "scans" / "A" / "ct"))
    given = ["segment-many", str(folder / "nifti"), "--labels", str(folder / "labels")]
    given += ["-o", str(folder / "out"), "--engine", "interpolation", "--workers", "1"]
    assert "none of the 1 scans is a DICOM folder" in refused([*given, "--series", "1"], capsys)
    assert run([*given, "--suffix", ".dcm"]) == 1
    assert "A was left out" in (said := capsys.readouterr().err)
    assert "needs the DICOM series of the scan" in said


@pytest.mark.slow
def test_folders_may_be_channels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ct = write_series(tmp_path / "scans" / "A_0000", VOLUME)
    write_series(tmp_path / "scans" / "A_0001", VOLUME[::2], step=4.0, **PET)
    scan = read_image(ct)
    array = np.zeros(scan.array.shape, np.uint8)
    array[..., [2, 5]] = (scan.array > 0)[..., [2, 5]]
    (tmp_path / "labels").mkdir()
    write_labels(tmp_path / "labels" / "A.nii.gz", LabelMap(array, scan.geometry))
    assert run(many(tmp_path, "--suffix", ".dcm", "--json")) == 0
    (found,) = printed(capsys)["finished"]
    assert any("is resampled to those of" in remark for remark in found["remarks"])
    source = dcmread(tmp_path / "out" / "A.dcm").ReferencedSeriesSequence[0]
    assert source.SeriesInstanceUID == "1.2.826.0.1.3680043.8.498.1"
