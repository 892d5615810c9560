"""`fewslice demo`: parallel slices, scores, files to open, and a command that works."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fewslice import example
from fewslice.cli.demo import only_slices, parallel_slices
from fewslice.cli.main import run
from fewslice.io import read_labels, write_labels

pytestmark = pytest.mark.slow


def test_sagittal_slices_show_every_structure() -> None:
    reference = read_labels(example.labels_path())
    places = parallel_slices(reference)
    assert [axis for axis, _ in places] == [0] * 5
    assert {b - a for (_, a), (_, b) in pairwise(places)} <= {7, 8}
    sparse = reference.with_array(only_slices(reference, places))
    assert sparse.values == reference.values


def test_the_demo_can_be_run_again_and_its_command_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "a demo"
    assert run(["demo", "-o", str(folder)]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    scores = {
        name: float(score) for name, score in re.findall(r"(left [a-z ]+?) +(0\.\d+)", shown.out)
    }
    assert list(scores) == list(example.label_names().values())
    assert min(scores.values()) > 0.7
    assert "Picture: " in shown.out
    assert not any(line.endswith("..") for line in shown.out.splitlines())
    assert str(folder / "result.png") in shown.out
    assert (folder / "result.png").read_bytes().startswith(b"\x89PNG")
    command = shlex.split(shown.out.splitlines()[-1])
    assert command[0] == "fewslice"
    assert run([*command[1:], "--quiet"]) == 0
    mine, result = read_labels(folder / "mine.nii.gz"), read_labels(folder / "result.nii.gz")
    assert np.array_equal(mine.array, result.array)


def test_slices_that_a_person_drew_on_are_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = read_labels(example.labels_path())
    write_labels(tmp_path / "annotated.nii.gz", reference)
    before = (tmp_path / "annotated.nii.gz").read_bytes()
    assert run(["demo", "-o", str(tmp_path)]) == 2
    assert "never changed" in capsys.readouterr().err
    assert (tmp_path / "annotated.nii.gz").read_bytes() == before
    assert not (tmp_path / "result.nii.gz").exists()


def test_a_folder_that_cannot_be_made_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert run(["demo", "-o", str(tmp_path / "file")]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert (tmp_path / "file").read_text() == "mine"
