"""A worker: takes jobs, says how they ended, and is not ended by any of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.project import jobs
from fewslice.server import worker as module
from fewslice.server.work_kinds import BACKGROUND, CHANGED, INTERACTIVE, SEGMENT, SUGGEST
from fewslice.server.worker import Worker
from fewslice.workflow.project_suggest import suggest_scan, suggestion_result
from fewslice.workflow.session import CancelledError
from tests.support.projects import SmallProject, draw, small_project


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallProject]:
    made = small_project(tmp_path, None)
    yield made
    made.project.engine.dispose()


def started(small: SmallProject, *post: Any) -> tuple[Worker, list[tuple[Any, ...]]]:
    heard: list[tuple[Any, ...]] = []
    return Worker(small.project, post[0] if post else INTERACTIVE, heard.append), heard


def test_without_a_job_there_is_nothing_to_do(small: SmallProject) -> None:
    worker, heard = started(small)
    assert not worker.work()
    assert heard == []


def test_segmentations_and_suggestions_take_turns_and_training_is_for_another(
    small: SmallProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(Worker, "_result", lambda _, job: order.append(job.kind))
    for kind in (SUGGEST, SUGGEST, "train", SEGMENT, SEGMENT, SEGMENT):
        jobs.enqueue(small.project, kind, small.scan, by=small.ann)
    worker, heard = started(small)
    while worker.work():
        pass
    assert order == [SEGMENT, SUGGEST, SEGMENT, SUGGEST, SEGMENT]
    assert heard[-1] == (CHANGED,)
    other, _ = started(small, BACKGROUND)
    assert other.work()
    assert order[-1] == "train"


@pytest.mark.parametrize(
    ("error", "state", "text"),
    [
        (InputError("Nothing is drawn."), "failed", "Nothing is drawn."),
        (MemoryError(), "failed", "does not fit into memory"),
        (ZeroDivisionError("secret"), "failed", "the server's log says more"),
        (CancelledError("x"), "cancelled", ""),
    ],
)
def test_however_a_job_ends_the_worker_goes_on(
    small: SmallProject,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    state: str,
    text: str,
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(Worker, "_result", fails)
    job = jobs.enqueue(small.project, SEGMENT, small.scan, by=small.ann).id
    worker, _ = started(small)
    assert worker.work()
    found = jobs.get_job(small.project, job)
    assert found.state == state
    assert text in found.text
    assert "secret" not in found.text


def test_a_cancelled_segmentation_ends_at_its_next_step_and_leaves_no_answer(
    small: SmallProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[float] = []

    def slow(*_: object, progress: Any, **__: object) -> None:
        for hundredth in range(100):
            steps.append(hundredth / 100)
            if hundredth == 40:
                jobs.cancel(small.project, job)
            progress(hundredth / 100)

    monkeypatch.setattr(module, "segment_scan", slow)
    job = jobs.enqueue(small.project, SEGMENT, small.scan, by=small.ann).id
    worker, _ = started(small)
    worker.work()
    assert jobs.get_job(small.project, job).state == "cancelled"
    assert 0.4 <= steps[-1] <= 0.43  # the table is looked at every two hundredths


def test_a_suggestion_is_plain_json(small: SmallProject) -> None:
    worker, _ = started(small)
    first = suggestion_result(suggest_scan(worker.pool, small.scan))
    assert first["revision"] is None
    assert (first["slices"][0]["axis"], first["slices"][0]["index"]) == (2, 6)
    assert first["slices"][0]["gain"] is None
    assert first["predicted_dice"] is None


@pytest.mark.slow
def test_a_suggestion_knows_what_was_drawn(small: SmallProject) -> None:
    draw(small, 3, 9)
    job = jobs.enqueue(small.project, SUGGEST, small.scan, {"count": 1}, by=small.ann).id
    worker, _ = started(small)
    worker.work()
    found = jobs.get_job(small.project, job)
    assert found.state == "finished"
    assert found.result["revision"] == 2
    assert found.result["slices"][0]["index"] not in (3, 9)
    assert len(found.result["slice_dice"]) == 12
    assert np.isfinite(found.result["predicted_dice"])


def test_a_worker_with_nothing_to_train_helps_where_suggestions_have_waited(
    small: SmallProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(Worker, "_result", lambda _, job: order.append(job.kind))
    for kind in (SEGMENT, SUGGEST):
        jobs.enqueue(small.project, kind, small.scan, by=small.ann)
    worker, _ = started(small, BACKGROUND)
    assert not worker.work()  # the worker that has the scan in memory is quicker
    small.clock.advance(seconds=5)
    jobs.enqueue(small.project, "train", by=small.ann)
    while worker.work():
        pass
    assert order == ["train", SUGGEST]
