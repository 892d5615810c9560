"""Who has a scan while the connection is lost, and what becomes of what was drawn meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.project import leases
from fewslice.project.conflicts import open_conflicts
from fewslice.project.database import Project
from fewslice.project.people import add_person
from fewslice.project.revisions import revision_labels, slice_head
from fewslice.project.saving import save_revision
from fewslice.project.scans import get_scan
from tests.server.page.conftest import SHAPE, SPACING
from tests.support.annotation_page import AnnotationPage, Grid, OpenPage, Point

pytestmark = pytest.mark.slow

AXIAL = Grid.across(2, SHAPE, SPACING)
MIDDLE: Point = (15.0, 12.0)
CORNER: Point = (8.0, 5.0)
SLICE = SHAPE[2] // 2
TAKEN = "Grace has the scan 'ramp' open"
MINUTE = 61_000  # milliseconds: the page renews its lease every minute


def opened(project: Project, open_page: OpenPage) -> AnnotationPage:
    page = open_page(project)
    page.plane("axial")
    page.wait_quiet()  # what is asked for without a connection says that there is none
    return page


def holder(project: Project) -> int | None:
    lease = get_scan(project, 1).lease
    return None if lease is None else lease.person_id


def voxels(project: Project) -> int:
    """How many voxels the project holds on the slice in hand."""
    head = slice_head(project, 1, (2, SLICE))
    labels = None if head is None else revision_labels(project, head)
    return 0 if labels is None else int(np.count_nonzero(labels))


def wait_kept(page: AnnotationPage) -> None:
    page.page.locator("#saved", has_text="kept in this browser").wait_for()


def taken_while_offline(project: Project, open_page: OpenPage) -> tuple[AnnotationPage, int]:
    """Draw without a connection, while Grace takes the scan; return the page and who she is."""
    grace = add_person(project, "Grace", None).id
    page = opened(project, open_page)
    page.page.context.set_offline(True)
    page.click(AXIAL, MIDDLE)
    wait_kept(page)
    leases.take(project, 1, grace, force=True)
    return page, grace


def test_a_scan_that_nobody_took_is_leased_anew_once_the_connection_is_back(
    project: Project, open_page: OpenPage
) -> None:
    page = opened(project, open_page)
    person = holder(project)
    assert person is not None
    page.page.context.set_offline(True)
    page.click(AXIAL, MIDDLE)
    wait_kept(page)
    leases.release(project, 1, person)  # as if it had run out
    page.page.context.set_offline(False)
    with page.page.expect_response("**/scans/1/lease") as renewed:
        page.wait_saved()
    assert renewed.value.ok
    assert holder(project) == person
    before = page.drawn_voxels()
    assert voxels(project) == before
    page.click(AXIAL, CORNER)
    page.wait_saved()
    assert voxels(project) == page.drawn_voxels() > before
    assert page.said() == ""


def test_renewals_that_fail_without_a_connection_stop_nobody_from_drawing(
    project: Project, open_page: OpenPage
) -> None:
    page = opened(project, open_page)
    page.page.clock.install()
    page.page.reload()
    page.wait_ready()
    page.plane("axial")
    page.wait_quiet()
    failed: list[str] = []
    page.page.on("requestfailed", lambda request: failed.append(request.url))
    page.page.context.set_offline(True)
    page.click(AXIAL, MIDDLE)
    wait_kept(page)
    page.page.clock.fast_forward(MINUTE)
    page.page.wait_for_timeout(300)
    assert any(url.endswith("/scans/1/lease") for url in failed)
    page.click(AXIAL, CORNER)
    page.page.locator("#saved", has_text="2 changes kept in this browser").wait_for()
    assert page.said() == ""
    drawn = page.drawn_voxels()
    page.page.context.set_offline(False)
    page.wait_saved()
    assert voxels(project) == drawn


def test_a_scan_that_somebody_took_meanwhile_is_told_and_what_was_drawn_arrives(
    project: Project, open_page: OpenPage
) -> None:
    page, grace = taken_while_offline(project, open_page)
    drawn = page.drawn_voxels()
    page.page.context.set_offline(False)
    page.page.get_by_text(TAKEN).wait_for()
    page.photograph("taken")
    page.wait_saved()
    assert voxels(project) == drawn
    assert open_conflicts(project, 1) == []
    page.click(AXIAL, CORNER)
    assert "Somebody else has this scan open" in page.said()
    assert page.drawn_voxels() == drawn
    assert holder(project) == grace
    page.page.get_by_role("button", name="Take over").click()
    page.page.wait_for_function("() => document.getElementById('notices').textContent === ''")
    page.click(AXIAL, CORNER)
    page.wait_saved()
    assert voxels(project) == page.drawn_voxels() > drawn
    assert holder(project) != grace


def test_which_drawing_counts_is_asked_before_who_has_the_scan(
    project: Project, open_page: OpenPage
) -> None:
    page, grace = taken_while_offline(project, open_page)
    mine = page.drawn_voxels()
    labels = np.zeros(SHAPE[:2], np.uint8)
    labels[2, 3:8] = 2
    save_revision(project, 1, grace, action="draw", axis=2, index=SLICE, labels=labels)
    page.page.context.set_offline(False)
    page.page.get_by_text("Grace changed axial slice 11").wait_for()
    page.page.wait_for_timeout(500)
    page.page.get_by_role("button", name="Mine").click()
    page.page.get_by_text(TAKEN).wait_for()
    assert open_conflicts(project, 1) == []
    assert voxels(project) == mine


def test_one_is_told_at_once_when_somebody_takes_the_scan_over(
    project: Project, open_page: OpenPage
) -> None:
    grace = add_person(project, "Grace", None).id
    page = opened(project, open_page)
    page.click(AXIAL, MIDDLE)
    page.wait_saved()
    leases.take(project, 1, grace, force=True)
    page.page.get_by_text(TAKEN).wait_for()
    assert page.complaints == []
