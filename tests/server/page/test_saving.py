"""Nothing that was drawn is lost: undo weeks later, lost connections, and two people at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fewslice.project.conflicts import open_conflicts
from fewslice.project.database import Project
from fewslice.project.people import add_person
from fewslice.project.revisions import history, revision_labels, slice_head
from fewslice.project.saving import save_revision
from fewslice.project.scans import get_scan
from tests.server.page.conftest import SHAPE, SPACING
from tests.support.annotation_page import AnnotationPage, Grid, OpenPage, Point

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = pytest.mark.slow

AXIAL = Grid.across(2, SHAPE, SPACING)
MIDDLE: Point = (15.0, 12.0)
CORNER: Point = (8.0, 5.0)
SLICE = SHAPE[2] // 2


def opened(project: Project, open_page: OpenPage) -> AnnotationPage:
    page = open_page(project)
    page.plane("axial")
    return page


def voxels(project: Project, index: int = SLICE) -> int:
    """How many voxels the project holds on an axial slice."""
    head = slice_head(project, 1, (2, index))
    labels = None if head is None else revision_labels(project, head)
    return 0 if labels is None else int(np.count_nonzero(labels))


def actions(project: Project) -> list[str]:
    return [each.action for each in history(project, 1)]


def test_undo_and_redo_outlive_the_page(project: Project, open_page: OpenPage) -> None:
    page = opened(project, open_page)
    page.click(AXIAL, MIDDLE)
    page.press(".", "k", ",")
    page.click(AXIAL, CORNER)
    page.wait_saved()
    both = page.drawn_voxels()
    page.page.reload()
    page.wait_ready()
    page.plane("axial")
    page.press("Control+z")
    page.wait_saved()
    page.page.wait_for_function(f"() => {page.counting} < {both}")
    one = page.drawn_voxels()
    assert 0 < one < both
    assert voxels(project) == one
    page.press("Control+z")  # the mark on the next slice
    page.page.wait_for_function(
        f"() => document.getElementById('strip-canvas').ariaValueNow === '{SLICE + 2}'"
    )
    assert page.shown("slice-state") == "Not looked at"
    page.press("Control+y", "Control+y")
    page.wait_saved()
    page.page.wait_for_function(f"() => {page.counting} === {both}")
    assert voxels(project) == both
    assert actions(project) == ["draw", "absent", "draw", "undo", "undo", "redo", "redo"]


def test_strokes_without_a_connection_are_kept_and_sent_by_the_next_page(
    project: Project, open_page: OpenPage
) -> None:
    page = opened(project, open_page)
    page.page.context.set_offline(True)
    page.click(AXIAL, MIDDLE)
    page.click(AXIAL, CORNER)
    page.press(".")
    page.click(AXIAL, MIDDLE)
    page.page.get_by_text("No connection: 3 changes kept in this browser").wait_for()
    drawn = page.drawn_voxels()
    assert actions(project) == []
    context, address = page.page.context, page.page.url
    page.page.close()
    context.set_offline(False)
    later = AnnotationPage.opened(context.new_page(), address, webgl=False)
    later.wait_saved()
    assert actions(project) == ["draw", "draw", "draw"]
    assert voxels(project, SLICE + 1) == drawn
    assert voxels(project) > drawn
    assert [each.conflict for each in history(project, 1)] == [None, None, None]


def losing_answers(times: int) -> Callable[[Route], None]:
    """Lets requests through and loses their answers, that many times."""
    left = [times]

    def handle(route: Route) -> None:
        if left[0] == 0:
            route.continue_()
            return
        left[0] -= 1
        route.fetch()
        route.abort()

    return handle


def test_what_is_sent_again_is_stored_once(project: Project, open_page: OpenPage) -> None:
    page = opened(project, open_page)
    page.page.route("**/slices/2/*", losing_answers(1))
    page.click(AXIAL, MIDDLE)
    page.click(AXIAL, CORNER)
    page.wait_saved()
    assert actions(project) == ["draw", "draw"]
    page.page.route("**/undo", losing_answers(1))
    page.press("Control+z")
    page.wait_saved()
    assert actions(project) == ["draw", "draw", "undo"]
    assert 0 < voxels(project) == page.drawn_voxels()


_ADDED_DURING_AN_ANSWER = """async () => {
  const { Outbox } = await import('/js/sync/outbox.js')
  const box = await Outbox.open('a box of its own')
  await box.add({ key: 'first', after: null, parent: null })
  const [first] = await box.all()
  const acknowledged = box.acknowledge(first, 7)
  const added = box.add({ key: 'second', after: 'first', parent: null })
  await Promise.all([acknowledged, added])
  return (await box.all()).map(({ key, after, parent }) => [key, after, parent])
}"""


def test_a_stroke_made_while_the_one_before_is_acknowledged_builds_on_it(
    project: Project, open_page: OpenPage
) -> None:
    page = open_page(project)
    assert page.page.evaluate(_ADDED_DURING_AN_ANSWER) == [["second", None, 7]]


def hers(project: Project, parent: int | None = None) -> int:
    """A revision of the slice by somebody else, of five voxels."""
    grace = add_person(project, "Grace", None)
    labels = np.zeros(SHAPE[:2], np.uint8)
    labels[2, 3:8] = 2
    saved = save_revision(
        project, 1, grace.id, action="draw", axis=2, index=SLICE, labels=labels, parent=parent
    )
    return saved.revision.id


def test_two_people_at_once_are_shown_and_both_are_kept(
    project: Project, open_page: OpenPage
) -> None:
    page = opened(project, open_page)
    page.page.context.set_offline(True)
    page.click(AXIAL, MIDDLE)
    mine = page.drawn_voxels()
    hers(project)
    page.page.context.set_offline(False)
    page.page.get_by_text("Grace changed axial slice 11").wait_for()
    assert len(open_conflicts(project, 1)) == 1
    assert voxels(project) == 5
    page.page.get_by_role("button", name="Mine").click()
    page.page.wait_for_function("() => document.getElementById('notices').textContent === ''")
    assert open_conflicts(project, 1) == []
    assert voxels(project) == mine
    page.wait_drawn(mine)


def test_a_scan_is_accepted_once_somebody_has_chosen(project: Project, open_page: OpenPage) -> None:
    page = opened(project, open_page)
    page.page.context.set_offline(True)
    page.click(AXIAL, MIDDLE)
    hers(project)
    page.page.context.set_offline(False)
    page.page.get_by_text("Grace changed axial slice 11").wait_for()
    page.page.locator("#accept-scan").click()
    page.page.get_by_text("has two versions of axial 11; choose").wait_for()
    page.page.get_by_role("button", name="Choose").wait_for()
    page.photograph("two-versions")
    page.page.get_by_role("button", name="Choose").click()
    page.page.get_by_role("button", name="Mine").click()
    page.page.wait_for_function("() => document.getElementById('notices').textContent === ''")
    page.page.locator("#accept-scan").click()
    page.page.get_by_text("This scan is accepted").wait_for()
    assert get_scan(project, 1).status == "accepted"


def test_somebody_elses_slice_is_locked_until_one_says_so(
    project: Project, open_page: OpenPage
) -> None:
    hers(project)
    page = opened(project, open_page)
    page.page.wait_for_function(f"() => {page.counting} === 5")
    page.click(AXIAL, MIDDLE)
    assert "Grace drew this slice" in page.said()
    assert page.drawn_voxels() == 5
    page.page.get_by_role("button", name="Edit it anyway").click()
    page.click(AXIAL, MIDDLE)
    page.wait_saved()
    assert voxels(project) == page.drawn_voxels() > 5
    assert open_conflicts(project, 1) == []


def test_what_somebody_else_draws_appears(project: Project, open_page: OpenPage) -> None:
    page = opened(project, open_page)
    hers(project)
    page.page.wait_for_function(f"() => {page.counting} === 5")
