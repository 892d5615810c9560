"""A browser on the annotation page, driven as a person would: in voxels, keys and buttons."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import pytest
from PIL import Image

from fewslice.project.database import Project

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, ViewportSize

BROWSER = "/usr/bin/chromium"
ROOT = Path(__file__).parents[2]
_AXE = ROOT / "scripts" / "page" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "build" / "screenshots"
LONG = 300_000  # milliseconds; on a busy machine a first answer takes that long
QUIET = 500  # milliseconds without a request after which a page has asked for everything
STEP = 50  # milliseconds between two looks
SIZE: ViewportSize = {"width": 1280, "height": 720}
# The page is put together without what stands in for a graphics card: that takes twice as long.
_ARGUMENTS = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-compositing",
)
_NO_WEBGL = """
const context = HTMLCanvasElement.prototype.getContext
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith('webgl') ? null : context.call(this, kind, ...rest)
}
"""
_DRAWN = """(() => {
  const canvas = document.querySelector('#stage canvas.drawing')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  return data.filter((value, place) => place % 4 === 3 && value > 0).length
})()"""
_HATCHED = _DRAWN.replace("canvas.drawing", "canvas.engine")
_DRAWN_ANEW = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
)
_MARGIN = 24  # pixels that the page leaves around a slice
Point = tuple[float, float]
_AXES = {"axial": 2, "coronal": 1, "sagittal": 0}


def require(program: str, where: str | None, target: str) -> None:
    """Skip the test where a program is missing; in CI, which installs it, fail."""
    if where is not None and Path(where).exists():
        return
    sentence = f"The page's tests need {program}, which is not installed: run make {target}."
    if os.environ.get("FEWSLICE_REQUIRE_BROWSER"):
        pytest.fail(sentence)
    pytest.skip(sentence)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, with WebGL in software."""
    require("Chromium", BROWSER, "browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(_ARGUMENTS))
        yield browser
        browser.close()


def node() -> str:
    """Where Node is."""
    found = shutil.which("node")
    require("Node", found, "browser")
    assert found is not None
    return found


@contextmanager
def serving(project: Project) -> Iterator[str]:
    """The project's server in a thread of this process, without the processes that segment."""
    import uvicorn

    from fewslice.server.app import create_app
    from fewslice.server.settings import Settings

    config = uvicorn.Config(
        create_app(project, Settings(work=False)),
        port=0,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
        assert thread.is_alive(), "the server ended before it began"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class AnnotationPage:
    """One tab.

    complaints: what the browser's console said is wrong. asked: what was asked of the server and
    is not answered yet, but for the stream of events.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    counting: ClassVar[str] = _DRAWN
    """JavaScript that counts the drawn voxels of the slice in hand."""

    @classmethod
    def opened(
        cls, page: Page, address: str, *, webgl: bool = True, wait: bool = True
    ) -> AnnotationPage:
        """Open the page, and wait until a slice can be drawn on.

        webgl: without it the small view of planes and 3D stays empty, which saves seconds where
        WebGL is done in software.
        """
        made = cls(page)
        if not webgl:
            page.add_init_script(_NO_WEBGL)
        page.on("pageerror", lambda error: made.complaints.append(str(error)))
        page.on("console", lambda said: made._heard(said.type, said.text))
        page.on("request", made._asks)
        page.on("requestfinished", made._answered)
        page.on("requestfailed", made._answered)
        page.goto(address)
        if wait:
            made.wait_ready()
        return made

    def _heard(self, kind: str, text: str) -> None:
        # Chromium itself reports what was refused, such as a 404 for an answer that is not there.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.complaints.append(text)

    def _asks(self, request: Request) -> None:
        if not request.url.endswith("/events"):
            self.asked.append(request)

    def _answered(self, request: Request) -> None:
        if request in self.asked:
            self.asked.remove(request)

    def wait_quiet(self) -> None:
        """Wait until the page has fetched all that it asks for when it opens."""
        self.page.locator("#stage[data-opened]").wait_for()
        calm = 0
        for _ in range(LONG // STEP):
            self.page.wait_for_timeout(STEP)
            calm = 0 if self.asked else calm + STEP
            if calm >= QUIET:
                return
        pytest.fail(f"The page still waits for {', '.join(each.url for each in self.asked)}.")

    def wait_ready(self) -> None:
        """Wait until a scan is open."""
        self.page.locator("#slice-state").wait_for()

    def wait_saved(self) -> None:
        """Wait until the server has everything."""
        self.page.locator("#saved[data-state=saved]").wait_for()

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def plane(self, name: str) -> None:
        """Look at a plane."""
        self.page.locator(f"#plane-{_AXES[name]}").click()

    def go_to(self, index: int) -> None:
        """Go to a slice of the plane in hand, counted from 0."""
        strip = self.page.locator("#strip-canvas")
        strip.focus()
        while (now := int(strip.get_attribute("aria-valuenow") or 0) - 1) != index:
            far = abs(index - now) >= 10
            key = (
                ("PageUp" if far else "ArrowUp")
                if index > now
                else "PageDown"
                if far
                else "ArrowDown"
            )
            strip.press(key)

    def stroke(self, grid: Grid, points: Sequence[Point]) -> list[Point]:
        """Draw from voxel to voxel with whatever tool is in hand; ends at the last one.

        Returns where the pen really was: pointers move in whole pixels.
        """
        screen = self.screen(grid)
        places = [screen.pixel(point) for point in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place)
        self.page.mouse.up()
        return [screen.voxel(place) for place in places]

    def click(self, grid: Grid, *points: Point) -> list[Point]:
        """Click on voxels, one after the other. Returns where the pen really was."""
        screen = self.screen(grid)
        places = [screen.pixel(point) for point in points]
        for place in places:
            self.page.mouse.click(*place)
        return [screen.voxel(place) for place in places]

    def screen(self, grid: Grid) -> Screen:
        """Where the screen shows the voxels of a slice that fills the view."""
        box = self.page.locator("#stage").bounding_box()
        assert box is not None
        (n1, n2), (s1, s2) = grid.shape, grid.spacing
        wide, high = box["width"] - 2 * _MARGIN, box["height"] - 2 * _MARGIN
        scale = min(wide / (n1 * s1), high / (n2 * s2))
        centre = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        return Screen(centre, ((n1 - 1) / 2, (n2 - 1) / 2), (grid.right * s1 * scale, -s2 * scale))

    def shown(self, place: str) -> str:
        """The text of a part of the page, by its id."""
        return self.page.locator(f"#{place}").inner_text()

    def drawn_voxels(self) -> int:
        """How many voxels of the slice in hand are shown as drawn."""
        return int(self.page.evaluate(self.counting))

    def wait_drawn(self, voxels: int) -> None:
        """Wait until so many voxels of the slice in hand are shown as drawn."""
        self.page.wait_for_function(f"wanted => {self.counting} === wanted", arg=voxels)

    def hatched_pixels(self) -> int:
        """How many pixels of the screen show the engine's answer, once it is as it should be."""
        self.page.evaluate(_DRAWN_ANEW)
        return int(self.page.evaluate(_HATCHED))

    def grey(self, grid: Grid, voxel: Point) -> int:
        """How bright the image is on the screen at a voxel, 0 to 255."""
        x, y = self.screen(grid).pixel(voxel)
        picture = Image.open(
            BytesIO(self.page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1}))
        )
        return int(np.asarray(picture.convert("L"))[0, 0])

    def measured(self) -> float:
        """The length that was measured last, in mm."""
        return float(self.page.locator("#stage").get_attribute("data-measured") or "nan")

    def wait_segmented(self) -> None:
        """Wait until the engine has answered."""
        self.page.locator("#segment", has_text="Segment").wait_for(timeout=LONG)

    def photograph(self, name: str) -> Path:
        """Keep a picture of the page, for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def faults(self) -> list[str]:
        """What axe finds, one line a rule."""
        require("axe-core", str(_AXE), "browser")
        self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = self.page.evaluate("() => axe.run()")
        return [
            f"{each['impact']} {each['id']}: {each['nodes'][0]['html'][:120]}"
            for each in found["violations"]
        ]

    def said(self) -> str:
        """The sentence over the slice; empty where there is none."""
        return self.page.locator("#notices").inner_text()


class OpenPage(Protocol):
    """The fixture `open_page`: opens a project's page."""

    def __call__(
        self, project: Project, *, webgl: bool = False, wait: bool = True
    ) -> AnnotationPage:
        """Serve the project, and open its page. wait: until a scan can be drawn on."""


