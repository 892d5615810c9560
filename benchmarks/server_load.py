"""How the annotation server answers when many people work at once.

Simulated annotators share one server: each opens a scan of its own, saves a slice every five
seconds and asks what to draw next, while segmentations run. As the page does, whoever gets a
provisional suggestion waits for the ranked one. Afterwards every acknowledged slice is read back
and compared.

    python benchmarks/server_load.py --people 25 --seconds 300
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import httpx2
import numpy as np

from fewslice import example
from fewslice.io import read_labels
from fewslice.project.adding import add_scan
from fewslice.project.opening import create_project, open_project
from fewslice.project.people import add_person
from fewslice.project.scans import get_scan
from fewslice.project.structures import Structure
from fewslice.project.tokens import give_token
from fewslice.server.arrays import pack
from fewslice.server.ras import RasView
from fewslice.volumes.image import LabelArray

_EVERY = 5.0  # seconds between two slices of one person
_WRONG = "a slice that was acknowledged does not come back"


@dataclass
class Times:
    """Seconds that requests took, and what went wrong."""

    saves: list[float] = field(default_factory=list)
    suggestions: list[float] = field(default_factory=list)
    rankings: list[float] = field(default_factory=list)
    late: int = 0
    segmentations: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Annotator:
    """One person with a scan. truth: the labels of the scan as the page sees it."""

    client: httpx2.Client
    scan: int
    number: int
    truth: LabelArray
    saved: dict[int, LabelArray] = field(default_factory=dict)

    def save(self, turn: int, times: Times) -> None:
        """Draw the next slice, or one of the first anew."""
        index = (turn * 7 + self.number) % self.truth.shape[2]
        labels = np.roll(self.truth[:, :, index], turn % 3, axis=0)
        packed = pack(labels)
        parent = self.client.get(f"/scans/{self.scan}/slices/2/{index}").headers.get("x-revision")
        headers = {
            **packed.headers,
            "X-Client-Key": f"{self.number}-{turn}",
            "X-Active-Seconds": "4",
            "X-Parent": parent or "",
        }
        began = time.perf_counter()
        answer = self.client.put(
            f"/scans/{self.scan}/slices/2/{index}", content=packed.body, headers=headers
        )
        times.saves.append(time.perf_counter() - began)
        if answer.status_code != 200 or answer.json()["conflict"] is not None:
            times.failures.append(f"{answer.status_code} {answer.text[:200]}")
            return
        self.saved[index] = labels

    def ask(self, times: Times) -> None:
        """Ask what to draw next, and for the ranking behind a provisional answer."""
        began = time.perf_counter()
        answer = self.client.get(f"/scans/{self.scan}/suggestion")
        if answer.status_code != 200 or not answer.json()["slices"]:
            times.failures.append(f"{answer.status_code} {answer.text[:200]}")
            return
        times.suggestions.append(time.perf_counter() - began)
        if answer.json()["provisional"]:
            answer = self.client.get(f"/scans/{self.scan}/suggestion", params={"wait": 60})
        if answer.status_code != 200:
            times.failures.append(f"{answer.status_code} {answer.text[:200]}")
        elif answer.json()["provisional"]:
            times.late += 1
        else:
            times.rankings.append(time.perf_counter() - began)

    def check(self, times: Times) -> None:
        """Read every slice back that was acknowledged."""
        for index, labels in self.saved.items():
            answer = self.client.get(f"/scans/{self.scan}/slices/2/{index}")
            if zlib.decompress(answer.content) != np.ascontiguousarray(labels).tobytes():
                times.failures.append(_WRONG)


def annotate(person: Annotator, seconds: float, times: Times) -> None:
    """Work for a time. Suggestions are asked for apart: nobody waits for them to draw."""
    time.sleep(_EVERY * person.number / 25 % _EVERY)
    end = time.monotonic() + seconds
    turn = 0
    with ThreadPoolExecutor(1) as asking:
        pending = None
        while time.monotonic() < end:
            began = time.monotonic()
            person.save(turn, times)
            if pending is None or pending.done():
                pending = asking.submit(person.ask, times)
            turn += 1
            time.sleep(max(0.0, _EVERY - (time.monotonic() - began)))


def keep_segmenting(client: httpx2.Client, scans: list[int], stop: Event, times: Times) -> None:
    """Have one segmentation under way at any time."""
    turn = 0
    while not stop.is_set():
        job = client.post(f"/scans/{scans[turn % len(scans)]}/segment", json={}).json()["job"]
        while client.get(f"/jobs/{job}").json()["state"] in ("queued", "running"):
            if stop.wait(0.5):
                return
        times.segmentations += 1
        turn += 1


def make_project(folder: Path, people: int) -> list[str]:
    """Make a project with a scan and an account a person; return their tokens, an admin's first."""
    structures = [Structure(value, name) for value, name in example.label_names().items()]
    project = create_project(folder, name="load", structures=structures)
    admin = add_person(project, "admin", "a password", "admin").id
    tokens = [give_token(project, admin)]
    for number in range(people):
        add_scan(project, example.scan_path(), by=admin, name=f"scan {number}")
        tokens.append(give_token(project, add_person(project, f"person {number}", None).id))
    project.engine.dispose()
    return tokens


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, int]]:
    """Run the server; yield its address and process."""
    command = [sys.executable, "-m", "fewslice", "serve", str(folder), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        found = re.search(r"http://\S+", process.stdout.readline() if process.stdout else "")
        if found is None:
            raise SystemExit("The server did not start.")
        try:
            yield found[0] + "/api/v1", process.pid
        finally:
            if process.poll() is not None:
                print(f"the server ended early, with code {process.returncode}")
            process.terminate()


def measure(people: int, seconds: float) -> tuple[Times, float]:
    """Return what requests took, and the server's memory in MB."""
    import psutil

    times = Times()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "project"
        tokens = make_project(folder, people)
        row = get_scan(open_project(folder), 1)
        view = RasView.of_affine(row.shape, row.affine)
        truth = view.volume_to_page(read_labels(example.labels_path()).array)
        with server(folder) as (address, process):
            clients = [
                httpx2.Client(
                    base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=120
                )
                for token in tokens
            ]
            crowd = [
                Annotator(client, number + 1, number, truth)
                for number, client in enumerate(clients[1:])
            ]
            for person in crowd:
                person.save(3, Times())
            stop = Event()
            scans = [person.scan for person in crowd]
            busy = Thread(target=keep_segmenting, args=(clients[0], scans, stop, times))
            busy.start()
            with ThreadPoolExecutor(people) as pool:
                list(pool.map(lambda person: annotate(person, seconds, times), crowd))
            stop.set()
            busy.join()
            for person in crowd:
                person.check(times)
            family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
            memory = sum(each.memory_info().rss for each in family) / 1024**2
    return times, memory


def show(people: int, seconds: float, times: Times, memory: float) -> None:
    saves = np.array(times.saves) * 1000
    asked = np.array(times.suggestions)
    print(f"{people} people, {seconds:.0f} s, {os.cpu_count()} cores, {platform.machine()}, load")
    print("average at the end", " ".join(f"{each:.1f}" for each in os.getloadavg()))
    print(f"saves: {len(saves)}, median {np.median(saves):.0f} ms, 95th percentile", end=" ")
    print(f"{np.percentile(saves, 95):.0f} ms, slowest {saves.max():.0f} ms")
    if len(asked):
        print(f"suggestions: {len(asked)}, median {np.median(asked):.1f} s, 95th", end=" ")
        print(f"percentile {np.percentile(asked, 95):.1f} s, slowest {asked.max():.1f} s")
    if times.rankings:
        ranked = np.array(times.rankings)
        print(
            f"of these ranked: {len(ranked)}, median after {np.median(ranked):.1f} s, 95th", end=" "
        )
        print(f"percentile {np.percentile(ranked, 95):.1f} s, not within 60 s: {times.late}")
    print(f"segmentations meanwhile: {times.segmentations}; server with workers {memory:.0f} MB")
    print(f"failures: {len(times.failures)}", *sorted(set(times.failures))[:5], sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=300)
    given = parser.parse_args()
    times, memory = measure(given.people, given.seconds)
    show(given.people, given.seconds, times, memory)
    sys.exit(bool(times.failures))


if __name__ == "__main__":
    main()
