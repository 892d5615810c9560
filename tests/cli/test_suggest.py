"""`fewslice suggest` for one scan: what it says, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fewslice.cli.main import run
from fewslice.io import write_image, write_labels
from fewslice.volumes import Geometry, Image, LabelMap
from fewslice.workflow.suggest import suggest
from tests.support.small_organs import small_organs

PHANTOM = small_organs()
GEOMETRY = Geometry.from_spacing(PHANTOM.truth.shape, PHANTOM.spacing)
SPARSE = PHANTOM.sparse(2, 4, 6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("suggest")
    write_image(path / "scan.nii.gz", Image(PHANTOM.image, GEOMETRY))
    write_labels(path / "labels.nii.gz", LabelMap(SPARSE, GEOMETRY))
    write_labels(path / "empty.nii.gz", LabelMap(np.zeros_like(SPARSE), GEOMETRY))
    write_labels(path / "all.nii.gz", LabelMap(PHANTOM.truth, GEOMETRY))
    coarse = [1.5 * step for step in PHANTOM.spacing]
    small = LabelMap(SPARSE[:-2], Geometry.from_spacing(SPARSE[:-2].shape, coarse))
    write_labels(path / "other.nii.gz", small)
    (path / "broken.nii.gz").write_bytes(b"nothing")
    return path


@pytest.fixture
def basic(folder: Path) -> list[str]:
    return ["suggest", str(folder / "scan.nii.gz"), "--labels", str(folder / "labels.nii.gz")]


@pytest.mark.slow
def test_text(basic: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = run([*basic, "-n", "3"])
    shown = capsys.readouterr()
    assert (code, shown.err) == (0, "")
    *slices, last = shown.out.splitlines()
    assert len(slices) == 3
    assert last.startswith("Expected Dice 0.")
    assert "at least 0." in last
    expected = suggest(Image(PHANTOM.image, GEOMETRY), LabelMap(SPARSE, GEOMETRY), count=3)
    for line, each in zip(slices, expected.slices, strict=True):
        what = "draw" if each.kind == "draw" else "is it there?"
        assert line.startswith(f"{what:12s} {each.plane} {each.index}  (gain {each.gain:+.3f})  ")
        assert line.endswith(each.reason)
    assert last == expected.message


@pytest.mark.slow
def test_json(basic: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--annotated", "axial:0-1,10", "--present", "axial:5", "--seed", "3", "--goal"]
    code = run([*basic, "-n", "4", *options, "0.5", "--json"])
    shown = capsys.readouterr()
    assert (code, shown.err) == (0, "")
    found = json.loads(shown.out)
    assert set(found) == {
        *("slices", "predicted_dice", "predicted_dice_low", "promised_dice"),
        *("remarks", "goal", "may_stop"),
    }
    assert found["remarks"] == []
    assert found["goal"] == 0.5
    assert found["may_stop"] is (found["promised_dice"] >= 0.5)
    expected = suggest(
        Image(PHANTOM.image, GEOMETRY),
        LabelMap(SPARSE, GEOMETRY),
        annotated=[(2, 0), (2, 1), (2, 10)],
        present=[(2, 5)],
        count=4,
        seed=3,
    )
    assert found["predicted_dice"] == pytest.approx(expected.predicted_dice)
    assert len(found["slices"]) == 4
    for mine, theirs in zip(found["slices"], expected.slices, strict=True):
        assert set(mine) == {"plane", "axis", "index", "kind", "gain", "seconds", "reason"}
        assert (mine["axis"], mine["index"], mine["kind"]) == (
            theirs.axis,
            theirs.index,
            theirs.kind,
        )
        assert mine["gain"] == pytest.approx(theirs.gain)


def test_another_strategy(basic: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*basic, "--strategy", "entropy", "-n", "20"]) == 0
    *slices, _ = capsys.readouterr().out.splitlines()
    assert len(slices) == 9  # of 11 two are drawn
    assert all(line.startswith("draw         axial ") for line in slices)


def test_the_goal(basic: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*basic, "--goal", "0.01"]) == 0
    assert capsys.readouterr().out.endswith(": you may stop.\n")
    assert run([*basic, "--goal", "1"]) == 0
    assert capsys.readouterr().out.endswith(": not yet 1.00, go on.\n")


def test_nothing_left_to_ask(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    basic = ["suggest", str(folder / "scan.nii.gz"), "--labels", str(folder / "all.nii.gz")]
    assert run([*basic, "--annotated", "axial:0-10"]) == 0
    nothing, last = capsys.readouterr().out.splitlines()
    assert nothing.startswith("Nothing is left to ask: every slice that may hold")
    assert last == "Expected Dice 1.00, at least 1.00 with 90 % probability: you may stop."
    assert run([*basic, "--annotated", "axial:0-10", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["slices"] == []


def test_other_scans_are_enough_to_judge_by(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = f"{folder / 'scan.nii.gz'}={folder / 'all.nii.gz'}"
    assert run(["suggest", str(folder / "scan.nii.gz"), "--support", pair]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("draw ")
    assert last.startswith("Expected Dice ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["suggest"], "Missing argument 'SCAN'"),
        (["suggest", "scan.nii.gz"], "There is nothing to judge by"),
        (["suggest", "--labels", "labels.nii.gz"], "Missing argument 'SCAN'"),
        (["-n", "0"], "The number of slices to suggest is 0"),
        (["-n", "many"], "'many' is not a valid integer"),
        (["--strategy", "magic"], "no strategy 'magic'; choose one of random"),
        (["--seed", "-1"], "-1 is not in the range"),
        (["--goal", "1.5"], "The goal is 1.5; a Dice lies between 0 and 1"),
        (["--goal", "nan"], "The goal is nan"),
        (["--annotated", "axial:99"], "Slice 99 of the axial plane (array axis 2) does not exist"),
        (["--annotated", "axial"], "Cannot read 'axial' as slices"),
        (["--present", "top:3"], "There is no plane 'top'"),
        (["--present", "axial:99"], "Slice 99 across array axis 2 was said to hold the structure"),
        (["--support", "scan.nii.gz"], "write SCAN=LABELS"),
        (["--labels", "empty.nii.gz"], "holds no annotated slice"),
        (["--labels", "other.nii.gz"], "22x20x11 against 20x20x11"),
        (["--labels", "missing.nii.gz"], "missing.nii.gz"),
        (["--labels", "broken.nii.gz"], "broken.nii.gz"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    options: list[str],
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    basic = ["suggest", "scan.nii.gz", "--labels", "labels.nii.gz"]
    code = run(options if options[0] == "suggest" else [*basic, *options])
    shown = capsys.readouterr()
    assert (code, shown.out) == (2, "")
    assert message in shown.err
    assert shown.err.startswith("fewslice: ")
    assert shown.err.count("\n") == 1


@pytest.mark.slow
def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from fewslice.cli.main import run\n"
        "code = run(['suggest', '--help'])\n"
        "heavy = {'torch', 'scipy', 'sklearn', 'SimpleITK', 'distributed'} & set(sys.modules)\n"
        "sys.exit(code or len(heavy))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--present" in done.stdout
