"""`fewslice oct`: from an OCT file to measures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from fewslice.cli.main import run
from fewslice.io import read_image, write_labels
from fewslice.io.oct.info import KIND
from fewslice.volumes import LabelMap
from tests.support.command_line import refused
from tests.support.oct_samples import capture, numbered, raw_scan, save_topcon, scan_lengths

SHAPE = (40, 30, 20)
SCAN = numbered(SHAPE)
LENGTHS = ("@PARAM_SCAN_04", scan_lengths(8.0, 8.0, 4.0))  # .2, .004 and .4 mm
EYE = ("@CAPTURE_INFO_02", capture(0))


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return save_topcon(tmp_path / "scan.fds", [("@IMG_SCAN_03", raw_scan(SCAN)), LENGTHS, EYE])


@pytest.fixture
def two(tmp_path: Path) -> Path:
    volumes = [("@IMG_SCAN_03", raw_scan(SCAN)), ("@IMG_SCAN_03", raw_scan(SCAN + 1))]
    return save_topcon(tmp_path / "two.fds", [*volumes, LENGTHS, EYE])


@pytest.fixture
def labels(scan: Path, tmp_path: Path) -> Path:
    array = np.zeros(SHAPE, np.uint8)
    array[:, 10:20] = 1
    array[28:30, 20:25, 10] = 2  # nasal of the fovea at A-scan 20, 1.6 to 1.8 mm away
    write_labels(tmp_path / "labels.nii.gz", LabelMap(array, read_image(scan).geometry))
    return tmp_path / "labels.nii.gz"


def test_info_says_which_eye_and_where_the_spacing_comes_from(
    scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["oct", "info", str(scan)]) == 0
    shown = capsys.readouterr().out
    for part in (
        "Topcon .fds",
        "right",
        "40, 0.2 mm apart, computed from lengths",
        "30, 0.004 mm apart, stored in the file",
        "(assumed)",
    ):
        assert part in shown


def test_info_as_json(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["oct", "info", str(scan), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["laterality"] == "R"
    assert told["spacing_mm"] == pytest.approx([0.2, 0.004, 0.4])
    assert len(told["motion_voxels"]) == 20


def test_info_lists_volumes(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["oct", "info", str(two)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["1", "IMG_SCAN_03", "1"],
        ["2", "IMG_SCAN_03", "2"],
    ]
    assert run(["oct", "info", str(two), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["volumes"] == ["IMG_SCAN_03 1", "IMG_SCAN_03 2"]
    assert run(["oct", "info", str(two), "--series", "2"]) == 0
    assert "Topcon" in capsys.readouterr().out


def test_convert_keeps_what_else_is_known(two: Path, tmp_path: Path) -> None:
    output = tmp_path / "converted.nii.gz"
    assert run(["oct", "convert", str(two), "--series", "2", "-o", str(output)]) == 0
    image = read_image(output)
    assert np.array_equal(image.array, SCAN + 1)
    assert image.geometry.spacing == pytest.approx((0.2, 0.004, 0.4))
    assert image.geometry.axis_codes == ("L", "P", "I")
    told = json.loads((tmp_path / "converted.oct.json").read_text(encoding="utf-8"))
    assert told["laterality"] == "R"
    assert told["spacing_from"] == ["computed", "stored", "computed"]


def test_convert_with_a_spacing_writes_it(scan: Path, tmp_path: Path) -> None:
    output = tmp_path / "converted.nii.gz"
    arguments = ["oct", "convert", str(scan), "-o", str(output), "--spacing", "0.01,0.004,0.1"]
    assert run(arguments) == 0
    assert read_image(output).geometry.spacing == pytest.approx((0.01, 0.004, 0.1))
    told = json.loads((tmp_path / "converted.oct.json").read_text(encoding="utf-8"))
    assert told["spacing_from"] == ["given"] * 3


def sectors(folder: Path) -> dict[tuple[str, str], float]:
    with (folder / "sectors.csv").open(encoding="utf-8") as stream:
        return {
            (row["label"], row["sector"]): float(row["volume_nl"]) for row in csv.DictReader(stream)
        }


@pytest.mark.slow
def test_measure(
    scan: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "measured"
    arguments = ["oct", "measure", str(scan), str(labels), "-o", str(folder), "--fovea", "10,20"]
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    # 2 A-scans of .08 mm² with 20 micrometres are 3.2 nL; 800 A-scans with 40 are 2560 nL
    assert "Label 2     3.2 nL, 20 µm thick" in shown
    assert "Label 1     2560 nL, 40 µm thick" in shown
    assert "--directions" in shown
    assert sectors(folder)["2", "outer nasal"] == pytest.approx(3.2)


@pytest.mark.slow
def test_measure_for_the_other_eye_and_direction(scan: Path, labels: Path, tmp_path: Path) -> None:
    folder = tmp_path / "measured"
    told = ["--fovea", "10,20", "--eye", "OS", "--directions", "L,S"]
    assert run(["oct", "measure", str(scan), str(labels), "-o", str(folder), *told]) == 0
    assert sectors(folder)["2", "outer temporal"] == pytest.approx(3.2)


@pytest.mark.slow
def test_measure_what_was_converted(scan: Path, labels: Path, tmp_path: Path) -> None:
    output = tmp_path / "converted.nii.gz"
    assert run(["oct", "convert", str(scan), "-o", str(output)]) == 0
    stored = read_image(output).stored
    assert stored is not None
    assert stored.kind != KIND
    folder = tmp_path / "measured"
    arguments = ["oct", "measure", str(output), str(labels), "-o", str(folder), "--fovea", "10,20"]
    assert run(arguments) == 0
    assert sectors(folder)["2", "outer nasal"] == pytest.approx(3.2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fovea", "10"], "as a place"),
        (["--fovea", "20,10"], "--fovea ROW,COLUMN"),
        (["--eye", "X"], "as an eye"),
        (["--fovea", "10,20", "--directions", "L,R"], "--directions"),
    ],
)
def test_what_cannot_be_understood_is_refused(
    scan: Path,
    labels: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    folder = scan.parent / "measured"
    base = ["oct", "measure", str(scan), str(labels), "-o", str(folder)]
    assert sentence in refused([*base, *arguments], capsys)
    assert not folder.exists()


def test_a_scan_of_no_device_is_refused(labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no OCT device" in refused(["oct", "info", str(labels)], capsys)


def test_a_missing_scan_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "does not exist" in refused(["oct", "info", str(tmp_path / "no.vol")], capsys)


def test_convert_checks_its_output_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a.seg.nrrd"
    said = refused(["oct", "convert", "no.vol", "-o", str(output)], capsys)
    assert f"{output} does not end with" in said


def test_an_input_is_never_replaced(
    scan: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "thickness-1.nii.gz"
    labels.rename(own)
    arguments = ["oct", "measure", str(scan), str(own), "-o", str(tmp_path)]
    assert "is an input" in refused(arguments, capsys)
