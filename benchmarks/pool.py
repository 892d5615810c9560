"""Time and memory of ranking a pool: prints a Markdown table, a row for each size of the pool.

    python benchmarks/pool.py                               # posterior samples made up
    python benchmarks/pool.py --model MODEL --scans 2,4,8   # those of a model (MC dropout)

Scans of 128 x 128 x 100 voxels with 3 structures are made up and written to a temporary folder;
each is read, sampled 8 times and ranked by BatchBALD, 10 slices of all. Processor time is that of
this process and all its workers, which tells more than the clock where a computer is busy with
other work. Memory is the greatest sum of their resident sets, looked at ten times a second; what
they share is counted in each of them.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan
from fewslice.io import write_image
from fewslice.io.folder import find_scans
from fewslice.io.scan_files import ScanFiles
from fewslice.segmentation.posterior import Sampler, Samples
from fewslice.training.dropout import Dropout
from fewslice.training.store import model_in_use
from fewslice.volumes import Geometry, Image
from fewslice.workflow.rank_pool import rank_pool

SHAPE = (128, 128, 100)
STRUCTURES = 3
SAMPLES = 8
GEOMETRY = Geometry.from_spacing(SHAPE, (1.0, 1.0, 1.5))


def write_scans(folder: Path, count: int) -> tuple[ScanFiles, ...]:
    """Write noise with three nested balls, as bright as their number, int16."""
    squares = [np.linspace(-1, 1, length, dtype=np.float32) ** 2 for length in SHAPE]
    distance = np.sqrt(squares[0][:, None, None] + squares[1][:, None] + squares[2])
    for number in range(count):
        rng = np.random.default_rng(number)
        scan = rng.integers(-20, 20, SHAPE, dtype=np.int16)
        for radius in (0.6, 0.4, 0.2):
            scan[distance < radius * rng.uniform(0.8, 1.2)] += 100
        write_image(folder / f"scan{number:03d}.nii", Image(scan, GEOMETRY))
    return find_scans(folder)


class MadeUp:
    """A sampler whose samples, (8, 4, 100, 128, 128), disagree where structures meet."""

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        """Return the samples of a scan."""
        return Samples.of_scan(made_up(scan.channels[0], seed), axis=2)


def made_up(channel: npt.NDArray[Any], seed: int) -> npt.NDArray[np.float16]:
    """Return samples that disagree where one structure becomes another: (8, 4, 100, 128, 128)."""
    rng = np.random.default_rng(seed)
    scan = np.moveaxis(channel, 2, 0).astype(np.float32) / 100
    surely = scan < 0.3  # background, as most of a scan is
    result = np.empty((SAMPLES, STRUCTURES + 1, *scan.shape), dtype=np.float16)
    for sample in range(SAMPLES):
        shift = rng.normal(0, 0.1)
        for number in range(STRUCTURES + 1):
            result[sample, number] = np.clip(1 - np.abs(scan - number + shift), 0, 1)
        result[sample] /= np.maximum(result[sample].sum(axis=0), np.float16(0.01))
        result[sample][:, surely] = 0
        result[sample, 0][surely] = 1
    return result


@dataclass
class Use:
    """What was used so far. memory: greatest, bytes. processor: seconds of each process, by id."""

    memory: int = 0
    processor: dict[int, float] = field(default_factory=dict)

    def look(self) -> None:
        """Look at this process and its children."""
        process = psutil.Process()
        memory = 0
        for each in (process, *process.children(recursive=True)):
            try:
                memory += int(each.memory_info().rss)
                times = each.cpu_times()
            except psutil.NoSuchProcess:
                continue
            self.processor[each.pid] = times.user + times.system
        self.memory = max(self.memory, memory)


@contextmanager
def watched() -> Iterator[Use]:
    """Yield what the body uses, complete when it has ended."""
    use, done = Use(), threading.Event()
    before = sum(psutil.Process().cpu_times()[:2])

    def watch() -> None:
        while not done.wait(0.1):
            use.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield use
    finally:
        done.set()
        thread.join()
        use.processor[-1] = -before


def measure(scans: tuple[ScanFiles, ...], sampler: Sampler, workers: int | None) -> str:
    """Return a row of the table."""
    with watched() as use:
        start = time.perf_counter()
        found = rank_pool(scans, sampler=sampler, count=10, strategy="batch-bald", workers=workers)
        seconds = time.perf_counter() - start
    if found.skipped:
        raise SystemExit(f"{found.skipped[0].case}: {found.skipped[0].sentence}")
    processor = sum(use.processor.values())
    return (
        f"| {len(scans)} | {seconds:.1f} | {processor:.1f} | {processor / len(scans):.2f} "
        f"| {use.memory / 1e9:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scans", default="25,50,100,200", help="sizes of the pool, with commas")
    parser.add_argument("--model", type=Path, help="model folder to take samples from")
    parser.add_argument("--workers", type=int, help="processes (default: number of processors)")
    options = parser.parse_args()
    counts = [int(text) for text in options.scans.split(",")]
    sampler: Sampler = MadeUp()
    if options.model:
        sampler = Dropout(str(model_in_use(options.model)[0]), SAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        scans = write_scans(Path(folder), max(counts))
        print("| scans | seconds | processor time (s) | the same per scan | peak memory (GB) |")
        print("|---:|---:|---:|---:|---:|", flush=True)
        for count in counts:
            print(measure(scans[:count], sampler, options.workers), flush=True)


if __name__ == "__main__":
    main()
