"""Only what nobody can ask for is removed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from fewslice.project.answers import latest_answer, save_answer
from fewslice.project.drawings import drawing
from fewslice.project.saving import save_revision
from fewslice.project.tidying import tidy
from fewslice.project.undo import redo, undo
from fewslice.project.voxels import load_array, store_array, voxel_path
from tests.support.command_line import SHAPE, truth
from tests.support.projects import SmallProject, slice_of


def test_old_answers_go_and_everything_drawn_stays(small: SmallProject) -> None:
    for labels in (np.zeros(SHAPE, np.uint8), truth()):
        save_answer(small.project, small.scan, labels=labels, engine="a", revision=None)
    save_revision(
        small.project, small.scan, small.ann, action="draw", axis=2, index=6, labels=slice_of(6)
    )
    undo(small.project, small.scan, small.ann)
    files = list((small.project.directory / "voxels").glob("*/*"))
    assert len(files) == 3
    assert tidy(small.project).answers == 0  # a client may have it still
    small.clock.advance(days=1, seconds=1)
    first = tidy(small.project)  # young files may belong to what is being saved
    assert (first.answers, first.files, first.size) == (1, 0, 0)
    for path in files:
        os.utime(path, (1, 1))
    before = sum(path.stat().st_size for path in files)
    second = tidy(small.project)
    assert (second.answers, second.files) == (0, 1)
    left = sum(path.stat().st_size for path in files if path.exists())
    assert second.size == before - left
    answer = latest_answer(small.project, small.scan)
    assert answer is not None
    np.testing.assert_array_equal(answer.labels, truth())
    redo(small.project, small.scan, small.ann)
    np.testing.assert_array_equal(
        drawing(small.project, small.scan).drawing.slices[0].labels, slice_of(6)
    )


def test_an_answer_stays_for_a_day_after_it_was_replaced(small: SmallProject) -> None:
    """However old it is: until then it was what clients were given."""
    for labels in (np.zeros(SHAPE, np.uint8), truth()):
        save_answer(small.project, small.scan, labels=labels, engine="a", revision=None)
        small.clock.advance(days=5)
    assert tidy(small.project).answers == 1
    save_answer(small.project, small.scan, labels=truth() * 2, engine="a", revision=None)
    small.clock.advance(hours=23)
    assert tidy(small.project).answers == 0
    small.clock.advance(hours=2)
    assert tidy(small.project).answers == 1


def test_the_latest_answer_of_each_annotator_stays(small: SmallProject) -> None:
    for lane, value in ((1, 1), (2, 2), (1, 3), (None, 4)):
        save_answer(
            small.project,
            small.scan,
            labels=np.full(SHAPE, value, np.uint8),
            engine="a",
            revision=None,
            annotator=lane,
        )
    small.clock.advance(days=2)
    assert tidy(small.project).answers == 1
    kept = [latest_answer(small.project, small.scan, lane) for lane in (1, 2, None)]
    assert [answer and answer.labels.max() for answer in kept] == [3, 2, 4]


def test_voxels_that_are_saved_again_at_the_same_moment_are_written_anew(
    small: SmallProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = truth()
    stored = store_array(small.project, labels)
    path = voxel_path(small.project.directory, stored.hash)

    def taken(path: Path) -> None:  # as `tidy` may, between looking at a file and renewing it
        path.unlink()
        raise FileNotFoundError(path)

    monkeypatch.setattr("fewslice.project.voxels.os.utime", taken)
    store_array(small.project, labels)
    np.testing.assert_array_equal(load_array(small.project, stored), labels)
    assert path.stat().st_size > 0


def test_a_file_that_gets_young_while_it_is_laid_aside_stays(
    small: SmallProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = voxel_path(small.project.directory, store_array(small.project, truth()).hash)
    os.utime(path, (1, 1))
    replace = Path.replace

    def renewed(source: Path, target: Path) -> Path:
        os.utime(source)
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", renewed)
    assert tidy(small.project).files == 0
    assert [each.name for each in path.parent.iterdir()] == [path.name]
