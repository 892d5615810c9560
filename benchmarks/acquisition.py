"""How long ranking takes: BatchBALD of 10 from 1,000 candidates, and every other strategy.

    OMP_NUM_THREADS=1 python benchmarks/acquisition.py

Candidates are made from posterior samples of nested balls, another size in every sample, as real
ones are. Each time is of one run: by the clock, and of the processor, which tells more where the
computer is busy with other work.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.candidates import Candidates, Place, descriptor, scan_facts, stack
from fewslice.active_learning.scans import rank_scans
from fewslice.active_learning.strategies.registry import STRATEGIES
from fewslice.active_learning.strategies.uncertain_plane import planes_of_maximum_uncertainty

SAMPLES, STRUCTURES = 8, 3
SHAPE = (100, 128, 128)


def show(what: str, work: Callable[[], Any]) -> None:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    print(f"| {what} | {clock:.2f} | {processor:.2f} |", flush=True)


def samples_of_a_scan(seed: int, shape: tuple[int, int, int]) -> npt.NDArray[np.float16]:
    """Return (sample, class, slice, row, column): nested balls, of another size in every sample."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij")
    distance = np.sqrt(sum(axis**2 for axis in axes))
    probability = np.zeros((SAMPLES, STRUCTURES + 1, *shape), dtype=np.float16)
    for sample in range(SAMPLES):
        inside = [np.ones(shape, dtype=np.float32)]
        for radius in np.array([0.6, 0.4, 0.2]) + 0.05 * rng.normal(size=STRUCTURES):
            inside.append(inside[-1] / (1 + np.exp(np.clip(30 * (distance - radius), -30, 30))))
        inside.append(np.zeros(shape, dtype=np.float32))
        for label in range(STRUCTURES + 1):
            probability[sample, label] = (inside[label] - inside[label + 1]).astype(np.float16)
    probability[:, 0][probability[:, 0] > 0.999] = 1
    return probability


def candidates_of(probability: npt.NDArray[np.float16], scan: int = 0) -> Candidates:
    image = np.zeros(probability.shape[3:], dtype=np.float32)
    count = probability.shape[2]
    places = [Place(scan, 0, index, float(index), annotated=index == 50) for index in range(count)]
    appearance = [descriptor(image, probability[:, :, index]) for index in range(count)]
    return scan_facts(probability, places, appearance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10)
    count = parser.parse_args().count
    probability = samples_of_a_scan(0, SHAPE)
    print(f"{SAMPLES} samples, {STRUCTURES} structures, {os.cpu_count()} cores\n")
    print("| what | seconds | of the processor |\n|---|---|---|")
    size = "x".join(str(n) for n in SHAPE)
    show(f"candidates of a scan of {size}", lambda: candidates_of(probability))
    field = np.where(probability[0, 0] < 1, 0.1, 0.0)
    show(
        "plane of maximum uncertainty, tilted ones too",
        lambda: planes_of_maximum_uncertainty(field, (1.0, 1.0, 1.0)),
    )
    small = [candidates_of(samples_of_a_scan(n, (100, 64, 64)), n) for n in range(10)]
    pool = stack(small)
    report(f"{count} of {len(pool):,} slices", pool, count)
    large = stack([pool] * 20)
    report(f"{count} of {len(large):,} slices", large, count)
    show(
        "entropy, 5 of 10 scans",
        lambda: rank_scans(pool, STRATEGIES["entropy"], 5, np.random.default_rng(0)),
    )
    show(
        f"batch-bald, {count} of {len(pool):,} slices, no voxel certain",
        lambda: STRATEGIES["batch-bald"].rank(informative(pool), count, np.random.default_rng(0)),
    )


def informative(pool: Candidates) -> Candidates:
    """Return the pool with random probabilities at its points: the worst case of BatchBALD."""
    rng = np.random.default_rng(0)
    rows, samples, classes, points = pool.points.shape
    drawn = rng.dirichlet(np.ones(classes), (rows, samples, points)).astype(np.float16)
    return replace(pool, points=np.moveaxis(drawn, 3, 2))


def report(what: str, pool: Candidates, count: int) -> None:
    for name, strategy in STRATEGIES.items():
        show(f"{name}, {what}", partial(strategy.rank, pool, count, np.random.default_rng(0)))


if __name__ == "__main__":
    main()
