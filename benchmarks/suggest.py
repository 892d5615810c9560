"""How long a suggestion takes: 128x128x100 voxels, three structures, by the clock and processor.

    OMP_NUM_THREADS=2 python -m benchmarks.suggest

At most 5 s are asked for. Every line is the second call in the same process: the first one loads
libraries.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import fewslice
from fewslice.evaluation.memory import peak_memory


def main() -> None:
    """Print a row for each strategy."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    grid = np.indices((128, 128, 100)) - np.array([64, 64, 50]).reshape(3, 1, 1, 1)
    radius = (grid / np.array([40, 30, 35]).reshape(3, 1, 1, 1)) ** 2
    radius = radius.sum(axis=0)
    truth = sum((radius < limit).astype(np.uint8) for limit in (1.0, 0.5, 0.2))
    truth = np.asarray(truth, dtype=np.uint8)
    noise = np.random.default_rng(0).normal(scale=0.4, size=truth.shape)
    image = (truth + noise).astype(np.float32)
    labels = np.zeros_like(truth)
    for index in (30, 50, 70):
        labels[:, :, index] = truth[:, :, index]
    print("| strategy, 3 slices asked for | seconds | of the processor | peak memory |")
    print("|---|---|---|---|")
    for strategy in (
        "default",
        "entropy",
        "batch-bald",
        "core-set",
        "plane-of-maximum-uncertainty",
    ):
        fewslice.suggest(image, labels, count=3, strategy=strategy)
        with peak_memory() as peak:
            clock, processor = time.perf_counter(), time.process_time()
            fewslice.suggest(image, labels, count=3, strategy=strategy)
            seconds = time.perf_counter() - clock
            used = time.process_time() - processor
        print(f"| {strategy} | {seconds:.1f} | {used:.1f} | {peak.megabytes / 1e3:.2f} GB |")


if __name__ == "__main__":
    main()
