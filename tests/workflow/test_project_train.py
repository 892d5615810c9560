"""The model of a project: when it is due, what it learns from, which one is in use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fewslice.errors import InputError, NotFoundError
from fewslice.project.adding import add_scan
from fewslice.project.people import Person, get_person
from fewslice.training.scan import TaskSettings
from fewslice.workflow.project_queue import next_scan, rank_project
from fewslice.workflow.project_train import (
    activate_model,
    model_versions,
    train_project,
    training_due,
)
from fewslice.workflow.training_task import TrainSettings
from tests.support.projects import SmallProject, draw, scan_file, small_project


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallProject]:
    made = small_project(tmp_path, None)
    yield made
    made.project.engine.dispose()


def second_scan(small: SmallProject, tmp_path: Path) -> int:
    return add_scan(small.project, scan_file(tmp_path / "second.nii.gz"), by=small.ann).id


def test_a_training_waits_for_ten_slices_on_two_scans(small: SmallProject, tmp_path: Path) -> None:
    second = second_scan(small, tmp_path)
    draw(small, *range(10))
    assert not training_due(small.project)
    draw(small, 5, scan=second)
    assert training_due(small.project)


def test_without_anything_drawn_there_is_nothing_to_learn(small: SmallProject) -> None:
    with pytest.raises(InputError):
        train_project(small.project)


@pytest.mark.slow
def test_a_model_is_trained_put_in_use_and_ranks_the_scans(
    small: SmallProject, tmp_path: Path
) -> None:
    second = second_scan(small, tmp_path)
    draw(small, *range(2, 11))
    draw(small, 4, 6, scan=second)
    settings = TrainSettings(TaskSettings(steps=2, side=32, batch_pixels=2048))
    outcome = train_project(small.project, settings)
    assert outcome.finished
    assert outcome.promoted
    (version,) = model_versions(small.project)
    assert (version.number, version.promoted, version.scans) == (1, True, 2)
    assert not training_due(small.project)
    draw(small, 8, 9, scan=second)
    assert not training_due(small.project)  # thirteen are no fifth more than eleven
    draw(small, 10, scan=second)
    assert training_due(small.project)
    with pytest.raises(NotFoundError, match="no model 2"):
        activate_model(small.project, 2)
    assert rank_project(small.project) == 2
    found = next_scan(small.project, _person(small))
    assert found.scan is not None
    assert "next in the list" not in found.reason


def test_without_a_model_nothing_is_ranked(small: SmallProject) -> None:
    assert rank_project(small.project) == 0
    found = next_scan(small.project, _person(small))
    assert found.scan is not None
    assert found.scan.id == small.scan
    assert found.reason.startswith("It is the next in the list")
    assert next_scan(small.project, _person(small), small.scan).scan is None


def _person(small: SmallProject) -> Person:
    return get_person(small.project, small.ann)
