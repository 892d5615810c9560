"""How much memory the annotation server and its page take for a large CT.

    python -m benchmarks.large_scan [--shape 512,512,900] [--no-page]

A synthetic CT of 16 bits is added to a project, opened, drawn on and segmented over the API; then
it is opened and drawn on in Chromium (`make browser`). Printed is the most that the server with its
workers held in each step, and the most that all of the browser's processes did; what
several processes share counts a part for each.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import httpx2
import nibabel as nib
import numpy as np
import psutil

from benchmarks.server_load import server
from fewslice.project.opening import create_project
from fewslice.project.structures import Structure
from fewslice.server.arrays import pack

_EVERY = 0.1  # seconds between two looks at the memory
_SPACING = (0.8, 0.8, 1.0)  # mm
_DRAWN = (0.35, 0.5, 0.65)  # of the way along the scan


@dataclass
class Peak:
    """The most memory of a process with its children, in MB, since it was asked for last."""

    process: int
    most: float = 0.0
    _stop: Event = field(default_factory=Event)

    def watch(self) -> None:
        while not self._stop.wait(_EVERY):
            self.most = max(self.most, resident(self.process))

    def taken(self) -> float:
        found, self.most = self.most, 0.0
        return found

    def stop(self) -> None:
        self._stop.set()


def resident(process: int) -> float:
    """Return the memory of a process with its children in MB; what n of them share counts 1/n."""
    total = 0
    try:
        top = psutil.Process(process)
        family = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for each in family:
        try:
            total += each.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 1024**2


@contextmanager
def peak_of(process: int) -> Iterator[Peak]:
    found = Peak(process)
    thread = Thread(target=found.watch, daemon=True)
    thread.start()
    yield found
    found.stop()
    thread.join()


def make_scan(path: Path, shape: tuple[int, int, int]) -> None:
    """Write a body of water with a denser organ in air and noise, slice by slice."""
    rng = np.random.default_rng(0)
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape(shape)
    header.set_zooms(_SPACING)
    header.set_sform(np.diag([*_SPACING, 1.0]), code="scanner")
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    body = _disc(shape, 0.45)
    with path.open("wb") as file:
        file.write(header.binaryblock + bytes(4))
        for k in range(shape[2]):
            voxels = np.where(body, 0, -1000) + 60 * organ(shape, k)
            noise = rng.normal(0, 15, shape[:2])
            file.write((voxels + noise).astype("<i2").tobytes(order="F"))


def organ(shape: tuple[int, int, int], k: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Return the organ on a slice: an ellipsoid over two thirds of the scan."""
    along = (k / shape[2] - 0.5) / 0.33
    return _disc(shape, 0.2 * np.sqrt(max(0.0, 1 - along**2)))


def _disc(
    shape: tuple[int, int, int], radius: float
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    i, j = np.ogrid[: shape[0], : shape[1]]
    found: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = (i / shape[0] - 0.5) ** 2 + (
        j / shape[1] - 0.5
    ) ** 2 < radius**2
    return found


def add(project: Path, scan: Path) -> float:
    """Add the scan as people do, and return the memory that takes in MB."""
    command = [sys.executable, "-m", "fewslice", "project", "add", str(project), str(scan)]
    with subprocess.Popen(command) as process, peak_of(process.pid) as peak:
        if process.wait() != 0:
            raise SystemExit("The scan cannot be added.")
    return peak.taken()


def use(address: str, peak: Peak, shape: tuple[int, int, int]) -> None:
    """Open, draw and segment over the API, and print the memory of each step."""
    with httpx2.Client(base_url=address, headers={"X-Fewslice": "1"}, timeout=3600) as client:
        began = time.perf_counter()
        client.get("/scans").raise_for_status()
        with client.stream("GET", "/scans/1/image") as image:
            size = sum(len(part) for part in image.iter_bytes())
        tell(f"opened ({size / 1024**2:.0f} MB sent)", peak, began)
        began = time.perf_counter()
        places = [round(part * shape[2]) for part in _DRAWN]
        for index in places:
            packed = pack(organ(shape, index).astype(np.uint8))
            path = f"/scans/1/slices/2/{index}"
            client.put(path, content=packed.body, headers=packed.headers).raise_for_status()
        tell("drawn on", peak, began)
        began = time.perf_counter()
        near = {"near": {"axis": 2, "index": places[1]}}
        job = client.post("/scans/1/segment", json=near).json()["job"]
        while client.get(f"/jobs/{job}").json()["state"] in ("queued", "running"):
            time.sleep(0.5)
        tell(f"segmented ({client.get(f'/jobs/{job}').json()['state']})", peak, began)
        began = time.perf_counter()
        client.get("/scans/1/answer").raise_for_status()
        tell("answer fetched", peak, began)
        began = time.perf_counter()
        client.get("/scans/1/suggestion", params={"wait": 60}).raise_for_status()
        tell("asked what to draw next", peak, began)


def tell(what: str, peak: Peak, began: float) -> None:
    spent = time.perf_counter() - began
    print(f"server, {what}: at most {peak.taken():.0f} MB, {spent:.1f} s", flush=True)


def browse(address: str, shape: tuple[int, int, int]) -> None:
    """Open the scan in the browser, draw a stroke, and print the browser's memory."""
    from tests.support.annotation_page import SIZE, AnnotationPage, Grid, chromium

    with chromium() as browser:
        (program,) = (
            each
            for each in psutil.Process().children(recursive=True)
            if "chrom" in each.name() and "--type=" not in " ".join(each.cmdline())
        )
        with peak_of(program.pid) as peak:
            page = browser.new_page(viewport=SIZE)
            opened = AnnotationPage.opened(page, address)
            opened.plane("axial")
            page.wait_for_timeout(5000)  # planes and 3D have loaded
            print(f"page, opened: at most {peak.taken():.0f} MB", flush=True)
            grid = Grid.across(2, shape, _SPACING)
            middle = (shape[0] / 2, shape[1] / 2)
            opened.stroke(grid, [middle, (middle[0] + 40, middle[1] + 25)])
            opened.wait_saved()
            page.wait_for_timeout(2000)
            print(f"page, drawn on: at most {peak.taken():.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="512,512,900")
    parser.add_argument("--no-page", action="store_true", help="Leave the browser out.")
    given = parser.parse_args()
    i, j, k = (int(each) for each in given.shape.split(","))
    shape = (i, j, k)
    with tempfile.TemporaryDirectory() as place:
        scan, folder = Path(place) / "ct.nii", Path(place) / "project"
        make_scan(scan, shape)
        print(f"{i} x {j} x {k}, int16: {scan.stat().st_size / 1024**2:.0f} MB", flush=True)
        create_project(folder, name="large", structures=[Structure(1, "organ")]).engine.dispose()
        print(f"added: at most {add(folder, scan):.0f} MB", flush=True)
        with server(folder) as (address, process), peak_of(process) as peak:
            use(address, peak, shape)
            if not given.no_page:
                browse(address.removesuffix("/api/v1"), shape)
                print(f"server, meanwhile: at most {peak.taken():.0f} MB", flush=True)


if __name__ == "__main__":
    main()
