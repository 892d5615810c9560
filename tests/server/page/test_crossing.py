"""What is drawn in one plane is seen where slices of the others cross it."""

from __future__ import annotations

import pytest

from fewslice.project.database import Project
from fewslice.project.people import local_person
from fewslice.project.saving import save_revision
from tests.server.page.conftest import SHAPE, SPACING
from tests.support.annotation_page import AnnotationPage, Grid, OpenPage

pytestmark = pytest.mark.slow

AXIAL = Grid.across(2, SHAPE, SPACING)
SAGITTAL = Grid.across(0, SHAPE, SPACING)
HATCHED = "Hatched: drawn in other planes"
HINT = f"Not looked at. {HATCHED}"


def hatched_rows(page: AnnotationPage) -> tuple[float, float]:
    """The uppermost and the lowest pixel of the view that is hatched."""
    first, last = page.page.evaluate("""() => {
      const canvas = document.querySelector('#stage canvas.engine')
      const { width, height } = canvas
      const { data } = canvas.getContext('2d').getImageData(0, 0, width, height)
      const rows = Array.from({ length: height }, (_, row) => row)
      const hatched = (row) => data.slice(4 * width * row, 4 * width * (row + 1)).some(Boolean)
      return [rows.find(hatched), rows.findLast(hatched)]
    }""")
    return first, last


def with_axial_slice(project: Project, open_page: OpenPage) -> AnnotationPage:
    """A page on which axial slice 12 is drawn."""
    page = open_page(project)
    page.plane("axial")
    page.go_to(12)
    page.press("c")
    page.stroke(AXIAL, [(8.0, 6.0), (22.0, 6.0), (22.0, 18.0), (8.0, 18.0)])
    page.wait_saved()
    return page


def test_drawn_slices_are_seen_where_others_cross_them_before_anything_was_segmented(
    project: Project, open_page: OpenPage
) -> None:
    page = with_axial_slice(project, open_page)
    assert page.hatched_pixels() == 0
    page.plane("sagittal")
    page.go_to(15)
    page.page.locator("#slice-state", has_text=HINT).wait_for()
    page.page.wait_for_function("() => !document.querySelector('#stage canvas.engine').hidden")
    page.photograph("crossing")
    assert page.drawn_voxels() == 0  # nothing of it can be edited here
    # It is one voxel high: the line of its outline may lie a pixel and a half beyond either edge.
    box = page.page.locator("#stage").bounding_box()
    assert box is not None
    screen = page.screen(SAGITTAL)
    upper, lower = (
        screen.centre[1] + (12 + side - screen.middle[1]) * screen.step[1] for side in (0.5, -0.5)
    )
    top, bottom = hatched_rows(page)
    assert top + box["y"] == pytest.approx(upper, abs=3)
    assert bottom + box["y"] == pytest.approx(lower, abs=3)

    page.go_to(3)  # beside the structure
    assert page.shown("slice-state") == "Not looked at"
    page.page.wait_for_function("() => document.querySelector('#stage canvas.engine').hidden")
    page.go_to(15)
    page.press("b")
    page.click(SAGITTAL, (12.0, 5.0))
    page.wait_saved()
    page.photograph("crossing-drawn")
    assert page.shown("slice-state") == f"Drawn. {HATCHED}"  # an outline has yet to go there
    assert page.hatched_pixels() > 0
    page.stroke(SAGITTAL, [(5.0, 12.0), (20.0, 12.0)])
    page.wait_saved()
    page.page.wait_for_function("() => document.querySelector('#stage canvas.engine').hidden")
    assert page.shown("slice-state") == "Drawn"
    page.press("e")
    page.click(SAGITTAL, (12.0, 12.0))
    page.wait_saved()
    page.photograph("crossing-disagrees")
    page.page.locator("#slice-state", has_text=f"Drawn. {HATCHED}").wait_for()
    assert page.hatched_pixels() > 0
    page.plane("axial")
    page.press("Control+z", "Control+z", "Control+z", "Control+z")
    page.wait_saved()
    page.plane("sagittal")
    assert page.shown("slice-state") == "Not looked at"
    assert page.complaints == []


def test_they_are_still_seen_on_a_slice_that_was_only_said_to_hold_the_structure(
    project: Project, open_page: OpenPage
) -> None:
    me = local_person(project).id
    page = with_axial_slice(project, open_page)
    save_revision(project, 1, me, action="present", axis=0, index=15)
    save_revision(project, 1, me, action="absent", axis=0, index=16)
    page.page.reload()
    page.wait_ready()
    page.plane("sagittal")
    page.go_to(15)
    page.page.locator("#slice-state", has_text="Something here").wait_for()
    page.page.wait_for_function("() => !document.querySelector('#stage canvas.engine').hidden")
    assert page.hatched_pixels() > 0
    page.go_to(16)
    page.page.wait_for_function("() => document.querySelector('#stage canvas.engine').hidden")
