"""The next scan: by the list, by chance, or by a strategy that the model ranked by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fewslice.project.adding import add_scan
from fewslice.project.people import get_person
from fewslice.training import store
from fewslice.workflow.project_queue import (
    FIRST,
    RANDOM,
    is_ranked,
    next_scan,
    rank_project,
)
from fewslice.workflow.project_support import model_folder
from tests.support.projects import SmallProject, scan_file, small_project
from tests.support.random_models import random_model


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallProject]:
    made = small_project(tmp_path, None)
    yield made
    made.project.engine.dispose()


def test_orders_that_need_no_model(small: SmallProject, tmp_path: Path) -> None:
    second = add_scan(small.project, scan_file(tmp_path / "second.nii.gz"), by=small.ann).id
    ann = get_person(small.project, small.ann)
    first = next_scan(small.project, ann, order=FIRST)
    assert first.scan is not None
    assert first.scan.id == small.scan
    found = {next_scan(small.project, ann, order=RANDOM).scan for _ in range(3)}
    assert {row.id for row in found if row is not None} <= {small.scan, second}
    alone = next_scan(small.project, ann, small.scan, RANDOM)
    assert alone.scan is not None
    assert alone.scan.id == second
    assert alone.reason == "It was chosen by chance."


@pytest.mark.slow
def test_a_strategy_is_ranked_anew_for_another_model(small: SmallProject) -> None:
    assert rank_project(small.project) == 0  # there is no model
    folder = model_folder(small.project)
    folder.mkdir()
    for _ in range(2):
        store.promote(folder, store.save_version(folder, random_model(), {}, [(1, 0.5)]))
        assert not is_ranked(small.project, "entropy")
        assert rank_project(small.project, strategy="entropy") == 1
        assert is_ranked(small.project, "entropy")
    ann = get_person(small.project, small.ann)
    by_entropy = next_scan(small.project, ann, order="entropy").reason
    by_default = next_scan(small.project, ann).reason
    assert by_entropy != by_default  # the project's own ranking is another
