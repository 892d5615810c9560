"""Jobs of every set of sockets: what comes back lies on the scan, and says how sure it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from fewslice import Geometry, Image, LabelMap
from fewslice.errors import FewsliceError
from fewslice.integrations.grand_challenge.algorithm import Algorithm, Folders
from fewslice.metrics.overlap import dice
from fewslice.volumes.orientation import Turn
from tests.support.dicom_results import series_of
from tests.support.grand_challenge_jobs import (
    OBLIQUE,
    ball,
    drawn_array,
    itk_array,
    lay_out,
    scan_array,
)
from tests.support.scan_pools import write_model

SCAN, LABELS = "generic-medical-image", "sparse-segmentation"
OTHER, OTHERS_LABELS = "supporting-scan", "supporting-segmentation"


def folders(base: Path) -> Folders:
    for name in ("output", "model"):
        (base / name).mkdir(exist_ok=True)
    return Folders(base / "input", base / "output", base / "model", base)


def segmented(base: Path) -> Path:
    return base / "output" / "images" / "segmentation" / "output.mha"


@pytest.mark.slow
def test_drawn_slices_complete_the_scan(tmp_path: Path) -> None:
    scan, drawn = Image(scan_array(), OBLIQUE), LabelMap(drawn_array(), OBLIQUE)
    lay_out(tmp_path / "input", {SCAN: scan, LABELS: drawn})
    Algorithm.load(folders(tmp_path)).run()
    answer = itk_array(segmented(tmp_path))
    assert dice(answer == 1, ball() == 1) > 0.9
    assert np.array_equal(answer[..., [4, 7, 10]], ball()[..., [4, 7, 10]])
    given = SimpleITK.ReadImage(str(next((tmp_path / "input" / "images").rglob("*.mha"))))
    written = SimpleITK.ReadImage(str(segmented(tmp_path)))
    assert written.GetOrigin() == given.GetOrigin()
    assert written.GetDirection() == given.GetDirection()
    assert written.GetSpacing() == given.GetSpacing()
    assert b"CompressedData = True" in segmented(tmp_path).read_bytes()[:1000]
    doubt = itk_array(tmp_path / "output" / "images" / "uncertainty" / "output.mha")
    assert doubt.shape == answer.shape
    assert 0 < doubt.max() <= 1
    assert doubt[..., 7].max() == 0  # a person drew it
    sure = json.loads((tmp_path / "output" / "slice-confidence.json").read_text())
    assert [each["index"] for each in sure["slices"] if each["made_by"] == "human"] == [4, 7, 10]
    next_ones = json.loads((tmp_path / "output" / "suggested-slices.json").read_text())
    assert 0 <= next_ones["predicted_dice_low"] <= next_ones["predicted_dice"] <= 1
    first = next_ones["slices"][0]
    assert first["index"] not in {4, 7, 10} or first["axis"] != 2
    middle = (np.array(scan.geometry.shape) - 1) / 2
    middle[first["axis"]] = first["index"]
    ras = OBLIQUE.affine[:3, :3] @ middle + OBLIQUE.affine[:3, 3]
    assert np.allclose(first["position_mm"], ras * (-1, -1, 1), atol=1e-3)


@pytest.mark.slow
def test_labels_in_another_order_are_answered_on_the_scan(tmp_path: Path) -> None:
    turn = Turn((2, 0, 1), (True, False, True))
    drawn = LabelMap(turn.array(drawn_array()), turn.geometry(OBLIQUE))
    scan = Image(scan_array(), OBLIQUE)
    lay_out(tmp_path / "input", {SCAN: scan, LABELS: drawn}, word="interface")
    Algorithm.load(folders(tmp_path)).run()
    answer = itk_array(segmented(tmp_path))
    assert answer.shape == scan_array().shape
    assert np.array_equal(answer[..., [4, 7, 10]], ball()[..., [4, 7, 10]])


@pytest.mark.slow
def test_a_supporting_scan_does_without_drawing(tmp_path: Path) -> None:
    whole = LabelMap(ball(), OBLIQUE)
    scan = Image(scan_array(), OBLIQUE)
    lay_out(tmp_path / "input", {SCAN: scan, OTHER: scan, OTHERS_LABELS: whole})
    Algorithm.load(folders(tmp_path)).run()
    assert dice(itk_array(segmented(tmp_path)) == 1, ball() == 1) > 0.9
    assert json.loads((tmp_path / "output" / "suggested-slices.json").read_text())["slices"] == []


@pytest.mark.slow
def test_a_dicom_image_set(tmp_path: Path) -> None:
    geometry = Geometry.from_spacing((20, 24, 16), (1.0, 1.0, 1.0))
    scan, drawn = Image(scan_array(), geometry), LabelMap(drawn_array(), geometry)
    lay_out(tmp_path / "input", {SCAN: scan, LABELS: drawn})
    place = tmp_path / "input" / "images" / f"{SCAN}-value"
    shutil.rmtree(place)
    series_of(place, scan)
    Algorithm.load(folders(tmp_path)).run()
    written = SimpleITK.ReadImage(str(segmented(tmp_path)))
    reference = SimpleITK.ReadImage(str(next((tmp_path / "input" / "images").rglob("*.mha"))))
    nearest = SimpleITK.sitkNearestNeighbor
    there = SimpleITK.Resample(written, reference, SimpleITK.Transform(), nearest)
    answer = SimpleITK.GetArrayFromImage(there).T
    assert np.array_equal(answer[..., [4, 7, 10]], ball()[..., [4, 7, 10]])


def test_a_job_that_fails_writes_nothing(tmp_path: Path) -> None:
    elsewhere = Geometry.from_spacing((7, 7, 7), (1.0, 1.0, 1.0))
    drawn = LabelMap(np.ones((7, 7, 7), np.uint8), elsewhere)
    lay_out(tmp_path / "input", {SCAN: Image(scan_array(), OBLIQUE), LABELS: drawn})
    with pytest.raises(FewsliceError):
        Algorithm.load(folders(tmp_path)).run()
    assert list((tmp_path / "output").iterdir()) == []


def test_nothing_drawn_and_nothing_else(tmp_path: Path) -> None:
    empty = LabelMap(np.zeros((20, 24, 16), np.uint8), OBLIQUE)
    lay_out(tmp_path / "input", {SCAN: Image(scan_array(), OBLIQUE), LABELS: empty})
    with pytest.raises(FewsliceError) as error:
        Algorithm.load(folders(tmp_path)).run()
    assert "\n" not in str(error.value)
    assert list((tmp_path / "output").iterdir()) == []


def test_a_model_folder_that_holds_something_else(tmp_path: Path) -> None:
    lay_out(tmp_path / "input", {SCAN: Image(scan_array(), OBLIQUE)})
    there = folders(tmp_path)
    (there.model / "README.md").touch()
    assert Algorithm.load(there).model is None
    (there.model / "weights.pt").touch()
    with pytest.raises(FewsliceError, match="holds 0 models"):
        Algorithm.load(there)


def test_a_trained_model_needs_nothing_drawn(tmp_path: Path) -> None:
    """All four outputs are there: nothing is suggested, since nothing was drawn."""
    lay_out(tmp_path / "input", {SCAN: Image(scan_array(), OBLIQUE)})
    there = folders(tmp_path)
    with pytest.raises(FewsliceError, match="This job has the sockets"):
        Algorithm.load(there).run()  # nothing could answer
    write_model(there.model)
    Algorithm.load(there).run()
    assert itk_array(segmented(tmp_path)).shape == scan_array().shape
    doubt = itk_array(tmp_path / "output" / "images" / "uncertainty" / "output.mha")
    assert doubt.shape == scan_array().shape
    sure = json.loads((tmp_path / "output" / "slice-confidence.json").read_text())
    assert len(sure["slices"]) == scan_array().shape[sure["axis"]]
    next_ones = json.loads((tmp_path / "output" / "suggested-slices.json").read_text())
    assert next_ones["slices"] == []
    assert next_ones["predicted_dice"] is None
