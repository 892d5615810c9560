"""Two people annotate one scan apart from each other; a reviewer sees who disagrees where."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.project.database import Project
from fewslice.project.people import add_person
from fewslice.project.saving import save_revision
from fewslice.project.scans import change_scan
from tests.server.page.conftest import SHAPE, SPACING
from tests.support.annotation_page import AnnotationPage, Grid, OpenPage

pytestmark = pytest.mark.slow

AXIAL = Grid.across(2, SHAPE, SPACING)
PASSWORD = "correct horse battery"  # noqa: S105 - of nobody


def draws(project: Project, person: int, index: int, rows: slice) -> None:
    """Somebody draws rows of eight voxels on an axial slice."""
    labels = np.zeros(SHAPE[:2], np.uint8)
    labels[rows, 8:16] = 1
    save_revision(project, 1, person, action="draw", axis=2, index=index, labels=labels)


def log_in(page: AnnotationPage, name: str) -> None:
    page.page.locator("#login-name").fill(name)
    page.page.locator("#login-password").fill(PASSWORD)
    page.press("Enter")
    page.wait_ready()


def test_a_reviewer_sees_who_disagrees_where(project: Project, open_page: OpenPage) -> None:
    add_person(project, "Root", PASSWORD, "admin")
    ada, bob = (add_person(project, name, PASSWORD, "annotator").id for name in ("Ada", "Bob"))
    add_person(project, "Eve", PASSWORD, "reviewer")
    change_scan(project, 1, independent=True)
    # Alike on slice 6; on slice 9 half of it: 2 * 32 / (64 + 64); on slice 12 nothing in common.
    for index, hers, his in ((6, (2, 10), (2, 10)), (9, (2, 10), (6, 14)), (12, (2, 6), (8, 12))):
        draws(project, ada, index, slice(*hers))
        draws(project, bob, index, slice(*his))
    page = open_page(project, wait=False)
    log_in(page, "Eve")
    page.page.locator("#agreement h2").wait_for()
    said = page.shown("agreement")
    assert "Ada and Bob" in said
    # All slices together: 64 + 32 + 0 voxels in common of 160 each.
    assert page.page.locator("#agreement dd").first.inner_text().startswith("0.60")
    worst = page.page.locator("#agreement button").all_inner_texts()
    assert worst[:2] == ["Axial 13: Dice 0.00", "Axial 10: Dice 0.50"]
    page.page.get_by_role("button", name="Axial 10: Dice 0.50").click()
    assert page.page.locator("#strip-canvas").get_attribute("aria-valuenow") == "10"
    said = "Filled: what Ada drew. Hatched: what Bob drew."
    page.page.locator("#slice-state", has_text=said).wait_for()
    page.page.wait_for_function(f"() => {page.counting} === 64")
    assert page.hatched_pixels() > 0
    page.photograph("agreement")
    assert page.faults() == []
    page.page.locator("#end-compare").click()
    page.page.wait_for_function(f"() => {page.counting} === 0")
    assert page.page.locator("#plane-2").get_attribute("aria-checked") == "true"
    assert page.complaints == []


def test_an_annotator_is_shown_neither_the_others_work_nor_the_agreement(
    project: Project, open_page: OpenPage
) -> None:
    add_person(project, "Root", PASSWORD, "admin")
    add_person(project, "Ada", PASSWORD, "annotator")
    bob = add_person(project, "Bob", PASSWORD, "annotator").id
    change_scan(project, 1, independent=True)
    draws(project, bob, 9, slice(2, 10))
    page = open_page(project, wait=False)
    log_in(page, "Ada")
    page.plane("axial")
    page.go_to(9)
    assert page.shown("slice-state") == "Not looked at"
    assert page.drawn_voxels() == 0
    assert page.shown("agreement") == ""
    assert page.said() == ""
    page.click(AXIAL, (15.0, 12.0))
    page.wait_saved()
    assert page.shown("slice-state") == "Drawn by Ada"
