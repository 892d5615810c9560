"""--spacing: a scan whose header lost its spacing is treated as the one that kept it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest

from fewslice.cli.main import run
from fewslice.cli.options import parse_spacing
from fewslice.errors import InputError
from fewslice.example import labels_path, scan_path
from fewslice.io import read_labels
from tests.support.datasets import write_dataset
from tests.support.scan_pools import write_drawn, write_model, write_scan
from tests.support.sparse_scans import files

Array = npt.NDArray[Any]

THICK = 4  # every fourth slice of the bundled scan is kept, so that its spacing matters


def save(path: Path, array: Array, affine: Array) -> Path:
    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with thick slices of the bundled scan: as they are, and with ones."""
    folder = tmp_path_factory.mktemp("example")
    scan, labels = nib.load(scan_path()), nib.load(labels_path())
    affine = scan.affine @ np.diag([1, THICK, 1, 1])
    ones = affine.copy()
    ones[:3, :3] /= np.linalg.norm(ones[:3, :3], axis=0)
    values = np.asarray(scan.dataobj)[:, ::THICK]
    drawn = np.asarray(labels.dataobj)[:, ::THICK].copy()
    drawn[:, [at for at in range(drawn.shape[1]) if at not in (8, 12)]] = 0
    for name, grid in (("right", affine), ("ones", ones)):
        save(folder / name / "scan.nii.gz", values, grid)
        save(folder / name / "labels.nii.gz", drawn, grid)
    return folder


def spacing_of(folder: Path) -> str:
    steps = nib.load(folder / "right" / "scan.nii.gz").header.get_zooms()
    return ",".join(f"{step:.6g}" for step in steps)


def segment(folder: Path, name: str, output: Path, *more: str) -> Array:
    scan, labels = folder / name / "scan.nii.gz", folder / name / "labels.nii.gz"
    command = ["segment", str(scan), "--labels", str(labels), "--engine", "random-walker"]
    assert run([*command, "--quiet", "-o", str(output), *more]) == 0
    return read_labels(output).array


@pytest.mark.slow
def test_segment_answers_as_if_the_header_were_right_and_repeats_the_header(
    folder: Path, tmp_path: Path
) -> None:
    given = ["--spacing", spacing_of(folder), "--report", str(tmp_path / "report.json")]
    right = segment(folder, "right", tmp_path / "right.nii.gz")
    wrong = segment(folder, "ones", tmp_path / "ones.nii.gz")
    fixed = segment(folder, "ones", tmp_path / "fixed.nii.gz", *given)
    np.testing.assert_array_equal(fixed, right)
    assert (wrong != right).any()
    read, written = (
        nib.load(path).header
        for path in (folder / "ones" / "scan.nii.gz", tmp_path / "fixed.nii.gz")
    )
    for field in ("pixdim", "sform_code", "qform_code", "srow_x", "srow_y", "srow_z", "quatern_b"):
        np.testing.assert_array_equal(read[field], written[field])
    report = json.loads((tmp_path / "report.json").read_text())
    steps = [float(step) for step in spacing_of(folder).split(",")]
    assert report["geometry"]["spacing_mm"] == pytest.approx(steps)
    first = report["labels"][0]
    assert first["ml"] == pytest.approx(first["voxels"] * np.prod(steps) / 1000)
    assert "in place of the scan's own" in report["remarks"][0]


@pytest.mark.slow
def test_suggest_says_the_same_as_for_the_right_header(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for name, given in (("right", ()), ("ones", ("--spacing", spacing_of(folder)))):
        scan, labels = folder / name / "scan.nii.gz", folder / name / "labels.nii.gz"
        assert run(["suggest", str(scan), "--labels", str(labels), "-n", "2", *given]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


def test_info_shows_the_spacing_and_where_it_comes_from(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan, labels = folder / "ones" / "scan.nii.gz", folder / "ones" / "labels.nii.gz"
    assert run(["info", str(scan)]) == 0
    assert "1, 1, 1 mm, from the file's header" in capsys.readouterr().out
    assert run(["info", str(scan), "--labels", str(labels), "--spacing", "1,5,2"]) == 0
    shown = capsys.readouterr().out
    assert "1, 5, 2 mm, as given" in shown
    assert "in place of the scan's own, 1, 1, 1 mm" in shown
    assert "Annotated     coronal 8, 12" in shown


def test_segment_many_does_not_mix_spacings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scan(tmp_path / "scans", "a", 0)
    write_drawn(tmp_path / "labels", "a", 2, 4)
    places = ["--labels", str(tmp_path / "labels"), "-o", str(tmp_path / "out")]
    fast = ["--engine", "interpolation", "--workers", "1", "--json"]
    command = ["segment-many", str(tmp_path / "scans"), *places, *fast]
    assert run([*command, "--spacing", "1,1,9"]) == 0
    (done,) = json.loads(capsys.readouterr().out)["finished"]
    assert "given, 1, 1, 9 mm, is used in place" in done["remarks"][0]
    for other in ((), ("--spacing", "1,1,8")):
        assert run([*command, *other]) == 2
        assert "choose another" in capsys.readouterr().err
    assert run([*command, "--spacing", "1,1,9"]) == 0
    assert json.loads(capsys.readouterr().out)["earlier"] == 1


def test_a_pool_is_ranked_with_the_spacing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person draws longer on pixels ten times as large."""
    write_scan(tmp_path / "data" / "imagesTr", "a", 0)
    model = write_model(tmp_path / "model")
    seconds = []
    for given in ((), ("--spacing", "10,10,10")):
        command = ["suggest-pool", str(tmp_path / "data"), "--model", str(model)]
        assert run([*command, "--what", "scans", "--workers", "1", "--json", *given]) == 0
        seconds.append(json.loads(capsys.readouterr().out)["items"][0]["seconds"])
    assert seconds[1] > seconds[0]


@pytest.mark.slow
def test_train_learns_with_the_spacing(tmp_path: Path) -> None:
    images, labels = files(tmp_path)
    command = ["train", "--images", str(images), "--labels", str(labels), "--steps", "1"]
    model = tmp_path / "model"
    assert run([*command, "--model", str(model), "--quiet", "--spacing", "2,2,11"]) == 0
    described = json.loads((model / "versions" / "0001" / "model.json").read_text())
    assert (described["grid"]["step"], described["grid"]["pixel"]) == (11, [2, 2])


@pytest.mark.slow
@pytest.mark.parametrize("command", ["evaluate", "simulate"])
def test_measuring_goes_by_the_spacing(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dataset(tmp_path / "Tiny", cases=["a"])
    fast = {
        "evaluate": ["--engines", "interpolation", "--slices", "3", "--jobs", "1"],
        "simulate": ["--engine", "interpolation", "--budget", "2", "--workers", "1"],
    }[command]
    output = tmp_path / "out"
    if command == "simulate":
        fast += ["--strategies", "strided-extent-known"]
    call = [command, str(data), "-o", str(output), "--quiet", *fast]
    assert run([*call, "--spacing", "1,1,9"]) == 0
    capsys.readouterr()
    assert run(call) == 2
    assert "choose another" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["1,1", "1,1,1,1", "1,1,0", "1,-1,1", "1,1,inf", "1,1,nan", "a"])
def test_what_is_no_spacing_gets_one_sentence(
    text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["info", str(folder / "ones" / "scan.nii.gz"), "--spacing", text]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"fewslice: Cannot read {text!r} as a spacing; write three positive numbers in mm with "
        "commas, one for each array axis, such as 0.7,0.7,5."
    )
    with pytest.raises(InputError):
        parse_spacing(text)
