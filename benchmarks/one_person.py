"""How long one person waits for the annotation server: over its API, as the page asks.

    python -m benchmarks.one_person

After one more slice a scan is segmented again: measured is the time until the nearest slices are
there to be shown, until the whole answer is, then until *Next* says what to draw, and until that is
ranked by all that is known.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import httpx2
import nibabel as nib
import numpy as np

from benchmarks.server_load import server
from fewslice import example
from fewslice.io import read_image, read_labels, write_image
from fewslice.project.adding import add_scan
from fewslice.project.opening import create_project
from fewslice.project.people import local_person
from fewslice.project.structures import Structure
from fewslice.server.arrays import pack
from fewslice.server.ras import RasView
from fewslice.volumes.image import LabelArray

LARGE = (256, 256, 150)
_NEAREST = 5  # slices that a session shows before its answer
_ROUNDS = 6  # the first one, which opens the scan, is shown apart


@dataclass
class Waited:
    """Seconds of every round."""

    nearest: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    ranked: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Person:
    """Somebody at a scan. truth: its labels as the page sees them."""

    client: httpx2.Client
    truth: LabelArray
    events: list[tuple[str, float]]

    def draw(self, index: int) -> None:
        packed = pack(self.truth[:, :, index])
        self.client.put(
            f"/scans/1/slices/2/{index}", content=packed.body, headers=packed.headers
        ).raise_for_status()

    def segment(self, index: int, waited: Waited) -> None:
        """Segment after a slice, and fetch the nearest slices as soon as they are announced."""
        began, seen = time.perf_counter(), len(self.events)
        near = {"near": {"axis": 2, "index": index}}
        job = self.client.post("/scans/1/segment", json=near).json()["job"]
        self._until(
            lambda: self._told("slices", seen) >= _NEAREST or self._told("answer", seen) > 0
        )
        for shown in range(index - 2, index + 3):
            self.client.get(f"/scans/1/answer/slices/2/{shown}").raise_for_status()
        waited.nearest.append(time.perf_counter() - began)
        self._until(lambda: self._told("answer", seen) > 0)
        waited.whole.append(time.perf_counter() - began)
        self._until(lambda: self.client.get(f"/jobs/{job}").json()["state"] == "finished")

    def ask(self, waited: Waited) -> None:
        """Press *Next*."""
        began = time.perf_counter()
        found = self.client.get("/scans/1/suggestion").json()
        waited.asked.append(time.perf_counter() - began)
        while found["provisional"]:
            found = self.client.get("/scans/1/suggestion", params={"wait": 60}).json()
        waited.ranked.append(time.perf_counter() - began)

    def _told(self, kind: str, seen: int) -> int:
        return sum(each == kind for each, _ in self.events[seen:])

    def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            time.sleep(0.005)


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    for name, make in (("bundled scan", bundled), ("256 x 256 x 150", phantom)):
        with tempfile.TemporaryDirectory() as folder:
            show(name, measured(Path(folder), make))


def measured(folder: Path, make: Callable[[Path], LabelArray]) -> Waited:
    """Work on a scan for a few rounds. make: writes scan.nii.gz, and returns its labels."""
    labels = make(folder)
    structures = [Structure(int(value), f"part {value}") for value in np.unique(labels[labels > 0])]
    project = create_project(folder / "project", name="one", structures=structures)
    row = add_scan(project, folder / "scan.nii.gz", by=local_person(project).id)
    project.engine.dispose()
    truth = RasView.of_affine(row.shape, row.affine).volume_to_page(labels)
    waited = Waited()
    with server(folder / "project") as (address, _), listening(address) as events:
        person = Person(
            httpx2.Client(base_url=address, headers={"X-Fewslice": "1"}, timeout=600), truth, events
        )
        holding = np.flatnonzero(truth.any(axis=(0, 1)))
        places = np.linspace(holding[2], holding[-3], _ROUNDS + 2).round().astype(int)
        for index in (places[0], places[-1]):
            person.draw(int(index))
        for index in places[1:-1]:
            person.draw(int(index))
            person.segment(int(index), waited)
            person.ask(waited)
        person.client.close()
    return waited


@contextmanager
def listening(address: str) -> Iterator[list[tuple[str, float]]]:
    """Collect the kinds of events, and when they came, while the body runs."""
    found: list[tuple[str, float]] = []
    client = httpx2.Client(timeout=None)

    def listen() -> None:
        with client.stream("GET", f"{address}/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    found.append((line.removeprefix("event: "), time.perf_counter()))

    Thread(target=listen, daemon=True).start()
    time.sleep(1)  # until it listens
    yield found


def bundled(folder: Path) -> LabelArray:
    write_image(folder / "scan.nii.gz", read_image(example.scan_path()))
    return read_labels(example.labels_path()).array


def phantom(folder: Path) -> LabelArray:
    """Write a noisy scan with two ellipsoids."""
    rng = np.random.default_rng(0)
    i, j, k = np.ogrid[: LARGE[0], : LARGE[1], : LARGE[2]]
    labels = np.zeros(LARGE, np.uint8)
    labels[((i - 90) / 40) ** 2 + ((j - 120) / 55) ** 2 + ((k - 75) / 50) ** 2 < 1] = 1
    labels[((i - 180) / 30) ** 2 + ((j - 130) / 35) ** 2 + ((k - 75) / 45) ** 2 < 1] = 2
    voxels = (200 * labels + rng.normal(100, 30, LARGE)).astype(np.int16)
    nib.save(nib.Nifti1Image(voxels, np.diag([1.0, 1.0, 1.5, 1.0])), folder / "scan.nii.gz")
    return labels


def show(name: str, waited: Waited) -> None:
    for what, spent in (
        ("nearest slices after one more", waited.nearest),
        ("whole answer", waited.whole),
        ("Next", waited.asked),
        ("Next, ranked", waited.ranked),
    ):
        rest = np.array(spent[1:])
        print(
            f"{name}: {what}: first {spent[0]:.2f} s, then median {np.median(rest):.2f} s, "
            f"slowest {rest.max():.2f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
