"""The strip along the scan stays still: only what becomes known changes it, and once."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.project import jobs
from fewslice.project.answers import save_answer
from fewslice.project.database import Project
from tests.server.page.conftest import SHAPE, SPACING
from tests.support.annotation_page import AnnotationPage, Grid, OpenPage

pytestmark = pytest.mark.slow

AXIAL = Grid.across(2, SHAPE, SPACING)
SLICE = SHAPE[2] // 2
FULL, HALF = 30, 14  # pixels of a bar above the line below all bars, of 32 and 16
_BARS = """() => {
  const canvas = document.getElementById('strip-canvas')
  const { width, height } = canvas
  const count = Number(canvas.ariaValueMax)
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height)
  const rows = Array.from({ length: height - 16 }, (_, row) => row + 12)
  return Array.from({ length: count }, (_, index) => {
    const column = Math.floor(((index + 0.4) * width) / count)
    return rows.filter((row) => data[4 * (row * width + column) + 3] > 0).length
  })
}"""


def bars(page: AnnotationPage) -> list[int]:
    """The heights of the bars, in pixels."""
    return [int(each) for each in page.page.evaluate(_BARS)]


def here(page: AnnotationPage) -> str:
    """What is said of the slice in hand."""
    return page.page.locator(".strip-head .here").inner_text()


def places(page: AnnotationPage) -> list[object]:
    """Where the slice and the bars are on the screen."""
    return [page.page.locator(each).bounding_box() for each in ("#stage", "#strip-canvas")]


def answer(project: Project, revision: int | None = 1) -> None:
    """Keep an answer that thinks well of itself."""
    own = {"axis": 2, "dice": [0.9] * SHAPE[2]}
    labels = np.zeros(SHAPE, np.uint8)
    labels[8:20, 8:16, 5:15] = 1
    save_answer(project, 1, labels=labels, confidence=own, engine="auto", revision=revision)


def rank(project: Project, dice: float) -> None:
    """Do the ranking that the page asked for: the slice above the middle is next."""
    job = jobs.claim(project, "worker")
    assert job is not None
    asked = {
        "axis": 2, "index": SLICE + 1, "plane": "axial", "kind": "draw", "gain": 0.1,
        "seconds": 20.0, "reason": "Because.",
    }  # fmt: skip
    result = {
        "revision": 1, "slices": [asked], "predicted_dice": 0.8, "predicted_dice_low": 0.7,
        "may_stop": False, "message": "Go on.", "axis": 2, "slice_dice": [dice] * SHAPE[2],
    }  # fmt: skip
    jobs.finish(project, job.id, result)


@pytest.mark.parametrize("width", [1024, 1152, 1280])
def test_an_answer_and_its_ranking_move_nothing_and_say_one_thing(
    project: Project, open_page: OpenPage, width: int
) -> None:
    page = open_page(project)
    page.page.set_viewport_size({"width": width, "height": 720})
    page.plane("axial")
    page.click(AXIAL, (15.0, 12.0))
    page.wait_saved()
    before = places(page)
    drawn = [FULL if index == SLICE else 0 for index in range(SHAPE[2])]
    assert bars(page) == drawn

    answer(project)
    unjudged = [FULL if index == SLICE else HALF for index in range(SHAPE[2])]
    page.page.wait_for_function(f"wanted => String(({_BARS})()) === String(wanted)", arg=unjudged)
    page.press(".", "h")
    assert here(page) == f"Slice {SLICE + 2} of {SHAPE[2]}"
    page.press("g")
    page.page.locator("#next .say", has_text="Draw").wait_for()
    assert bars(page) == unjudged  # of a first guess nobody knows how good the answer is
    rank(project, 0.25)
    # A quarter of 32 pixels, two of which lie on the line below.
    judged = [FULL if index == SLICE else 6 for index in range(SHAPE[2])]
    page.page.wait_for_function(f"wanted => String(({_BARS})()) === String(wanted)", arg=judged)
    page.page.locator("#next", has_text="Because.").wait_for()
    page.go_to(SLICE + 2)
    assert here(page) == f"Slice {SLICE + 3} of {SHAPE[2]} · expected Dice 0.25"
    assert places(page) == before
    page.photograph(f"strip-{width}")
    page.go_to(SLICE)
    # What a person drew is not expected but known.
    assert here(page) == f"Slice {SLICE + 1} of {SHAPE[2]}"

    answer(project)  # a later one, not ranked yet
    page.page.wait_for_timeout(500)
    assert bars(page) == judged


def test_another_plane_has_its_bars_at_once(project: Project, open_page: OpenPage) -> None:
    answer(project, revision=None)
    page = open_page(project)
    page.plane("axial")
    page.page.wait_for_function(f"() => ({_BARS})().every((height) => height === {HALF})")
    page.page.route("**/strip?axis=*", lambda _: None)  # an answer that does not come
    page.plane("coronal")
    assert bars(page) == [HALF] * SHAPE[1]
    page.plane("axial")
    assert bars(page) == [HALF] * SHAPE[2]
