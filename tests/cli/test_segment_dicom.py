"""`fewslice segment` on a DICOM series, with results in DICOM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from fewslice import example
from fewslice.cli.main import run
from fewslice.io import DicomOutput, read_image, read_labels, write_labels
from fewslice.volumes import LabelMap
from tests.support.command_line import refused, save
from tests.support.dicom_results import PATIENT, SHAPE, phantom, series_of, write_oriented

AXIAL = [1, 0, 0, 0, 1, 0]


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return write_oriented(tmp_path / "series", AXIAL)


@pytest.fixture
def basic(series: Path, tmp_path: Path) -> list[str]:
    scan = read_image(series)
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[..., [1, 3]] = phantom()[..., [1, 3]]
    write_labels(tmp_path / "drawn.nii.gz", LabelMap(drawn, scan.geometry))
    labels = ["--labels", str(tmp_path / "drawn.nii.gz")]
    return ["segment", str(series), *labels, "--engine", "interpolation"]


def test_results_are_written_as_dicom(
    basic: list[str], series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "out.nii.gz"
    assert run([*basic, "-o", str(plain)]) == 0
    expected, scan = read_labels(plain).array, read_image(series)
    for name, more, modality in (
        ("out.dcm", [], "SEG"),
        ("out2.dcm", ["--dicom-type", "labelmap"], "SEG"),
        ("out-rtstruct.dcm", [], "RTSTRUCT"),
    ):
        path = tmp_path / name
        assert run([*basic, "-o", str(path), "--name", "2=Liver", *more]) == 0
        assert dcmread(path).Modality == modality
        found = read_labels(path, scan)
        assert np.array_equal(found.array, expected)
        assert found.names[2] == "Liver"
    shown = capsys.readouterr()
    assert not any(value in shown.out + shown.err for value in PATIENT.values() if value != "F")


def test_probabilities_are_written_as_channels_or_fractions(
    basic: list[str], tmp_path: Path
) -> None:
    chances = tmp_path / "chances.nii.gz"
    fractions = tmp_path / "chances.dcm"
    for path in (chances, fractions):
        out = tmp_path / "out.dcm"
        assert run([*basic, "-o", str(out), "--probability", str(path), "--quiet"]) == 0
    assert read_image(chances).array.shape == (2, *SHAPE)
    assert dcmread(fractions).SegmentationType == "FRACTIONAL"


def test_the_series_of_a_copy_is_named(basic: list[str], series: Path, tmp_path: Path) -> None:
    scan = read_image(series)
    copy = save(tmp_path / "copy.nii.gz", scan.array, scan.geometry.affine)
    given = ["segment", str(copy), *basic[2:], "-o", str(tmp_path / "out.dcm"), "--quiet"]
    assert run([*given, "--source", str(series), "--anonymise"]) == 0
    written = dcmread(tmp_path / "out.dcm")
    assert (written.PatientID, written.PatientIdentityRemoved) == ("", "YES")


def test_labels_may_be_a_seg_or_outlines(basic: list[str], series: Path, tmp_path: Path) -> None:
    drawn = read_labels(tmp_path / "drawn.nii.gz")
    plain = tmp_path / "out.nii.gz"
    assert run([*basic, "-o", str(plain), "--quiet"]) == 0
    for name in ("drawn.dcm", "rtstruct.dcm"):
        given = DicomOutput(series, {7: "Spleen"})
        write_labels(tmp_path / name, drawn, dicom=given)
        out = tmp_path / f"from-{name}"
        again = ["segment", str(series), "--labels", str(tmp_path / name), *basic[4:]]
        assert run([*again, "-o", str(out), "--quiet"]) == 0
        found = read_labels(out, read_image(series))
        assert np.array_equal(found.array, read_labels(plain).array)
        assert found.names[7] == "Spleen"  # the result keeps the names of its labels


def test_refusals(basic: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["-o", str(tmp_path / "out.dcm")]
    copy = save(tmp_path / "copy.nii.gz", np.zeros(SHAPE, np.float32), np.eye(4))
    assert "needs the DICOM series" in refused(["segment", str(copy), *basic[2:], *out], capsys)
    other = ["--source", str(write_oriented(tmp_path / "other", [0, 1, 0, 0, 0, -1]))]
    assert "lies on the voxels" in refused([*basic, *out, *other], capsys)
    assert "1=Liver" in refused([*basic, *out, "--name", "Liver"], capsys)
    plain = ["-o", str(tmp_path / "out.nii.gz")]
    for option in (["--source", basic[1]], ["--anonymise"], ["--dicom-type", "binary"]):
        assert option[0] in refused([*basic, *plain, *option], capsys)
    assert not (tmp_path / "out.dcm").exists()


@pytest.mark.slow
def test_the_bundled_scan_as_a_series(tmp_path: Path) -> None:
    scan, truth = read_image(example.scan_path()), read_labels(example.labels_path())
    series = series_of(tmp_path / "series", scan)
    drawn = np.zeros_like(truth.array)
    chosen = [int(k) for k in np.linspace(18, 50, 5)]
    drawn[..., chosen] = truth.array[..., chosen]
    write_labels(
        tmp_path / "drawn.nii.gz", LabelMap(drawn[::-1, ::-1], read_image(series).geometry)
    )
    names = [f"--name={value}={name}" for value, name in example.label_names().items()]
    given = ["segment", str(series), "--labels", str(tmp_path / "drawn.nii.gz"), *names, "--quiet"]
    given += ["--engine", "interpolation"]
    assert run([*given[:4], *given[-3:], "-o", str(tmp_path / "out.nii.gz")]) == 0
    expected = read_labels(tmp_path / "out.nii.gz").array[::-1, ::-1]
    for value in truth.values:
        mine, theirs = expected == value, truth.array == value
        assert 2 * (mine & theirs).sum() / (mine.sum() + theirs.sum()) > 0.7
    for name in ("out.dcm", "out-rtstruct.dcm"):
        out = tmp_path / name
        assert run([*given, "-o", str(out)]) == 0
        answer = read_labels(out, scan).array  # on the grid of the NIfTI file it came from
        assert np.array_equal(answer, expected)
        assert np.array_equal(answer[..., chosen], drawn[..., chosen])
