"""What the page says while the server cannot be reached, and once it can again."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.project.database import Project
from fewslice.project.people import add_person
from fewslice.project.saving import save_revision
from tests.server.page.conftest import SHAPE, SPACING
from tests.support.annotation_page import Grid, OpenPage

pytestmark = pytest.mark.slow

AXIAL = Grid.across(2, SHAPE, SPACING)
SLICE = SHAPE[2] // 2
UNREACHED = "The server cannot be reached."
NOTHING = "() => document.getElementById('notices').textContent === ''"


def test_that_the_server_cannot_be_reached_is_said_until_it_can_be(
    project: Project, open_page: OpenPage
) -> None:
    page = open_page(project)
    page.wait_quiet()
    page.page.context.set_offline(True)
    page.page.get_by_role("button", name="Segment").click()
    page.page.get_by_text(UNREACHED).wait_for()
    page.page.context.set_offline(False)
    page.page.wait_for_function(NOTHING)


def test_a_question_stays_while_the_server_cannot_be_reached(
    project: Project, open_page: OpenPage
) -> None:
    page = open_page(project)
    page.plane("axial")
    page.wait_quiet()
    page.page.context.set_offline(True)
    page.click(AXIAL, (15.0, 12.0))
    labels = np.zeros(SHAPE[:2], np.uint8)
    labels[2, 3:8] = 2
    grace = add_person(project, "Grace", None).id
    save_revision(project, 1, grace, action="draw", axis=2, index=SLICE, labels=labels)
    page.page.context.set_offline(False)
    page.page.get_by_text("Grace changed axial slice 11").wait_for()
    page.wait_quiet()
    page.page.context.set_offline(True)
    page.page.get_by_role("button", name="Segment").click()
    page.page.wait_for_timeout(300)
    assert "Grace changed axial slice 11" in page.said()