@dataclass(frozen=True)
class Screen:
    """Between voxels and pixels. centre: of the view, where a slice's middle is. step: a voxel."""

    centre: Point
    middle: Point
    step: Point

    def pixel(self, voxel: Point) -> Point:
        """The whole pixel nearest to a place in the slice."""
        x, y = (
            round(self.centre[each] + (voxel[each] - self.middle[each]) * self.step[each])
            for each in (0, 1)
        )
        return x, y

    def voxel(self, pixel: Point) -> Point:
        """The place in the slice that a pixel shows."""
        a, b = (
            (pixel[each] - self.centre[each]) / self.step[each] + self.middle[each]
            for each in (0, 1)
        )
        return a, b


@dataclass(frozen=True)
class Grid:
    """A slice as the page shows it. right: 1 where the first axis runs to the right, else -1."""

    shape: tuple[int, int]
    spacing: tuple[float, float]
    right: int = -1  # patients' right on the left, noses to the left

    @classmethod
    def across(cls, axis: int, shape: Sequence[int], spacing: Sequence[float]) -> Grid:
        """The slices across an axis of a scan in RAS order."""
        kept = [each for each in range(3) if each != axis]
        first, second = kept
        return cls((shape[first], shape[second]), (spacing[first], spacing[second]))


@contextmanager
def served_by_command(directory: Path) -> Iterator[str]:
    """The server that `fewslice serve` starts, with the processes that segment and train."""
    command = [sys.executable, "-m", "fewslice", "serve", str(directory), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        try:
            assert found is not None, "fewslice serve named no address"
            address = found.group()
            while not _answers(address):  # it names the address a moment before it listens
                assert process.poll() is None, "the server ended before it began"
                sleep(0.1)
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(address: str) -> bool:
    """Whether a server is there."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    with socket.socket() as connection:
        return connection.connect_ex((host, int(port))) == 0
