"""Sessions on the scans of a project: what is drawn is read anew, and memory has a limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fewslice.project.adding import add_scan
from fewslice.project.saving import save_revision
from fewslice.project.undo import undo
from fewslice.workflow.project_sessions import SessionPool
from tests.support.projects import SmallProject, scan_file, slice_of, small_project


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallProject]:
    made = small_project(tmp_path, None)
    yield made
    made.project.engine.dispose()


def draw(small: SmallProject, index: int) -> None:
    save_revision(
        small.project,
        small.scan,
        small.ann,
        action="draw",
        axis=2,
        index=index,
        labels=slice_of(index),
    )


def test_a_session_is_kept_and_its_drawing_is_that_of_the_store(small: SmallProject) -> None:
    pool = SessionPool(small.project)
    first = pool.open(small.scan)
    assert first.blank
    assert first.revision is None
    draw(small, 6)
    second = pool.open(small.scan)
    assert second.session is first.session
    assert (second.revision, second.blank) == (1, False)
    assert second.session.annotated == ((2, 6),)
    np.testing.assert_array_equal(second.session.labels.array[:, :, 6], slice_of(6))
    undo(small.project, small.scan, small.ann)
    assert pool.open(small.scan).blank


def test_the_scan_that_was_used_least_makes_room(small: SmallProject, tmp_path: Path) -> None:
    others = [
        add_scan(small.project, scan_file(tmp_path / f"{number}.nii.gz"), by=small.ann).id
        for number in range(2)
    ]
    size = 20 * 18 * 12 * 2
    pool = SessionPool(small.project, most_bytes=2 * size)
    first = pool.open(small.scan).session
    pool.open(others[0])
    assert pool.open(small.scan).session is first
    pool.open(others[1])  # the other one goes
    assert len(pool) == 2
    assert pool.open(small.scan).session is first
    tight = SessionPool(small.project, most_bytes=1)
    tight.open(small.scan)
    assert len(tight) == 1


def test_answers_and_what_engines_keep_count_as_memory(small: SmallProject, tmp_path: Path) -> None:
    other = add_scan(small.project, scan_file(tmp_path / "other.nii.gz"), by=small.ann).id
    draw(small, 6)
    size = 20 * 18 * 12 * 2
    pool = SessionPool(small.project, most_bytes=2 * size)
    session = pool.open(small.scan).session
    pool.open(other)
    assert len(pool) == 2  # the voxels of both fit
    found = pool.open(small.scan).session.segment()
    assert found.prediction.probability.nbytes + found.labels.array.nbytes > 0
    assert len(pool) == 2
    assert pool.open(small.scan).session is session
    assert len(pool) == 1


def test_drawings_of_before_are_not_kept(small: SmallProject) -> None:
    pool = SessionPool(small.project)
    draw(small, 6)
    session = pool.open(small.scan).session
    pool.open(small.scan)
    assert not session.undo()  # steps back are the store's
    assert session.annotated == ((2, 6),)
