"""The page under its strict policy: what it shows, and all of it by keyboard."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fewslice.project.adding import add_scan
from fewslice.project.database import Project
from fewslice.project.jobs import enqueue, finish
from fewslice.project.opening import create_project
from fewslice.project.people import add_person, local_person
from fewslice.project.structures import Structure, list_structures
from tests.server.page.conftest import SHAPE, SPACING
from tests.support.annotation_page import Grid, OpenPage, Point
from tests.support.new_projects import new_project

pytestmark = pytest.mark.slow

AXIAL = Grid.across(2, SHAPE, SPACING)
MIDDLE: Point = (15.0, 12.0)
_SOLID = """() => {
  const canvas = document.getElementById('solid')
  if (canvas.width * canvas.height === 0) return 0
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  return data.filter((value, place) => place % 4 === 3 && value > 0).length
}"""  # how many pixels show a structure in 3D


def test_three_planes_are_shown_without_a_violation_of_the_policy(
    project: Project, open_page: OpenPage
) -> None:
    page = open_page(project, webgl=True)
    page.page.wait_for_function(
        "() => document.querySelector('.volume-view canvas').width > 0 "
        "&& document.querySelector('.volume-view p').textContent === ''"
    )
    page.page.wait_for_timeout(500)
    picture = page.page.locator(".volume-view").screenshot()
    assert len(picture) > 5000  # an even black compresses to some hundred bytes
    assert page.complaints == []


def test_the_image_is_the_right_way_round(project: Project, open_page: OpenPage) -> None:
    # Intensities rise by 10 a voxel to the patient's right and by 5 to the front: the brightest
    # corner of an axial slice is front right, which radiologists see on the upper left.
    page = open_page(project)
    page.plane("axial")
    grey = {
        corner: page.grey(AXIAL, place)
        for corner, place in {
            "right front": (28.0, 22.0), "left front": (1.0, 22.0),
            "right back": (28.0, 1.0), "left back": (1.0, 1.0),
        }.items()
    }  # fmt: skip
    assert grey["right front"] > grey["right back"] > grey["left front"] > grey["left back"]
    upper_left = page.screen(AXIAL).pixel((28.0, 22.0))
    lower_right = page.screen(AXIAL).pixel((1.0, 1.0))
    assert upper_left[0] < lower_right[0]
    assert upper_left[1] < lower_right[1]


def test_without_webgl_one_can_draw(project: Project, open_page: OpenPage) -> None:
    page = open_page(project)
    page.plane("axial")
    page.click(AXIAL, MIDDLE)
    page.wait_saved()
    assert page.drawn_voxels() > 1
    page.page.locator("#layout-planes[disabled]").wait_for()
    page.page.wait_for_function(f"() => ({_SOLID})() > 0")  # structures in 3D need no WebGL


def test_all_of_it_by_keyboard(project: Project, open_page: OpenPage) -> None:
    page = open_page(project)
    stage = page.page.locator("#stage")
    page.plane("axial")
    stage.focus()
    page.press(*["["] * 40)  # the smallest brush: one voxel
    page.press("2", "Enter", "ArrowRight", "ArrowRight", "ArrowUp", "Enter", "ArrowUp")
    page.wait_saved()
    assert page.drawn_voxels() == 4
    page.press("Control+z")
    page.wait_saved()
    assert page.drawn_voxels() == 0
    page.press("Control+y")
    page.wait_saved()
    assert page.drawn_voxels() == 4
    page.press("p", "Enter", "Shift+ArrowRight", "Enter", "Shift+ArrowDown", "Enter", "Shift+Enter")
    page.wait_saved()
    assert page.drawn_voxels() > 30
    page.press(".")
    assert page.shown("slice-state") == "Not looked at"
    page.press("k")
    assert page.shown("slice-state") == "Nothing here"
    page.press("?")
    keys = page.shown("help")
    assert "Segment the volume" in keys
    assert "Close a polygon" in keys
    assert page.complaints == []


_TOUCHES = """([steps]) => {
  const stage = document.getElementById('stage')
  stage.setPointerCapture = () => {}  // these pointers are none of the system's
  for (const [type, pointerType, pointerId, clientX, clientY] of steps) {
    const where = { pointerType, pointerId, clientX, clientY, buttons: 1 }
    stage.dispatchEvent(new PointerEvent(type, where))
  }
}"""


def test_the_hand_that_holds_the_pen_draws_nothing(project: Project, open_page: OpenPage) -> None:
    page = open_page(project)
    page.plane("axial")
    page.press(*["["] * 40)  # the smallest brush: one voxel
    screen = page.screen(AXIAL)
    start, end = screen.pixel((10.0, 12.0)), screen.pixel((14.0, 12.0))
    hand = screen.pixel((20.0, 4.0))
    steps = [
        ("pointerdown", "pen", 1, *start),
        ("pointerdown", "touch", 2, *hand),
        ("pointermove", "touch", 2, *screen.pixel((22.0, 6.0))),
        ("pointermove", "pen", 1, *end),
        ("pointerup", "touch", 2, *hand),
        ("pointerup", "pen", 1, *end),
        ("pointerdown", "touch", 3, *hand),  # a finger alone moves the picture now
        ("pointerup", "touch", 3, *hand),
    ]
    page.page.evaluate(_TOUCHES, [steps])
    page.wait_saved()
    assert page.drawn_voxels() == 5


def test_a_measurement_is_in_millimetres(project: Project, open_page: OpenPage) -> None:
    page = open_page(project)
    page.plane("axial")
    page.press("m")
    ends = page.stroke(AXIAL, [(5.0, 12.0), (25.0, 12.0)])
    length = abs(ends[1][0] - ends[0][0]) * SPACING[0]
    assert page.measured() == pytest.approx(length, abs=1e-6)
    assert 19 < length < 21


def test_a_project_without_scans_says_what_to_do(tmp_path: Path, open_page: OpenPage) -> None:
    page = open_page(new_project(tmp_path / "empty", name="Empty"), wait=False)
    page.page.locator("#scans .empty").wait_for()
    assert "No scans yet" in page.shown("scans")
    assert "fewslice project add" in page.shown("scans")
    assert "Name the first structure" in page.shown("structures")
    page.page.locator("#new-structure").fill("<img src=x onerror=alert(1)>")
    page.press("Enter")
    page.page.locator("#structure-1").wait_for()
    assert "<img src=x onerror=alert(1)>" in page.shown("structures")
    assert page.complaints == []


def test_with_accounts_one_logs_in(project: Project, open_page: OpenPage) -> None:
    add_person(project, "Ada", "correct horse battery", "admin")
    page = open_page(project, wait=False)
    page.page.locator("#login-name").fill("Ada")
    page.page.locator("#login-password").fill("wrong horse")
    page.press("Enter")
    page.page.locator(".wrong:not(:empty)").wait_for()
    page.page.locator("#login-password").fill("correct horse battery")
    page.press("Enter")
    page.wait_ready()
    page.plane("axial")
    page.click(AXIAL, MIDDLE)
    page.wait_saved()
    assert page.shown("slice-state") == "Drawn by Ada"


def test_locks_hold_and_are_the_projects(project: Project, open_page: OpenPage) -> None:
    page = open_page(project)
    page.plane("axial")
    page.click(AXIAL, MIDDLE)
    page.wait_saved()
    before = page.drawn_voxels()
    page.press("l", "k")  # the structure in hand, which is the first; the lock holds at once
    assert "unlock it" in page.said()
    page.page.locator("#lock-1[aria-pressed=true]").wait_for()
    page.press("e")
    page.click(AXIAL, MIDDLE)
    assert "locked structures" in page.said()
    page.press("k")
    assert "unlock it" in page.said()
    page.wait_saved()
    assert page.drawn_voxels() == before
    assert [each.locked for each in list_structures(project)] == [True, False]


def test_channels_can_be_looked_at_one_by_one(
    tmp_path: Path, scan_file: Path, open_page: OpenPage
) -> None:
    project = new_project(tmp_path / "channels", name="Channels")
    ramp = nib.load(scan_file)
    turned = tmp_path / "turned.nii.gz"
    # Mirrored, and forty times as bright: a window for both would show one of them black or white.
    nib.save(nib.Nifti1Image(40 * np.asarray(ramp.dataobj)[::-1], ramp.affine), turned)
    add_scan(project, [scan_file, turned], by=local_person(project).id, name="both")
    page = open_page(project)
    page.plane("axial")
    right, left = (28.0, 12.0), (1.0, 12.0)
    first = (page.grey(AXIAL, right), page.grey(AXIAL, left))
    assert first[0] > first[1] + 100
    page.page.locator("#channel").select_option("1")
    # 40 times some 350 is white
    page.page.wait_for_function("() => document.getElementById('window-high').value > 10000")
    page.page.wait_for_timeout(300)
    assert page.grey(AXIAL, left) > page.grey(AXIAL, right) + 100
    page.press("j")  # the first one again, with its own window
    page.page.wait_for_function("() => document.getElementById('window-high').value < 1000")
    page.page.wait_for_timeout(300)
    assert (page.grey(AXIAL, right), page.grey(AXIAL, left)) == first


def test_lengths_are_in_voxels_where_nobody_knows_the_spacing(
    tmp_path: Path, open_page: OpenPage
) -> None:
    made = create_project(tmp_path / "project", name="Eyes", structures=[Structure(1, "fluid")])
    np.save(tmp_path / "eye.npy", np.arange(40 * 32 * 6, dtype=np.int16).reshape(40, 32, 6))
    ann = local_person(made).id
    eye = add_scan(made, tmp_path / "eye.npy", by=ann).id
    finish(made, enqueue(made, "segment", eye, by=ann).id, {"remarks": ["It is drawn once."]})
    page = open_page(made)
    assert page.page.locator("#plane-2").get_attribute("aria-checked") == "true"  # not a strip
    assert page.shown("radius-said").endswith(" voxels")
    page.page.locator("#remarks", has_text="It is drawn once.").wait_for()
    assert "lengths are in voxels" in page.shown("remarks")


def test_the_page_opens_the_same_scan_again_with_what_was_remarked_on_its_answer(
    project: Project, scan_file: Path, open_page: OpenPage
) -> None:
    ann = local_person(project).id
    second = add_scan(project, scan_file, by=ann, name="second").id
    job = enqueue(project, "segment", second, by=ann)
    finish(project, job.id, {"remarks": ["Label 1 is drawn on one slice only."]})
    page = open_page(project)
    assert page.shown("remarks") == ""
    page.page.locator(f"#scan-{second}").click()
    page.page.locator("#where", has_text="second").wait_for()
    page.page.locator("#remarks", has_text="drawn on one slice only").wait_for()
    page.page.reload()
    page.wait_ready()
    assert "second" in page.shown("where")
    page.page.locator("#remarks", has_text="drawn on one slice only").wait_for()


def test_a_segmentation_that_runs_is_found_again_after_another_scan(
    project: Project, scan_file: Path, open_page: OpenPage
) -> None:
    ann = local_person(project).id
    second = add_scan(project, scan_file, by=ann, name="second").id
    enqueue(project, "segment", second, by=ann)  # nobody works here: it stays in line
    page = open_page(project)
    page.page.locator("#segment", has_text="Segment").wait_for()
    page.page.locator(f"#scan-{second}").click()
    page.page.locator("#bar-tools", has_text="Cancel").wait_for()
