"""The report of a segmentation, in numbers worked out from its arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import WriteError
from fewslice.reporting.report import Report, SliceReport, make_report, report_text, write_report
from fewslice.segmentation.result import Segmentation
from fewslice.volumes import Geometry
from fewslice.workflow.segment import segment

SHAPE = (12, 12, 9)
INPUTS = {"scan": "a.nii.gz", "labels": "b.nii.gz", "support": []}


@pytest.fixture(scope="module")
def segmentation() -> Segmentation:
    image = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:9, 3:9, (2, 6)] = 1
    labels[0:2, 3:9, 6] = 4
    return segment(
        image,
        labels,
        spacing=(1.0, 2.0, 3.0),
        annotated=[(2, 8)],
        engine="interpolation",
    )


@pytest.fixture(scope="module")
def report(segmentation: Segmentation) -> Report:
    return make_report(segmentation, INPUTS, 1.23456)


def test_it_says_what_was_annotated(report: Report) -> None:
    assert report.plane == "axial"
    assert report.axis == 2
    assert [(item.index, item.drawn) for item in report.annotated] == [
        (2, True),
        (6, True),
        (8, False),
    ]
    assert report.engine == "interpolation"
    assert report.seconds == 1.235


def test_volumes_are_those_of_the_labels(report: Report, segmentation: Segmentation) -> None:
    for label in report.labels:
        count = int((segmentation.labels.array == label.value).sum())
        assert label.voxels == count > 0
        assert label.ml == pytest.approx(count * 6 / 1000)
    assert [label.value for label in report.labels] == [1, 4]


def test_every_slice_is_there(report: Report, segmentation: Segmentation) -> None:
    assert [item.index for item in report.slices] == list(range(9))
    assert [item.provenance for item in report.slices] == list(segmentation.provenance)
    for item in report.slices:
        assert item.confidence == pytest.approx(segmentation.confidence[item.index], abs=1e-4)
        shown = segmentation.labels.array[:, :, item.index]
        expected = {value: int((shown == value).sum()) for value in (1, 4)}
        assert item.voxels == {value: count for value, count in expected.items() if count}


def test_the_least_sure_slices_are_predicted_ones(report: Report) -> None:
    least = report.least_sure(2)
    assert len(least) == 2
    made = [item for item in report.slices if item.provenance == "engine" and item.voxels]
    others = [item.confidence for item in made if item not in least]
    assert max(item.confidence for item in least) <= min(others)
    assert [item.index for item in least] == sorted(item.index for item in least)


def test_nothing_is_unsure_where_all_is_drawn() -> None:
    labels = np.ones((4, 4, 3), np.uint8)
    drawn = segment(
        np.arange(48.0).reshape(4, 4, 3),
        labels,
        annotated=[(2, n) for n in range(3)],
        engine="interpolation",
    )
    report = make_report(drawn, INPUTS, 0.0)
    assert report.least_sure() == ()
    assert all(item.provenance == "human" for item in report.slices)
    assert all(isinstance(item, SliceReport) for item in report.slices)


def test_the_file_is_json_of_all_of_it(tmp_path: Path, report: Report) -> None:
    path = tmp_path / "report.json"
    write_report(path, report)
    assert path.read_text(encoding="utf-8") == report_text(report)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["inputs"] == INPUTS
    assert found["geometry"]["shape"] == list(SHAPE)
    assert found["geometry"]["spacing_mm"] == [1.0, 2.0, 3.0]
    assert found["geometry"]["axis_codes"] == "RAS"
    assert np.array_equal(
        found["geometry"]["affine"], Geometry.from_spacing(SHAPE, (1, 2, 3)).affine
    )
    assert found["version"]
    assert len(found["slices"]) == 9


def test_it_is_written_as_a_whole_or_not_at_all(tmp_path: Path, report: Report) -> None:
    with pytest.raises(WriteError):
        write_report(tmp_path / "missing" / "report.json", report)
    assert not list(tmp_path.iterdir())
