"""Housekeeping: once a day, at a quiet moment, and never of anything drawn."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import WriteError
from fewslice.project import jobs
from fewslice.project.answers import latest_answer, save_answer
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.events import watch
from fewslice.project.tidying import tidy
from fewslice.project.undo import redo, undo
from fewslice.server import housekeeping as module
from fewslice.server.housekeeping import Housekeeping
from fewslice.server.work_kinds import BACKGROUND, INTERACTIVE, SEGMENT, Post
from fewslice.server.worker import Worker
from tests.support.command_line import SHAPE, truth
from tests.support.projects import SmallProject, draw, slice_of, small_project


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallProject]:
    made = small_project(tmp_path, None)
    yield made
    made.project.engine.dispose()


@pytest.fixture
def tidied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Times of the small project at which it was tidied."""
    times: list[str] = []

    def noted(project: Project) -> object:
        times.append(f"{project.now():%d %H:%M}")
        return tidy(project)

    monkeypatch.setattr(module, "tidy", noted)
    return times


def test_a_server_tidies_in_its_second_hour_and_then_once_a_day(
    small: SmallProject, tidied: list[str]
) -> None:
    keeper = Housekeeping(small.project)  # on the second, at 3:04
    for _ in range(4 * 60):
        small.clock.advance(minutes=15)
        keeper.tidy_if_due()
    assert tidied == ["02 04:04", "03 04:04", "04 04:04"]


def test_it_waits_until_nobody_works(small: SmallProject, tidied: list[str]) -> None:
    keeper = Housekeeping(small.project)
    small.clock.advance(hours=1, minutes=-2)
    draw(small, 6)
    small.clock.advance(minutes=2)
    keeper.tidy_if_due()  # at 4:04, two minutes after a slice was drawn
    small.clock.advance(minutes=4)
    keeper.tidy_if_due()  # looked at a moment ago
    job = jobs.enqueue(small.project, SEGMENT, small.scan, by=small.ann).id
    small.clock.advance(minutes=30)
    keeper.tidy_if_due()  # a segmentation waits
    jobs.cancel(small.project, job)
    for _ in range(3):
        small.clock.advance(minutes=3)
        keeper.tidy_if_due()
    assert tidied == ["02 04:44"]  # 4:38 is not yet, at 4:41 it was looked at three minutes before


def test_where_somebody_always_works_it_waits_two_days(
    small: SmallProject, tidied: list[str]
) -> None:
    keeper = Housekeeping(small.project)  # on the second, at 3:04
    for hour in range(5 * 24):
        small.clock.advance(hours=1)
        draw(small, hour % 8)
        keeper.tidy_if_due()
    assert tidied == ["04 03:04", "06 03:04"]


def test_what_was_drawn_can_still_be_undone_and_redone(
    small: SmallProject, caplog: pytest.LogCaptureFixture
) -> None:
    for labels in (np.zeros(SHAPE, np.uint8), truth()):
        save_answer(small.project, small.scan, labels=labels, engine="a", revision=None)
    draw(small, 6, 7)
    undo(small.project, small.scan, small.ann)
    files = list((small.project.directory / "voxels").glob("*/*"))
    assert len(files) == 4
    for path in files:
        os.utime(path, (1, 1))
    keeper = Housekeeping(small.project)
    small.clock.advance(days=2)
    with caplog.at_level(logging.INFO, "fewslice"):
        keeper.tidy_if_due()
        small.clock.advance(days=2)
        keeper.tidy_if_due()  # nothing is left to say
    (line,) = caplog.messages
    assert line.startswith("Tidied the project: removed 1 replaced answer and 1 file (")
    assert sum(path.exists() for path in files) == 3
    assert len(watch(small.project, 0)) == 1  # the newest event, from which numbers go on
    answer = latest_answer(small.project, small.scan)
    assert answer is not None
    np.testing.assert_array_equal(answer.labels, truth())
    redo(small.project, small.scan, small.ann)
    slices = drawing(small.project, small.scan).drawing.slices
    drawn = {each.place: each.labels for each in slices}
    for index in (6, 7):
        np.testing.assert_array_equal(drawn[2, index], slice_of(index))


@pytest.mark.parametrize("error", [WriteError("The disk is full."), PermissionError("no")])
def test_a_failure_is_told_and_it_is_tried_again_tomorrow(
    small: SmallProject,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def fails(_: object) -> None:
        raise error

    monkeypatch.setattr(module, "tidy", fails)
    keeper = Housekeeping(small.project)
    for _ in range(47):
        small.clock.advance(hours=1)
        keeper.tidy_if_due()
    assert len(caplog.records) == 2
    assert str(error) in caplog.text


@pytest.mark.parametrize(("post", "times"), [(BACKGROUND, ["02 05:04"]), (INTERACTIVE, [])])
def test_the_worker_that_trains_does_it_once_it_has_no_job(
    small: SmallProject,
    monkeypatch: pytest.MonkeyPatch,
    tidied: list[str],
    post: Post,
    times: list[str],
) -> None:
    monkeypatch.setattr(Worker, "_result", lambda *_: None)
    worker = Worker(small.project, post, lambda _: None)
    jobs.enqueue(small.project, post.kinds[0], small.scan, by=small.ann)
    small.clock.advance(hours=1)
    assert worker.work()
    assert tidied == []
    small.clock.advance(hours=1)
    assert not worker.work()
    assert tidied == times
