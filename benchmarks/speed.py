"""Speed and memory: prints a Markdown table, each case in a process of its own.

    python benchmarks/speed.py            # all
    python benchmarks/speed.py interpolation-512x512x300

Libraries and weights are loaded before the clock starts, except in `network-first-call`. Peak
memory is the greatest resident set of the process, the interpreter and its libraries included.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np


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


def middle(shape: tuple[int, int, int], annotated: int) -> tuple[Any, Any]:
    """Return int16 intensities and sparse labels: one ellipsoid, a third of each side long."""
    rng = np.random.default_rng(0)
    image = rng.integers(-100, 100, shape, dtype=np.int16)
    labels = np.zeros(shape, dtype=np.uint8)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    first, last = shape[2] // 3, 2 * shape[2] // 3
    wanted = {int(first + (part + 0.5) * (last - first) / annotated) for part in range(annotated)}
    for index in range(first, last + 1):
        height = 1 - (2 * (index - first) / (last - first) - 1) ** 2
        inside = (rows / shape[0] - 0.5) ** 2 + (columns / shape[1] - 0.5) ** 2 < height / 36
        image[inside, index] += 150
        if index in wanted:
            labels[inside, index] = 1
    return image, labels


def interpolation() -> str:
    from fewslice import segment

    image, labels = scan((512, 512, 300), structures=3, annotated=5)
    return timed(lambda: segment(image, labels, spacing=(0.7, 0.7, 1), engine="interpolation"))


def random_walker() -> str:
    from fewslice import segment

    image, labels = scan((128, 128, 60), structures=1, annotated=5)
    labels[:2, :, 30] = labels[-2:, :, 30] = 1  # the region is the whole of 128x128x60
    labels[:, :2, 30] = labels[:, -2:, 30] = 1
    return timed(lambda: segment(image, labels, spacing=(1, 1, 1), engine="random-walker"))


def engine(
    name: str, shape: tuple[int, int, int], annotated: int, *, loaded: bool = True
) -> Callable[[], str]:
    """Time one call on a structure that goes through the whole scan."""

    def run() -> str:
        from fewslice import segment

        image, labels = scan(shape, structures=1, annotated=annotated)
        # Many slices of a round structure could be rows as well: the planes have to be named.
        drawn = [(2, int(index)) for index in np.flatnonzero(labels.any(axis=(0, 1)))]
        if loaded:
            warm_up(name)
        settings: dict[str, Any] = {"spacing": (0.7, 0.7, 1.0), "engine": name}
        return timed(lambda: segment(image, labels, annotated=drawn, **settings))

    return run


def large(name: str) -> Callable[[], str]:
    """Time one call on 512x512x200 voxels, the structure a third of each side long."""

    def run() -> str:
        from fewslice import segment

        image, labels = middle((512, 512, 200), annotated=4)
        warm_up(name)
        return timed(lambda: segment(image, labels, spacing=(0.7, 0.7, 1.0), engine=name))

    return run


def again(name: str) -> Callable[[], str]:
    """Time a second call after one more annotated slice, which is given the first one's answer."""

    def run() -> str:
        from fewslice import segment

        if "previous" not in signature(segment).parameters:
            return "- | - | -"
        image, labels = middle((512, 512, 200), annotated=5)
        fewer = labels.copy()
        fewer[..., int(np.flatnonzero(labels.any(axis=(0, 1)))[1])] = 0
        warm_up(name)
        started, used = time.perf_counter(), time.process_time()
        settings: dict[str, Any] = {"spacing": (0.7, 0.7, 1.0), "engine": name}
        first = segment(image, fewer, **settings)
        seconds, used = time.perf_counter() - started, time.process_time() - used
        answer = timed(lambda: segment(image, labels, previous=first, **settings))
        return f"{answer} (first: {seconds:.2f} s, {used:.2f} s)"

    return run


def warm_up(name: str) -> None:
    """Load libraries and weights by a call on a tiny scan, and none of its memory."""
    from fewslice import segment

    image, labels = scan((32, 32, 9), structures=1, annotated=1)
    segment(image, labels, engine=name)


def files() -> str:
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
        return measured(command)


def help_text() -> str:
    return measured([sys.executable, "-m", "fewslice", "--help"])


def measured(command: list[str]) -> str:
    """Run a command and return its time, its processor time and its own peak memory."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed")
    used = usage.ru_utime + usage.ru_stime
    return f"{time.perf_counter() - started:.2f} s | {used:.2f} s | {usage.ru_maxrss / 1e6:.2f} GB"


def timed(work: Callable[[], Any]) -> str:
    """Return time and processor time of one call and the peak memory of this process so far."""
    started, used = time.perf_counter(), time.process_time()
    work()
    seconds, used = time.perf_counter() - started, time.process_time() - used
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return f"{seconds:.2f} s | {used:.2f} s | {memory:.2f} GB"


CASES: dict[str, tuple[str, Callable[[], str]]] = {
    "interpolation-512x512x300": ("10 s, 2 GB", interpolation),
    "random-walker-128x128x60": ("20 s", random_walker),
    "network-128x128x100, 4 drawn": ("2.5 s", engine("network", (128, 128, 100), 4)),
    "network-128x128x100, 32 drawn": ("4 s", engine("network", (128, 128, 100), 32)),
    "network-first-call": ("-", engine("network", (128, 128, 100), 4, loaded=False)),
    "network-512x512x200": ("30 s, 3 GB", large("network")),
    "network-again": ("half of the first", again("network")),
    "auto-128x128x100, 4 drawn": ("-", engine("auto", (128, 128, 100), 4)),
    "auto-512x512x200": ("30 s, 3 GB", large("auto")),
    "auto-again": ("half of the first", again("auto")),
    "adapted-128x128x100, 5 drawn": ("30 s and a call", engine("adapted", (128, 128, 100), 5)),
    "read-segment-write-512x512x600": ("3 GB", files),
    "help": ("0.5 s", help_text),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], metavar="CASE")
    chosen: list[str] = parser.parse_args().cases
    if len(chosen) == 1:
        print(CASES[chosen[0]][1]())
        return
    print("| what | at most | time | processor time | peak memory |\n|---|---|---|---|---|")
    for name in chosen or CASES:
        answer = subprocess.run(
            [sys.executable, __file__, name], check=True, capture_output=True, text=True
        )
        print(f"| {name} | {CASES[name][0]} | {answer.stdout.strip()} |", flush=True)


if __name__ == "__main__":
    main()
