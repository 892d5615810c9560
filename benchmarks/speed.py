"""Speed and memory: prints a Markdown table, each case in processes of its own.

    python benchmarks/speed.py [--runs 5]       # all
    python benchmarks/speed.py auto-organ       # one, one run

Medians of the runs. *First answer*: a whole call, from arrays to labels. *One more slice*: the
next answer of the same `Session`, after one more slice was drawn. *Nearest five*: until the slices
nearest to that one are shown, interpolated from outlines. Libraries and weights are loaded
before the clock starts, except where a command is timed. Peak memory is the greatest resident set
of the process, the interpreter and its libraries included. Time it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fewslice.volumes.geometry import inplane_axes

SliceIndex = tuple[int, int]
"""Array axis across a slice, and its place there."""
Figures = dict[str, float]
"""Seconds of "first", "again", "nearest", and "memory" in GB; what was not measured is missing."""


def scan(shape: tuple[int, int, int], structures: int, annotated: int) -> tuple[Any, Any]:
    """Return int16 intensities and sparse labels: ellipsoids, drawn on evenly spread slices."""
    rng = np.random.default_rng(0)
    image = rng.integers(-100, 100, shape, dtype=np.int16)
    labels = np.zeros(shape, dtype=np.uint8)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    wanted = {int((part + 0.5) * shape[2] / annotated) for part in range(annotated)}
    for index in range(shape[2]):
        height = 1 - (2 * (index + 0.5) / shape[2] - 1) ** 2
        for value in range(1, structures + 1):
            where = 0.25 + 0.25 * (value - 1)
            inside = ((rows / shape[0] - where) ** 2 + (columns / shape[1] - where) ** 2) < (
                0.015 * height
            )
            image[inside, index] += 150 * value
            if index in wanted:
                labels[inside, index] = value
    return image, labels


def ellipsoid(
    shape: tuple[int, int, int], size: tuple[int, int, int], annotated: int
) -> tuple[Any, Any]:
    """Return int16 intensities and sparse labels: one ellipsoid in the middle, `size` voxels."""
    rng = np.random.default_rng(0)
    image = rng.integers(-100, 100, shape, dtype=np.int16)
    labels = np.zeros(shape, dtype=np.uint8)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    first = (shape[2] - size[2]) // 2
    wanted = {int(first + (part + 0.5) * size[2] / annotated) for part in range(annotated)}
    flat = ((rows - shape[0] / 2) / (size[0] / 2)) ** 2 + (
        (columns - shape[1] / 2) / (size[1] / 2)
    ) ** 2
    for index in range(first, first + size[2]):
        inside = flat < 1 - ((index - shape[2] / 2) / (size[2] / 2)) ** 2
        image[inside, index] += 150
        if index in wanted:
            labels[inside, index] = 1
    return image, labels


def example() -> tuple[Any, Any, tuple[float, float, float]]:
    """Return the bundled scan, four structures on five sagittal slices, and its spacing."""
    from fewslice import read_image, read_labels
    from fewslice.example import labels_path, scan_path

    image, labels = read_image(scan_path()), read_labels(labels_path()).array.copy()
    holding = np.flatnonzero(labels.any(axis=(1, 2)))
    drawn = holding[np.linspace(2, len(holding) - 3, 5).astype(int)]
    labels[np.setdiff1d(np.arange(len(labels)), drawn)] = 0
    return image.array, labels, image.geometry.spacing


def answers(  # noqa: PLR0913, PLR0917 - a scan, and how it is asked for
    image: Any,
    labels: Any,
    spacing: tuple[float, float, float],
    axis: int = 2,
    name: str = "auto",
    spare: int = 0,
) -> Figures:
    """Time the first answer, and the next one of a session that had all but the second slice.

    spare: 1 if the second slice is not drawn for the first answer either. Also how long it takes
    until the five slices nearest to that one are shown.
    """
    from fewslice import Session

    warm_up(name)
    others = inplane_axes(axis)
    drawn = [int(index) for index in np.flatnonzero(labels.any(axis=others))]
    slices = {index: np.take(labels, index, axis).copy() for index in drawn}
    del labels

    def session(indices: list[int]) -> Session:
        found = Session(image, spacing=spacing, engine=name)
        for index in indices:
            found.draw(axis, index, slices[index])
        return found

    without = [drawn[0], *drawn[2:]]
    first = timed(session(without if spare else drawn).segment)
    memory = peak()
    mine = session(without)
    mine.segment()
    mine.draw(axis, drawn[1], slices[drawn[1]])
    again = timed(mine.segment)
    return {"first": first, "again": again, "nearest": shown(mine), "memory": memory}


def shown(session: Any) -> float:
    """Time until the slices nearest to the one drawn last are shown; the rest is given up."""
    from fewslice.workflow.session import CancelledError

    started, seconds = time.perf_counter(), []

    def show(_: Any) -> None:
        seconds.append(time.perf_counter() - started)
        session.cancel()

    session.undo()
    session.redo()
    with suppress(CancelledError):
        session.segment(on_slices=show)
    return seconds[0]


def suggestions(image: Any, labels: Any, spacing: tuple[float, float, float]) -> Figures:
    """Time `suggest` in a session that has answered."""
    from fewslice import Session

    warm_up("auto")
    named = [(2, int(index)) for index in np.flatnonzero(labels.any(axis=(0, 1)))]
    mine = Session(image, labels, annotated=named, spacing=spacing)
    del labels
    mine.segment()
    first = timed(mine.suggest)
    return {"first": first, "again": timed(mine.suggest), "memory": peak()}


def small(name: str, annotated: int = 4) -> Figures:
    return answers(*scan((128, 128, 100), 1, annotated), (0.7, 0.7, 1.0), name=name)


def crossing(places: list[SliceIndex]) -> Figures:
    """Time answers from slices of several planes, the last of which is the one slice more."""
    from fewslice import Session

    warm_up("auto")
    shape = (128, 128, 100)
    image, labels = scan(shape, 1, shape[2])

    def session(chosen: list[SliceIndex]) -> Session:
        found = Session(image, spacing=(0.7, 0.7, 1.0))
        for axis, index in chosen:
            found.draw(axis, index, np.take(labels, index, axis).copy())
        return found

    first = timed(session(places).segment)
    memory = peak()
    mine = session(places[:-1])
    mine.segment()
    axis, index = places[-1]
    mine.draw(axis, index, np.take(labels, index, axis).copy())
    again = timed(mine.segment)
    return {"first": first, "again": again, "nearest": shown(mine), "memory": memory}


def bundled() -> Figures:
    image, labels, spacing = example()
    return answers(image, labels, spacing, axis=0)


def large(name: str) -> Figures:
    shape = (512, 512, 200)
    return answers(*ellipsoid(shape, (170, 170, 67), 4), (0.7, 0.7, 1.0), name=name)


def organ(annotated: int) -> tuple[Any, Any]:
    return ellipsoid((512, 512, 400), (240, 220, 240), annotated)


def interpolated() -> Figures:
    return answers(*scan((512, 512, 300), 3, 5), (0.7, 0.7, 1.0), name="interpolation")


def walked() -> Figures:
    image, labels = scan((128, 128, 60), structures=1, annotated=5)
    labels[:2, :, 30] = labels[-2:, :, 30] = 1  # the region is the whole of 128x128x60
    labels[:, :2, 30] = labels[:, -2:, 30] = 1
    return answers(image, labels, (1.0, 1.0, 1.0), name="random-walker")


def cold_start() -> Figures:
    """Time the command on the bundled scan, from its start to the file."""
    from fewslice import LabelMap, read_image, write_labels
    from fewslice.example import scan_path

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        labels = LabelMap(example()[1], read_image(scan_path()).geometry)
        write_labels(place / "sparse.nii.gz", labels)
        command = [sys.executable, "-m", "fewslice", "segment", str(scan_path()), "--quiet"]
        command += ["--labels", str(place / "sparse.nii.gz"), "-o", str(place / "out.nii.gz")]
        return commanded(command)


def files() -> Figures:
    """Read, segment by interpolation and write a 512x512x600 scan, by the command line."""
    from fewslice import Geometry, Image, LabelMap, write_image, write_labels

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        image, labels = scan((512, 512, 600), structures=1, annotated=5)
        geometry = Geometry.from_spacing(image.shape, (0.7, 0.7, 0.5))
        write_image(place / "scan.nii.gz", Image(image, geometry))
        write_labels(place / "sparse.nii.gz", LabelMap(labels, geometry))
        del image, labels
        command = [sys.executable, "-m", "fewslice", "segment", str(place / "scan.nii.gz")]
        command += ["--labels", str(place / "sparse.nii.gz"), "-o", str(place / "out.nii.gz")]
        command += ["--engine", "interpolation", "--quiet"]
        return commanded(command)


def warm_up(name: str) -> None:
    """Load libraries and weights by a call on a tiny scan, and none of its memory."""
    from fewslice import segment

    image, labels = scan((32, 32, 9), structures=1, annotated=1)
    segment(image, labels, spacing=(1.0, 1.0, 1.0), engine=name)


def commanded(command: list[str]) -> Figures:
    """Run a command and return its time and its own peak memory.

    It runs once before, untimed, and writes the bytecode of all modules it loads: pip compiles them
    where it installs, but here Python may be told to write none, or the installer may not have
    compiled, and then most of the time would go into compiling PyTorch and scikit-learn.
    """
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{command} failed")
    return {"first": seconds, "memory": usage.ru_maxrss / 1e6}


def timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


CASES: dict[str, tuple[str, Callable[[], Figures]]] = {
    "auto-128x128x100, 4 drawn": ("2.0 s, 0.7 s, 0.4 s", lambda: small("auto")),
    "auto-128x128x100, 2 planes, 4 drawn": (
        "4.0 s, 1.4 s, 0.8 s",
        lambda: crossing([(2, 37), (0, 32), (0, 28), (2, 62)]),
    ),
    "auto-128x128x100, 3 planes, 4 drawn": (
        "6.0 s, 2.1 s, 1.2 s",
        lambda: crossing([(2, 37), (0, 32), (1, 32), (2, 62)]),
    ),
    "auto-bundled, 4 labels, 5 drawn": ("3.0 s, 1.2 s, 0.6 s", bundled),
    "auto-512x512x200, a third of each side": ("7 s, 2.0 s, 0.8 s, 1.3 GB", lambda: large("auto")),
    "auto-organ, 240x220x240 of 512x512x400": (
        "15 s, 4 s, 1.5 s, 2.4 GB",
        lambda: answers(*organ(4), (0.8, 0.8, 1.0), spare=1),
    ),
    "suggest-organ": ("5 s, 2 s", lambda: suggestions(*organ(3), (0.8, 0.8, 1.0))),
    "suggest-128x128x100, 3 labels": (
        "1.5 s",
        lambda: suggestions(*scan((128, 128, 100), 3, 4), (0.7, 0.7, 1.0)),
    ),
    "command-bundled, cold start to file": ("answer + 2.5 s", cold_start),
    "network-128x128x100, 32 drawn": ("4 s", lambda: small("network", 32)),
    "network-512x512x200": ("-", lambda: large("network")),
    "interpolation-512x512x300, 3 labels": ("10 s, -, 2 GB", interpolated),
    "random-walker-128x128x60": ("20 s", walked),
    "read-segment-write-512x512x600": ("-, -, 3 GB", files),
    "help": ("0.5 s", lambda: commanded([sys.executable, "-m", "fewslice", "--help"])),
}
"""By name: what was asked (first answer, one more slice, nearest five, memory), and its timing."""


_UNITS = (("first", "s"), ("again", "s"), ("nearest", "s"), ("memory", "GB"))


def row(name: str, runs: int) -> str:
    """Return a line of the table: medians of runs in processes of their own."""
    found = [
        json.loads(
            subprocess.run(
                [sys.executable, __file__, name], check=True, capture_output=True, text=True
            ).stdout
        )
        for _ in range(runs)
    ]
    cells = [
        f"{median(each[key] for each in found):.2f} {unit}" if key in found[0] else "-"
        for key, unit in _UNITS
    ]
    return f"| {name} | {CASES[name][0]} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], metavar="CASE")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    chosen: list[str] = options.cases
    if len(chosen) == 1:
        print(json.dumps(CASES[chosen[0]][1]()))
        return
    print("| what | asked | first answer | one more slice | nearest five | peak memory |")
    print("|---|---|---|---|---|---|")
    for name in chosen or CASES:
        print(row(name, options.runs), flush=True)


if __name__ == "__main__":
    main()
