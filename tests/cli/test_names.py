"""Names of structures, from where they are found or given to every result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice.cli.main import run
from fewslice.io import DicomOutput, read_image, read_labels, write_labels
from fewslice.volumes import LabelMap
from tests.support.command_line import refused
from tests.support.dicom_samples import write_series
from tests.support.scan_pools import scan_array, write_drawn, write_scan
from tests.support.sparse_scans import files

RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
SNAP = '1 255 0 0 1 1 1 "Ball"\n7 0 0 255 1 1 1 "Nothing"\n'


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """Return the arguments of a scan, labels without names, and a quick engine."""
    scan = write_scan(tmp_path, "a", 0)
    labels = write_drawn(tmp_path / "labels", "a", 2, 4)
    return [str(scan), "--labels", str(labels), "--engine", "interpolation"]


def test_names_beside_the_labels_reach_every_result(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "labels" / "a.txt").write_text(SNAP)
    out, report = tmp_path / "out.seg.nrrd", tmp_path / "report.json"
    assert run(["segment", *given, "-o", str(out), "--report", str(report)]) == 0
    assert " voxels), Ball\n" in capsys.readouterr().out
    assert json.loads(report.read_text())["labels"][0]["name"] == "Ball"
    written = read_labels(out)
    assert (written.names, written.colours) == ({1: "Ball"}, {1: RED})
    assert run(["info", *given[:3], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"]["labels"][0]["name"] == "Ball"
    assert run(["info", *given[:3]]) == 0
    assert "drawn on 2 annotated slices, Ball\n" in capsys.readouterr().out


def test_names_that_are_given_come_before_those_found(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "labels" / "a.txt").write_text(SNAP)
    (tmp_path / "mine.ctbl").write_text("1 Sphere 0 0 255 255\n")
    out = tmp_path / "out.seg.nrrd"

    def names(*more: str) -> tuple[dict[int, str], dict[int, tuple[float, float, float]]]:
        assert run(["segment", *given, "-o", str(out), "--quiet", *more]) == 0
        found = read_labels(out)
        return found.names, found.colours

    table = ["--names", str(tmp_path / "mine.ctbl")]
    assert names(*table) == ({1: "Sphere"}, {1: BLUE})
    assert names("--name", "1=Orb") == ({1: "Orb"}, {1: RED})  # the colour stays
    assert names(*table, "--name", "1=Orb") == ({1: "Orb"}, {1: BLUE})
    (tmp_path / "labels" / "a.txt").rename(tmp_path / "labels" / "all.txt")
    (tmp_path / "labels" / "dataset.json").write_text('{"labels": {"Globe": 1}}')

    def said(*more: str) -> bool:
        assert run(["segment", *given, "-o", str(out), *more]) == 0
        assert run(["info", *given[:3], *more]) == 0
        return "say which with --names" in capsys.readouterr().out

    assert said()
    assert not said(*table)
    (tmp_path / "names.json").write_text('{"labels": {"Ball": 1}}')
    own = ["--names", str(tmp_path / "names.json"), "--report", str(tmp_path / "names.json")]
    assert "is an input as well" in refused(["segment", *given, "-o", str(out), *own], capsys)
    lost = ["segment", *given, "-o", str(out), "--names", str(tmp_path / "lost.txt")]
    assert "lost.txt is no file" in refused(lost, capsys)


def test_names_of_support_scans_and_of_folders(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    support = write_scan(tmp_path / "imagesTr", "b", 1)
    drawn = write_drawn(tmp_path / "labelsTr", "b", 1, 2, 3, 4, 5)
    (tmp_path / "dataset.json").write_text('{"labels": {"0": "background", "1": "ball"}}')
    assert read_labels(given[2]).names == {1: "ball"}  # one level up for these as well
    (tmp_path / "dataset.json").rename(tmp_path / "labelsTr" / "dataset.json")
    assert read_labels(given[2]).names == {}
    out = tmp_path / "out.nii.gz"
    pair = ["--support", f"{support}={drawn}"]
    assert run(["segment", *given, *pair, "-o", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"][0]["name"] == "ball"
    many = ["segment-many", str(tmp_path / "imagesTr"), "--labels", str(drawn.parent)]
    many += ["-o", str(tmp_path / "many"), "--engine", "interpolation", "--workers", "1"]
    assert run([*many, "--suffix", ".seg.nrrd", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["finished"]
    assert (found["output"], found["names"]) == ("b.seg.nrrd", {"1": "ball"})
    assert read_labels(tmp_path / "many" / "b.seg.nrrd").names == {1: "ball"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "labelmap", "rtstruct"])
def test_names_and_colours_in_dicom(tmp_path: Path, kind: Any) -> None:
    volume = np.moveaxis(scan_array(0), 2, 0).transpose(0, 2, 1)
    scan = read_image(write_series(tmp_path / "ct", volume.astype(np.int16)))
    labels = LabelMap((scan.array > 0).astype(np.uint8), scan.geometry)
    write_labels(tmp_path / "a.nii.gz", labels)
    (tmp_path / "a.txt").write_text(SNAP)
    named = read_labels(tmp_path / "a.nii.gz")
    write_labels(tmp_path / "a.dcm", named, dicom=DicomOutput(tmp_path / "ct", kind=kind))
    found = read_labels(tmp_path / "a.dcm", scan)
    assert found.names == {1: "Ball"}
    assert found.colours[1] == pytest.approx(RED, abs=0.01)


@pytest.mark.slow
def test_a_model_remembers_what_its_structures_are_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, labels = files(tmp_path)
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "ball": 1, "rod": 2}}')
    where = ["--images", str(images), "--labels", str(labels), "--model", str(tmp_path / "m")]
    assert run(["train", *where, "--steps", "2", "--name", "2=Stick", "--quiet"]) == 0
    (tmp_path / "dataset.json").unlink()
    given = [str(images / "case0_0000.nii.gz"), "--model", str(tmp_path / "m")]
    capsys.readouterr()
    assert run(["segment", *given, "-o", str(tmp_path / "out.seg.nrrd"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["labels"]
    assert {each["value"]: each["name"] for each in told} == {1: "ball", 2: "Stick"}
    assert read_labels(tmp_path / "out.seg.nrrd").names == {1: "ball", 2: "Stick"}
