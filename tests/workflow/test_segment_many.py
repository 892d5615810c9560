"""A folder of scans: each segmented once, by whoever has time, whatever happens to some of them."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice.annotation.finding import find_annotation
from fewslice.engines import Scan
from fewslice.errors import InputError, ReadError, WriteError
from fewslice.io import read_image, read_labels, write_image, write_labels
from fewslice.metrics.overlap import dice
from fewslice.training import store
from fewslice.training.choice import Choice
from fewslice.training.scan import TaskScan, TaskSettings
from fewslice.training.support import ModelSupport, kept_scans
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.geometry import Geometry
from fewslice.workflow.segment import segment
from fewslice.workflow.segment_many import JOURNAL, ManySegmented, segment_many
from fewslice.workflow.train import train
from fewslice.workflow.training_task import TrainSettings
from tests.support.dask_cluster import dask_cluster, until
from tests.support.phantoms import two_organs
from tests.support.scan_pools import write_drawn, write_model, write_scan
from tests.support.sparse_scans import pair


def made(folder: Path, names: str = "abc") -> Path:
    """Scans and labels of a ball: slices 2 and 4 are drawn."""
    for number, name in enumerate(names):
        write_scan(folder / "scans", name, number)
        write_drawn(folder / "labels", name, 2, 4)
    return folder


def run(folder: Path, **options: Any) -> ManySegmented:
    settings: dict[str, Any] = {
        "labels": folder / "labels",
        "engine": "interpolation",
        "workers": 1,
    }
    return segment_many(folder / "scans", folder / "out", **settings | options)


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "out").glob("*.nii.gz"))}


def test_every_scan_is_segmented_as_alone(tmp_path: Path) -> None:
    steps: list[tuple[float, int]] = []
    found = run(made(tmp_path), progress=lambda done, total: steps.append((done, total)))
    assert [each["case"] for each in found.finished] == ["a", "b", "c"]
    assert (found.failed, found.earlier, found.strays, found.log) == ((), 0, (), None)
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    image = read_image(tmp_path / "scans" / "b_0000.nii.gz")
    drawn = read_labels(tmp_path / "labels" / "b.nii.gz")
    alone = segment(image, drawn, engine="interpolation").labels.array
    result = read_labels(tmp_path / "out" / "b.nii.gz")
    np.testing.assert_array_equal(result.array, alone)
    assert result.array[:, :, 3].any()
    facts = found.finished[1]
    assert facts["annotated"] == 2
    assert facts["labels"]["1"] == pytest.approx(alone.sum() * 3 / 1000, abs=1e-4)


def test_nothing_is_done_twice(tmp_path: Path) -> None:
    run(made(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.nii.gz")}
    again = run(tmp_path)
    assert again.earlier == 3
    assert [each["case"] for each in again.finished] == ["a", "b", "c"]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_changed_or_is_gone_is_done_again(tmp_path: Path) -> None:
    run(made(tmp_path))
    write_drawn(tmp_path / "labels", "a", 1, 2, 4, 5)
    (tmp_path / "out" / "b.nii.gz").unlink()
    again = run(tmp_path)
    assert again.earlier == 1
    assert again.finished[0]["annotated"] == 4
    assert len(written(tmp_path)) == 3


def test_other_settings_are_refused(tmp_path: Path) -> None:
    run(made(tmp_path, "a"))
    with pytest.raises(InputError, match=r"belongs to a run with other settings \(engine: "):
        run(tmp_path, engine="random-walker")


def test_what_cannot_be_used_is_named_and_the_rest_done(tmp_path: Path) -> None:
    made(tmp_path, "abcd")
    (tmp_path / "scans" / "a_0000.nii.gz").write_bytes(b"nothing")
    (tmp_path / "labels" / "b.nii.gz").unlink()
    write_drawn(tmp_path / "labels", "c")
    write_drawn(tmp_path / "labels", "nobody", 2)
    found = run(tmp_path)
    assert [each["case"] for each in found.finished] == ["d"]
    assert [each.case for each in found.failed] == ["a", "b", "c"]
    sentences = [each.sentence for each in found.failed]
    assert "a_0000.nii.gz" in sentences[0]
    assert sentences[1] == f"It has no labels in {tmp_path / 'labels'}."
    assert "holds no annotated slice" in sentences[2]
    assert found.strays == ("nobody",)
    assert list(written(tmp_path)) == ["d.nii.gz"]
    write_scan(tmp_path / "scans", "a", 0)
    assert [each["case"] for each in run(tmp_path).finished] == ["a", "d"]


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_writes_the_same(tmp_path: Path) -> None:
    here, there = made(tmp_path / "here", "abcdefgh"), made(tmp_path / "there", "abcdefgh")
    run(here)
    with dask_cluster(tmp_path) as two:

        def kill() -> None:
            until(lambda: any((there / "out").glob("*.nii.gz")), "the first result")
            os.kill(two.workers[0].pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        found = run(there, workers=None, scheduler=two.address)
        killer.join()
    assert len(found.finished) == 8
    assert found.failed == ()
    assert written(there) == written(here)
    assert len((there / "out" / JOURNAL).read_text().splitlines()) == 9


def test_what_a_killed_worker_left_is_removed(tmp_path: Path) -> None:
    half = made(tmp_path, "a") / "out" / ".segment-many-x"
    half.mkdir(parents=True)
    (half / "a.nii.gz").write_bytes(b"half of")
    run(tmp_path)
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == ["a.nii.gz", JOURNAL]


def test_a_model_needs_no_labels(tmp_path: Path) -> None:
    made(tmp_path, "ab")
    model = write_model(tmp_path / "model")
    (tmp_path / "labels" / "b.nii.gz").unlink()
    found = run(tmp_path, model=model, engine="auto")
    assert [each["engine"] for each in found.finished] == ["model", "model"]
    drawn = read_labels(tmp_path / "labels" / "a.nii.gz").array
    result = read_labels(tmp_path / "out" / "a.nii.gz").array
    np.testing.assert_array_equal(result[:, :, 2], drawn[:, :, 2])
    assert "rests on the model alone" in found.finished[1]["remarks"][0]
    with pytest.raises(InputError, match="A model segments by itself; leave out the engine"):
        run(tmp_path, model=model)
    with pytest.raises(ReadError, match="holds no promoted model"):
        run(tmp_path, model=tmp_path / "scans", engine="auto")


@pytest.mark.slow
def test_that_a_models_scans_answered_is_said_once(tmp_path: Path) -> None:
    phantom = two_organs()
    geometry = Geometry.from_spacing(phantom.truth.shape, phantom.spacing)
    (tmp_path / "scans").mkdir()
    for name in "ab":
        write_image(tmp_path / "scans" / f"{name}.nii.gz", Image(phantom.image, geometry))
    image, drawn = pair(1)
    model = train([(image, drawn)], settings=TrainSettings(TaskSettings(steps=1))).model
    choice = Choice("support", {"model": 0.25, "support": 0.5, "mean": 0.375}, 1)
    scan = TaskScan("c", Scan.of(image), find_annotation(drawn.array, image.geometry))
    supported = replace(model, support=ModelSupport(kept_scans([scan]), choice))
    folder = tmp_path / "model"
    store.promote(folder, store.save_version(folder, supported, {"score": 0.5}, [], choice))
    found = run(tmp_path, labels=None, model=folder, engine="auto")
    assert found.remarks == (choice.sentence,)
    assert len(found.finished) == 2
    for each in found.finished:
        assert choice.sentence not in each["remarks"]
    result = read_labels(tmp_path / "out" / "a.nii.gz").array
    assert dice(result == 1, phantom.truth == 1) > 0.7
    alone = segment(Image(phantom.image, geometry), engine=supported)
    assert choice.sentence in map(str, alone.remarks)


def test_support_needs_no_labels(tmp_path: Path) -> None:
    phantom = two_organs()
    geometry = Geometry.from_spacing(phantom.truth.shape, phantom.spacing)
    (tmp_path / "scans").mkdir()
    write_image(tmp_path / "scans" / "a.nii.gz", Image(phantom.image, geometry))
    write_labels(tmp_path / "l.nii.gz", LabelMap(phantom.truth, geometry))
    support = [(tmp_path / "scans" / "a.nii.gz", tmp_path / "l.nii.gz")]
    found = run(tmp_path, labels=None, support=support)
    assert "choose an engine that can do with support scans alone" in found.failed[0].sentence


def test_wrong_folders(tmp_path: Path) -> None:
    made(tmp_path, "a")
    with pytest.raises(InputError, match="There is nothing to go by; give a folder of labels"):
        run(tmp_path, labels=None)
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=r"No label map in .*out has the name of a scan"):
        run(tmp_path, labels=tmp_path / "out")
    with pytest.raises(InputError, match="holds inputs as well"):
        segment_many(tmp_path / "scans", tmp_path / "labels", labels=tmp_path / "labels")
    with pytest.raises(ReadError, match="is not a folder"):
        segment_many(tmp_path / "missing", tmp_path / "out", labels=tmp_path / "labels")
    place = tmp_path / "labels" / "a.nii.gz" / "out"
    with pytest.raises(WriteError, match="out cannot be written"):
        segment_many(tmp_path / "scans", place, labels=tmp_path / "labels")
