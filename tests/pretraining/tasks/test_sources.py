"""Jobs and volumes of a tiny nnU-Net folder, and of the generators."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.support.pretraining_tasks import nnunet_folder

from fewslice.errors import InputError, ReadError
from fewslice.pretraining.tasks.sources import (
    Job,
    ScanSource,
    SourceSettings,
    _volume,
    data_image,
    hash_of,
    jobs,
    make_tasks,
)
from fewslice.pretraining.tasks.tasks import Task

BALLS = ScanSource("balls", "Dataset900_Balls", tasks=10, validation=3)


def source(**changes: float) -> ScanSource:
    return ScanSource(**{**vars(BALLS), **changes})


def asked_labels(task: Task) -> set[int]:
    """Return the labels asked for; a sheared task does not say."""
    if not task.group:
        return set()
    return {int(name) for name in task.group.split("/")[-1].replace("+", ",").split(",")}


def test_as_many_tasks_as_asked_for_spread_over_the_scans(tmp_path: Path) -> None:
    data = nnunet_folder(tmp_path)
    settings = SourceSettings((BALLS,), layers=7, shapes=4, validation=5, seed=2)
    found = jobs(settings, data)
    assert found == jobs(settings, data)
    totals: Counter[tuple[str, str]] = Counter()
    for job in found:
        totals[job.part, job.kind] += job.tasks
    assert totals == {
        ("train", "balls"): 10,
        ("validation", "balls"): 3,
        ("train", "layers"): 7,
        ("validation", "layers"): 5,
        ("train", "shapes"): 4,
        ("validation", "shapes"): 5,
    }
    by_scan = Counter(
        job.scan.name for job in found if job.scan is not None for _ in range(job.tasks)
    )
    assert set(by_scan) == {"case0.nii.gz", "case1.nii.gz"}
    assert len({job.seed for job in found}) == len(found)
    other = jobs(SourceSettings((BALLS,), layers=7, shapes=4, validation=5, seed=3), data)
    assert {job.seed for job in other}.isdisjoint({job.seed for job in found})


def test_held_out_scans_are_for_validation_only(tmp_path: Path) -> None:
    data = nnunet_folder(tmp_path, scans=4)
    found = jobs(SourceSettings((source(every_scan=2),)), data)
    scans = {
        part: {job.scan for job in found if job.part == part} for part in ("train", "validation")
    }
    folder = data / BALLS.folder / "labelsTr"
    assert scans["train"] == {folder / "case1.nii.gz", folder / "case3.nii.gz"}
    assert scans["validation"] <= {folder / "case0.nii.gz", folder / "case2.nii.gz"}


def test_mistakes_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"labelsTr holds no label map; .* source 'balls'"):
        jobs(SourceSettings((BALLS,)), tmp_path)
    data = nnunet_folder(tmp_path)
    with pytest.raises(InputError, match=r"'balls' holds out all of its 2 scans .* 10 tasks"):
        jobs(SourceSettings((source(every_scan=1),)), data)
    assert jobs(SourceSettings((source(every_scan=1, tasks=0),)), data)


def test_held_out_labels_are_never_trained_on(tmp_path: Path) -> None:
    data = nnunet_folder(tmp_path)
    settings = SourceSettings((source(every_label=2, tasks=6, validation=6),), seed=1)
    asked: dict[str, set[int]] = {"train": set(), "validation": set()}
    for job in jobs(settings, data):
        for task in make_tasks(job):
            asked[job.part] |= asked_labels(task)
    assert asked["train"]
    assert asked["validation"]
    assert asked["train"] <= {1, 3}
    assert asked["validation"] <= {2, 4}


def test_held_out_labels_are_never_asked_for_on_synthetic_images(tmp_path: Path) -> None:
    data = nnunet_folder(tmp_path)
    found = jobs(SourceSettings((source(every_label=2, synthetic=1.0),), seed=1), data)
    train = [job for job in found if job.part == "train"]
    for number, job in enumerate(train):
        volume, allowed, comparable = _volume(job, np.random.default_rng(number))
        assert set(allowed.tolist()) <= {1, 3}
        assert not comparable
        assert volume.name in {"case0", "case1"}
    # Validation is on the scans' own images.
    (job, *_) = [job for job in found if job.part == "validation"]
    assert _volume(job, np.random.default_rng(0))[2]


def test_only_labels_outlined_in_a_scan_are_asked_for(tmp_path: Path) -> None:
    data = nnunet_folder(tmp_path, annotated={"case0": ["two", "four"]})
    for job in jobs(SourceSettings((BALLS,)), data):
        assert job.scan is not None
        volume, allowed, comparable = _volume(job, np.random.default_rng(0))
        assert comparable
        outlined = [2, 4] if job.scan.name == "case0.nii.gz" else [1, 2, 3, 4]
        assert allowed.tolist() == outlined
        assert volume.scan.spacing == (1.0, 1.0, 1.5)
        assert volume.scan.channels.dtype == np.float32


def test_tasks_that_cannot_be_compared_have_no_group(tmp_path: Path) -> None:
    data = nnunet_folder(tmp_path)
    scan = data / BALLS.folder / "labelsTr" / "case0.nii.gz"
    for changes, grouped in (
        ({}, True),
        ({"supervoxels": 1.0}, False),
        ({"synthetic": 1.0}, False),
    ):
        job = Job("balls", "train", 2, (4,), source(**changes), scan)
        groups = [task.group for task in make_tasks(job)]
        assert groups
        assert any(groups) == grouped


@pytest.mark.parametrize("kind", ["shapes", "layers", "fluid"])
def test_generators_make_the_same_tasks_again(kind: str) -> None:
    one, other = (list(make_tasks(Job(kind, "train", 1, (7, 8)))) for _ in range(2))
    assert len(one) == len(other) == 1
    assert one[0].kind == kind
    assert one[0].group == ""
    np.testing.assert_array_equal(one[0].truth, other[0].truth)
    np.testing.assert_array_equal(one[0].features.images, other[0].features.images)


def test_small_things() -> None:
    assert hash_of("ab") == 97 + 98 * 31
    assert 0 <= hash_of("validation" * 9) < 2**31
    labels = Path("set/labelsTr/case.1.nii.gz")
    assert data_image(labels) == Path("set/imagesTr/case.1_0000.nii.gz")
