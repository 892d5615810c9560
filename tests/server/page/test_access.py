"""axe-core finds nothing serious, on a desktop and on a tablet."""

from __future__ import annotations

from typing import Any

import pytest

from fewslice.project.database import Project
from tests.server.page.conftest import SHAPE, SPACING
from tests.support.annotation_page import ROOT, AnnotationPage, Grid, OpenPage, require

pytestmark = pytest.mark.slow

AXE = ROOT / "scripts" / "page" / "node_modules" / "axe-core" / "axe.min.js"
AXIAL = Grid.across(2, SHAPE, SPACING)


def faults(page: AnnotationPage) -> list[str]:
    """What axe finds, one line a rule."""
    require("axe-core", str(AXE), "browser")
    page.page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.page.evaluate("() => axe.run()")
    return [
        f"{each['impact']} {each['id']}: {each['nodes'][0]['html'][:120]}"
        for each in found["violations"]
    ]


def test_nothing_serious(project: Project, open_page: OpenPage) -> None:
    page = open_page(project)
    page.plane("axial")
    page.click(AXIAL, (15.0, 12.0))
    page.wait_saved()
    assert faults(page) == []
    page.press("e", "x", "?")
    page.photograph("keys")
    assert faults(page) == []


def test_on_a_tablet_everything_is_in_reach(project: Project, open_page: OpenPage) -> None:
    page = open_page(project)
    page.page.set_viewport_size({"width": 1024, "height": 768})
    page.photograph("tablet")
    assert faults(page) == []
    for name in ("segment", "go-next", "accept-slice", "tool-polygon", "erase", "strip-canvas"):
        box = page.page.locator(f"#{name}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1024
        assert box["y"] + box["height"] <= 768
