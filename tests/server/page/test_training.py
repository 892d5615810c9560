"""Training as the page shows it: started, under way, its verdict, and an earlier model put back.

The test stands in for the process that trains, so that it decides what happens when; training
itself is tested in `tests/workflow/test_project_train.py`.
"""

from __future__ import annotations

import pytest

from fewslice.project import jobs
from fewslice.project.database import Project
from fewslice.training import store
from fewslice.workflow.project_support import model_folder
from tests.server.page.conftest import SHAPE, SPACING
from tests.support.annotation_page import AnnotationPage, Grid, OpenPage
from tests.support.random_models import random_model

pytestmark = pytest.mark.slow

AXIAL = Grid.across(2, SHAPE, SPACING)


def trained(project: Project, score: float, before: float | None, *, promote: bool) -> None:
    """Leave a version behind, as a training does."""
    folder = model_folder(project)
    facts = {"score": score, "before": before, "trained_slices": 12, "trained_scans": 3}
    number = store.save_version(folder, random_model(), facts, [(1, 0.5)])
    if promote:
        store.promote(folder, number)
    else:
        store.refuse(folder, number)


def drawn_on(project: Project, open_page: OpenPage) -> AnnotationPage:
    """A page on which something was drawn, so that there is something to train on."""
    page = open_page(project)
    page.plane("axial")
    page.click(AXIAL, (15.0, 12.0))
    return page


def test_a_training_is_started_followed_judged_and_rolled_back(
    project: Project, open_page: OpenPage
) -> None:
    trained(project, 0.5, None, promote=True)
    page = drawn_on(project, open_page)
    page.page.locator("#train:enabled").click()
    page.page.locator("#training-said", has_text="Waits for its turn").wait_for()
    job = jobs.claim(project, "a worker")
    assert job is not None
    assert job.kind == "train"
    jobs.progress(project, job.id, 0.4, "step 40 of 100")
    page.page.locator("#training-said", has_text="step 40 of 100").wait_for()
    progress = page.page.get_by_role("progressbar", name="Training")
    assert progress.evaluate("bar => bar.value") == 0.4

    trained(project, 0.75, 0.5, promote=True)
    jobs.finish(project, job.id)
    page.page.locator("#verdict", has_text="Version 2: Dice 0.750").wait_for()
    assert "better than the one before it (0.500). It is in use." in page.shown("verdict")
    assert page.page.locator("#train").is_enabled()
    chart = page.page.get_by_role("img", name="Learning curve: Dice 0.75 with 12 slices")
    chart.wait_for()
    assert chart.locator("circle").count() == 2

    page.page.locator("#activate-1").click()
    page.page.locator("#activate-2").wait_for()
    assert [each.promoted for each in store.versions(model_folder(project))] == [True, False]
    assert page.complaints == []


def test_a_training_is_cancelled_and_a_worse_model_is_not_used(
    project: Project, open_page: OpenPage
) -> None:
    trained(project, 0.75, None, promote=True)
    page = drawn_on(project, open_page)
    page.page.locator("#train:enabled").click()
    page.page.locator("#cancel-training").click()
    page.page.locator("#train:enabled").wait_for()
    assert [each.state for each in jobs.list_jobs(project)] == ["cancelled"]

    page.page.locator("#train").click()
    page.page.locator("#cancel-training").wait_for()
    job = jobs.claim(project, "a worker")
    assert job is not None
    trained(project, 0.625, 0.75, promote=False)
    jobs.finish(project, job.id)
    page.page.locator("#verdict", has_text="no better than the one before it (0.750)").wait_for()
    page.page.locator("#activate-2").wait_for()
    assert page.page.locator("#activate-1").count() == 0
