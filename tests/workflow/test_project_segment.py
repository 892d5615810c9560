"""A scan of a project is answered from its own slices, or from the scans before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.project.adding import add_scan
from fewslice.project.answers import latest_answer
from fewslice.training import store
from fewslice.workflow.project_segment import TRAINED, segment_scan
from fewslice.workflow.project_sessions import SessionPool
from fewslice.workflow.project_suggest import suggest_scan
from fewslice.workflow.project_support import model_folder, support_of
from tests.support.command_line import truth
from tests.support.projects import SmallProject, draw, scan_file, slice_of, small_project
from tests.support.random_models import random_model


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallProject]:
    made = small_project(tmp_path, None)
    yield made
    made.project.engine.dispose()


@pytest.mark.slow
def test_the_answer_is_stored_with_what_it_knew(small: SmallProject) -> None:
    draw(small, 3, 6, 9)
    fractions: list[float] = []
    found = segment_scan(
        SessionPool(small.project), small.scan, near=(2, 6), progress=fractions.append
    )
    assert (found.revision, found.engine) == (3, "auto")
    kept = latest_answer(small.project, small.scan)
    assert kept is not None
    assert (kept.id, kept.revision) == (found.answer, 3)
    for index in (3, 6, 9):
        np.testing.assert_array_equal(kept.labels[:, :, index], slice_of(index))
    assert kept.uncertainty is not None
    assert kept.uncertainty.dtype == np.uint8
    assert kept.confidence["axis"] == 2
    assert len(kept.confidence["dice"]) == 12
    assert fractions[-1] == 1


@pytest.mark.slow
def test_nothing_speaks_of_mm_where_nobody_knows_the_spacing(
    small: SmallProject, tmp_path: Path
) -> None:
    np.save(tmp_path / "bare.npy", nib.load(scan_file(tmp_path / "same.nii.gz")).dataobj)
    small = replace(small, scan=add_scan(small.project, tmp_path / "bare.npy", by=small.ann).id)
    draw(small, 3, 6)
    pool = SessionPool(small.project)
    asked = suggest_scan(pool, small.scan, 20)
    told = [*segment_scan(pool, small.scan).remarks, *(each.reason for each in asked.slices)]
    assert any(" voxel from the nearest slice" in each for each in told)
    assert [each for each in told if " mm" in each] == []


@pytest.mark.slow
def test_a_second_scan_is_answered_with_no_drawing_at_all(
    small: SmallProject, tmp_path: Path
) -> None:
    second = add_scan(small.project, scan_file(tmp_path / "second.nii.gz"), by=small.ann).id
    pool = SessionPool(small.project)
    with pytest.raises(InputError, match="Nothing is drawn on this scan or on another one"):
        segment_scan(pool, second)
    draw(small, *range(12))
    ((image, labels),) = support_of(pool, second)
    assert image.geometry.shape == truth().shape
    np.testing.assert_array_equal(labels.array, truth())
    found = segment_scan(pool, second)
    assert any("Nothing is drawn on this scan" in each for each in found.remarks)
    kept = latest_answer(small.project, second)
    assert kept is not None
    overlap = 2 * (kept.labels & truth()).sum() / (kept.labels.sum() + truth().sum())
    assert overlap > 0.8
    asked = suggest_scan(pool, second)
    assert asked.found is not None
    assert asked.slices


@pytest.mark.slow
def test_a_model_answers_where_there_is_one(small: SmallProject) -> None:
    folder = model_folder(small.project)
    folder.mkdir()
    store.promote(folder, store.save_version(folder, random_model(), {}, [(1, 0.5)]))
    found = segment_scan(SessionPool(small.project), small.scan)
    assert found.engine not in ("auto", "atlas")
    kept = latest_answer(small.project, small.scan)
    assert kept is not None
    assert set(np.unique(kept.labels)) <= {0, 4, 7}


def test_a_scan_that_cannot_be_read_is_passed_over(small: SmallProject, tmp_path: Path) -> None:
    second = add_scan(small.project, scan_file(tmp_path / "second.nii.gz"), by=small.ann).id
    draw(small, 6)
    (tmp_path / "scan.nii.gz").unlink()
    assert support_of(SessionPool(small.project), second) == ()


@pytest.mark.slow
def test_an_engine_can_be_named_whatever_is_drawn(small: SmallProject) -> None:
    pool = SessionPool(small.project)
    with pytest.raises(InputError, match="Nothing is drawn on this scan or on another one"):
        segment_scan(pool, small.scan, engine="interpolation")
    with pytest.raises(InputError, match="no trained model yet"):
        segment_scan(pool, small.scan, engine=TRAINED)
    draw(small, 3, 9)
    with pytest.raises(InputError, match="There is no engine 'other'"):
        segment_scan(pool, small.scan, engine="other")
    assert segment_scan(pool, small.scan, engine="interpolation").engine == "interpolation"
    folder = model_folder(small.project)
    folder.mkdir()
    store.promote(folder, store.save_version(folder, random_model(), {}, [(1, 0.5)]))
    assert segment_scan(pool, small.scan, engine=TRAINED).engine == "model"
    kept = latest_answer(small.project, small.scan)
    assert kept is not None
    np.testing.assert_array_equal(kept.labels[:, :, 3], slice_of(3))  # a person drew it
