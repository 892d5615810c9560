"""axe-core finds nothing serious, on a desktop and on a tablet."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fewslice.project.database import Project
from fewslice.project.people import add_person
from fewslice.training import store
from fewslice.workflow.project_support import model_folder
from tests.server.page.conftest import SHAPE, SPACING
from tests.support.annotation_page import AnnotationPage, Grid, OpenPage
from tests.support.random_models import random_model

pytestmark = pytest.mark.slow

AXIAL = Grid.across(2, SHAPE, SPACING)


def test_nothing_serious(project: Project, open_page: OpenPage) -> None:
    page = open_page(project)
    page.plane("axial")
    page.click(AXIAL, (15.0, 12.0))
    page.wait_saved()
    assert page.faults() == []
    page.press("e", "x", "?")
    page.photograph("keys")
    assert page.faults() == []


def test_nothing_serious_where_people_log_in(project: Project, open_page: OpenPage) -> None:
    add_person(project, "Ada", "correct horse battery", "admin")
    page = open_page(project, wait=False)
    page.page.locator("#login-name").fill("Ada")
    page.page.locator("#login-password").fill("wrong horse")
    page.page.keyboard.press("Enter")
    page.page.locator("#gate .wrong").filter(has_text="password").wait_for()
    assert page.faults() == []


def answered(page: AnnotationPage, path: str, answer: object) -> None:
    """Let the server answer a route with this: states that engines come to only now and then."""
    body = json.dumps(answer)
    page.page.route(path, lambda route: route.fulfill(body=body, content_type="application/json"))


def suggestion(kind: str, *, may_stop: bool) -> dict[str, Any]:
    slice_ = {
        "axis": 2, "index": 3, "plane": "axial", "kind": kind, "gain": 0.1, "seconds": 20.0,
        "reason": "It is far from all that was looked at.",
    }  # fmt: skip
    said = "Expected Dice 0.95, at least 0.91 with 90 % probability: you may stop."
    return {
        "slices": [slice_], "predicted_dice": 0.95, "predicted_dice_low": 0.91,
        "may_stop": may_stop, "message": said if may_stop else "Go on.",
    }  # fmt: skip


def test_nothing_serious_in_any_state_of_the_panels(project: Project, open_page: OpenPage) -> None:
    for number in (1, 2):
        facts = {"score": 0.5, "before": None, "trained_slices": number, "trained_scans": 1}
        store.promote(
            model_folder(project),
            store.save_version(model_folder(project), random_model(), facts, []),
        )
    page = open_page(project)
    page.plane("axial")
    page.click(AXIAL, (15.0, 12.0))
    page.wait_saved()
    page.page.locator("#layout-solid").click()
    page.page.locator("#train").click()
    page.page.locator("#cancel-training").wait_for()

    answered(page, "**/suggestion*", suggestion("draw", may_stop=True))
    page.press("g", "h")
    page.page.locator("#stopping.stop").wait_for()
    page.photograph("may-stop")
    assert page.faults() == []

    page.click(AXIAL, (15.0, 12.0))  # on another slice: what was asked is dropped
    page.page.unroute("**/suggestion*")
    answered(page, "**/suggestion*", suggestion("present", may_stop=False))
    page.press("b")
    page.click(AXIAL, (10.0, 8.0))
    page.wait_saved()
    page.press("g")
    page.page.locator("#answer-yes").wait_for()
    page.page.locator(".side-right").evaluate("side => side.scrollTo(0, 9999)")
    assert page.drawn_voxels() > 0
    page.press("l", "k")  # a structure that is locked: a warning
    page.page.get_by_text("A locked structure is on this slice").wait_for()
    assert "Is any of your structures on axial slice 4?" in page.shown("next")
    page.photograph("question")
    assert page.faults() == []

    page.press("Escape", "s")
    page.page.get_by_role("progressbar", name="Segmentation").wait_for()
    answered(page, "**/queue*", {"scan": 1, "name": "ramp", "reason": "It is the next."})
    page.page.locator("#accept-scan").click()
    page.page.locator("#segment").click()
    page.page.locator("#open-next").wait_for()
    page.photograph("next-scan")
    assert page.faults() == []


def test_on_a_tablet_everything_is_in_reach(project: Project, open_page: OpenPage) -> None:
    page = open_page(project)
    page.page.set_viewport_size({"width": 1024, "height": 768})
    page.photograph("tablet")
    assert page.faults() == []
    for name in ("segment", "go-next", "accept-slice", "tool-polygon", "erase", "strip-canvas"):
        box = page.page.locator(f"#{name}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1024
        assert box["y"] + box["height"] <= 768
