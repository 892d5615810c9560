"""How fast the annotation page is, measured in the browser: open, draw, save.

    python -m benchmarks.page_speed

Needs Chromium (`make browser`). Ready to draw: from the start of the navigation until the slice is
on the screen. A brush stroke is measured as the time that the page spends on one
pointer move, its painting and drawing included.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
from tests.support.annotation_page import SIZE, AnnotationPage, Grid, chromium, serving

from fewslice.project.adding import add_scan
from fewslice.project.database import Project
from fewslice.project.opening import create_project
from fewslice.project.people import local_person
from fewslice.project.structures import Structure

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCANS = {"256 x 256 x 150": (256, 256, 150), "512 x 512 x 40": (512, 512, 40)}
MOVES = 120

# The work between a pointer move and the canvases that show it; the compositor's is not the page's.
_WORK = """async ({ places }) => {
  const stage = document.getElementById('stage')
  const event = (type, [clientX, clientY]) => new PointerEvent(type, {
    clientX, clientY, pointerId: 1, button: 0, buttons: 1, bubbles: true, isPrimary: true })
  stage.setPointerCapture = () => {}
  const waiting = []
  const native = window.requestAnimationFrame
  window.requestAnimationFrame = (draw) => waiting.push(draw)
  stage.dispatchEvent(event('pointerdown', places[0]))
  const spent = []
  for (const place of places.slice(1)) {
    const start = performance.now()
    stage.dispatchEvent(event('pointermove', place))
    for (const draw of waiting.splice(0)) draw(start)
    spent.push(performance.now() - start)
    await new Promise((resolve) => setTimeout(resolve))
  }
  window.requestAnimationFrame = native
  stage.dispatchEvent(event('pointerup', places[places.length - 1]))
  return spent
}"""


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for name, shape in SCANS.items():
            project = make_project(Path(folder) / name.replace(" ", ""), shape)
            with serving(project) as address:
                page = browser.new_page(viewport=SIZE)
                opened = AnnotationPage.opened(page, address)
                print(f"{name}: ready to draw after {ready(page):.2f} s (first time)")
                page.wait_for_timeout(4000)  # planes and 3D have loaded
                page.reload()
                opened.wait_ready()
                print(f"{name}: ready to draw after {ready(page):.2f} s (again)")
                page.wait_for_timeout(4000)
                opened.plane("axial")
                measure_stroke(name, opened, Grid.across(2, shape, (1, 1, 1)))
                measure_saving(name, opened)
                page.context.close()


def ready(page: Page) -> float:
    """Seconds until the page could be drawn on, as it says itself."""
    mark = "performance.getEntriesByName('ready to draw')"
    page.wait_for_function(f"() => {mark}.length > 0")
    return float(page.evaluate(f"() => {mark}[0].startTime")) / 1000


def make_project(folder: Path, shape: tuple[int, int, int]) -> Project:
    folder.mkdir()
    voxels = np.random.default_rng(0).integers(0, 1000, shape).astype(np.int16)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), folder / "scan.nii.gz")
    project = create_project(folder / "project", name="Speed", structures=[Structure(1, "one")])
    add_scan(project, folder / "scan.nii.gz", by=local_person(project).id)
    return project


def measure_stroke(name: str, page: AnnotationPage, grid: Grid) -> None:
    """Wind a brush of 10 mm around the middle of the slice, and print the time a move takes."""
    page.press(*["["] * 40, *["]"] * 23)  # from half a voxel, a seventh more each
    screen = page.screen(grid)
    angles = np.linspace(0, 3 * np.pi, MOVES)
    centre = np.array(grid.shape) / 2
    reach = 0.3 * grid.shape[0] * angles / angles[-1]
    places = [
        screen.pixel((centre[0] + r * np.cos(t), centre[1] + r * np.sin(t)))
        for r, t in zip(reach, angles, strict=True)
    ]
    spent = np.array(page.page.evaluate(_WORK, {"places": places}))
    print(
        f"{name}: a brush move takes the page {np.median(spent):.1f} ms, "
        f"95th percentile {np.percentile(spent, 95):.1f} ms"
    )
    page.wait_saved()


def measure_saving(name: str, page: AnnotationPage) -> None:
    """Print how long the server takes to acknowledge a stroke, as the page sees it."""
    spent = []
    box = page.page.locator("#stage").bounding_box()
    if box is None:
        raise RuntimeError("the page shows no slice")
    for number in range(12):
        with page.page.expect_response(lambda answer: answer.request.method == "PUT") as found:
            page.page.mouse.click(box["x"] + box["width"] / 2 + 14 * number, box["y"] + 90)
        found.value.finished()
        timing = found.value.request.timing
        spent.append(timing["responseEnd"] - timing["requestStart"])
    print(f"{name}: a saved slice is acknowledged after {np.median(spent):.0f} ms")


if __name__ == "__main__":
    main()
