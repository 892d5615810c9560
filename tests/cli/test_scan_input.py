"""Scans and labels that hold the same voxels in other words, on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.cli.main import run
from fewslice.io import read_labels, write_image, write_labels
from fewslice.volumes import Geometry, Image, LabelMap
from fewslice.volumes.orientation import Turn
from tests.support.dicom_samples import write_series
from tests.support.phantoms import two_organs
from tests.support.volume_samples import oblique

PHANTOM = two_organs()
GEOMETRY = Geometry(PHANTOM.image.shape, oblique(spacing=PHANTOM.spacing))
SPARSE = PHANTOM.sparse(2, 6, 10, 14)
TURN = Turn((2, 0, 1), (True, False, True))


@pytest.fixture
def turned(tmp_path: Path) -> Path:
    """Return a folder with a scan, its labels, and the same labels in another order."""
    write_image(tmp_path / "scan.nii.gz", Image(PHANTOM.image, GEOMETRY))
    write_labels(tmp_path / "labels.nii.gz", LabelMap(SPARSE, GEOMETRY))
    other = LabelMap(TURN.array(SPARSE), TURN.geometry(GEOMETRY))
    write_labels(tmp_path / "turned.nrrd", other)
    return tmp_path


def segmented(folder: Path, labels: str, *more: str) -> npt.NDArray[Any]:
    out = folder / f"out-{labels}"
    given = [str(folder / "scan.nii.gz"), "--labels", str(folder / labels), "-o", str(out)]
    assert run(["segment", *given, "--engine", "interpolation", "--quiet", *more]) == 0
    return read_labels(out).array


@pytest.mark.slow
def test_the_answer_to_turned_labels_is_the_answer_turned(turned: Path) -> None:
    straight = segmented(turned, "labels.nii.gz", "--annotated", "2:3")
    # Array axis 2 of the scan is axis 0 of the labels, backwards: slice 3 of 22 is slice 18 there.
    report = turned / "report.json"
    picture = turned / "picture.png"
    options = ["--annotated", "0:18", "--report", str(report), "--picture", str(picture)]
    found = segmented(turned, "turned.nrrd", *options)
    assert np.array_equal(found, TURN.array(straight))
    told = json.loads(report.read_text())
    assert told["axis"] == 0
    assert any("in another order" in remark for remark in told["remarks"])
    assert told["annotated"][0]["index"] == 7  # 14 of 22, backwards
    assert picture.is_file()


def test_a_spacing_is_given_for_the_axes_of_the_scan(turned: Path) -> None:
    report = turned / "report.json"
    segmented(turned, "turned.nrrd", "--spacing", "1,2,3", "--report", str(report))
    told = json.loads(report.read_text())["geometry"]
    assert told["spacing_mm"] == pytest.approx([3, 1, 2])


def test_info_counts_slices_as_the_labels_do(
    turned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["info", str(turned / "scan.nii.gz"), "--labels", str(turned / "turned.nrrd")]
    assert run([*given, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["index"] for each in told["labels"]["annotated"]] == [7, 11, 15]
    assert "in another order" in told["remarks"][0]
    assert run(given) == 0
    assert "Remarks       The label map holds the voxels" in capsys.readouterr().out


def test_a_series_is_chosen_and_its_gaps_filled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = np.moveaxis(PHANTOM.image, 2, 0).transpose(0, 2, 1).astype(np.int16)
    write_series(tmp_path / "a", stack)
    write_series(tmp_path / "b", stack, SeriesInstanceUID="1.2.77", SeriesNumber=1)
    (tmp_path / "b" / "IM004.dcm").unlink()
    assert run(["info", str(tmp_path)]) == 2
    assert "choose it with --series NUMBER" in capsys.readouterr().err
    assert run(["info", str(tmp_path), "--series", "1"]) == 2
    assert "--fill-gaps" in capsys.readouterr().err
    assert run(["info", str(tmp_path), "--series", "1.2.77", "--fill-gaps", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["geometry"]["shape"] == list(PHANTOM.image.shape)
    assert any("1 slice is missing" in remark for remark in told["remarks"])
    assert any("left out" in remark for remark in told["remarks"])
