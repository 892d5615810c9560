"""Which file names the structures of a label map."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import ReadError, codes_of
from fewslice.io import read_labels, write_labels
from fewslice.io.names.find import read_names
from fewslice.volumes import Geometry, LabelMap

SNAP = '1 255 0 0 1 1 1 "{}"\n2 0 255 0 1 1 1 "rod"\n9 0 0 255 1 1 1 "not there"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder labelsTr of a data set with one label map."""
    array = np.zeros((4, 4, 4), np.uint8)
    array[1], array[2] = 1, 2
    (tmp_path / "labelsTr").mkdir()
    grid = Geometry.from_spacing(array.shape)
    write_labels(tmp_path / "labelsTr" / "a.nii.gz", LabelMap(array, grid))
    return tmp_path / "labelsTr"


def names(folder: Path) -> dict[int, str]:
    return read_labels(folder / "a.nii.gz").names


def describe(path: Path, *called: str) -> None:
    path.write_text(json.dumps({"labels": {name: n for n, name in enumerate(called, 1)}}))


def test_nothing_names_them(folder: Path) -> None:
    (folder / "notes.txt").write_text("Drawn by hand on 3 May.\n")
    assert names(folder) == {}


def test_the_nearest_file_counts(folder: Path) -> None:
    describe(folder.parent / "dataset.json", "ball above")
    assert names(folder) == {1: "ball above"}
    (folder / "labels.txt").write_text(SNAP.format("ball beside"))
    assert names(folder) == {1: "ball beside", 2: "rod"}
    (folder / "a.label").write_text(SNAP.format("own ball"))
    (folder / "b.label").write_text(SNAP.format("of another"))
    found = read_labels(folder / "a.nii.gz")
    assert found.names == {1: "own ball", 2: "rod"}  # 9 is not in the label map
    assert found.colours == {1: (1.0, 0.0, 0.0), 2: (0.0, 1.0, 0.0)}


def test_two_files_that_differ_are_not_used(folder: Path) -> None:
    describe(folder / "dataset.json", "ball here")
    (folder / "labels.txt").write_text(SNAP.format("ball beside"))
    found = read_labels(folder / "a.nii.gz")
    assert found.names == {}
    assert codes_of(found.remarks) == {"names-unclear"}
    assert "Both labels.txt and dataset.json" in found.remarks[0]
    (folder / "dataset.json").unlink()
    (folder / "copy.txt").write_text(SNAP.format("ball beside"))
    assert names(folder) == {1: "ball beside", 2: "rod"}  # two that say the same leave no doubt
    (folder / "copy.txt").unlink()
    describe(folder / "dataset.json", "ball beside", "rod")
    assert read_labels(folder / "a.nii.gz").colours[1] == (1.0, 0.0, 0.0)  # of the table


def test_a_label_to_ignore_is_said(folder: Path) -> None:
    describe(folder.parent / "dataset.json", "ball", "ignore")
    found = read_labels(folder / "a.nii.gz")
    assert found.names == {1: "ball"}
    assert codes_of(found.remarks) == {"label-to-ignore"}
    assert "--ignore-label 2" in found.remarks[0]
    (folder.parent / "dataset.json").write_text('{"labels": {"ball": 1, "ignore": 5}}')
    assert read_labels(folder / "a.nii.gz").remarks == ()  # 5 is not in the label map


def test_a_damaged_description_is_no_reason_to_refuse_labels(folder: Path) -> None:
    (folder.parent / "dataset.json").write_text("{")
    assert names(folder) == {}
    (folder.parent / "dataset.json").write_text("[1]")
    assert names(folder) == {}


def test_a_file_given_must_name_something(folder: Path) -> None:
    describe(folder / "names.json", "ball")
    assert [each.name for each in read_names(folder / "names.json")] == ["ball"]
    with pytest.raises(ReadError, match=r"missing\.txt is no file"):
        read_names(folder / "missing.txt")
    (folder / "notes.txt").write_text("Drawn by hand on 3 May.\n")
    with pytest.raises(ReadError, match=r"notes\.txt names no structures in a way that is known"):
        read_names(folder / "notes.txt")
