"""How the time for an answer grows with the structure: seconds against its voxels.

    OMP_NUM_THREADS=1 python -m benchmarks.cost_by_volume [--output docs/results]

One ellipsoid in the middle of a scan of 512x512x400 voxels, three slices drawn; each size in a
process of its own, as in `benchmarks/speed.py`. Writes cost-by-volume.csv and .png: the seconds of
the first answer, of the next one after one more slice, and of the next `suggest` of a session.
These are seconds of the processor, not of the clock: of one thread they are about the same, and a
busy machine changes them less.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.speed import ellipsoid, warm_up

SHAPE, SPACING = (512, 512, 400), (0.8, 0.8, 1.0)
SIDES = (20, 50, 100, 160, 240)
NAME = "cost-by-volume"


def measured(side: int) -> dict[str, float]:
    """Return the row of a structure so many voxels wide: its voxels, and seconds."""
    from fewslice import Session

    image, labels = ellipsoid(SHAPE, (side, side, side), 3)
    drawn = [int(index) for index in np.flatnonzero(labels.any(axis=(0, 1)))]
    slices = {index: labels[:, :, index].copy() for index in drawn}
    del labels
    warm_up("auto")
    all_drawn, but_one = (Session(image, spacing=SPACING) for _ in range(2))
    for index in drawn:
        all_drawn.draw(2, index, slices[index])
    first = spent(all_drawn.segment)
    for index in (drawn[0], drawn[2]):
        but_one.draw(2, index, slices[index])
    but_one.segment()
    but_one.draw(2, drawn[1], slices[drawn[1]])
    again = spent(but_one.segment)
    all_drawn.suggest()
    return {
        "side": side,
        "voxels": round(np.pi / 6 * side**3),
        "first": first,
        "again": again,
        "suggest": spent(all_drawn.suggest),
    }


def spent(work: Callable[[], object]) -> float:
    """Return the seconds of the processor that some work takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


def plot(rows: pd.DataFrame, path: Path) -> None:
    """Draw seconds against voxels, both on logarithmic axes."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    names = {"first": "first answer", "again": "one more slice", "suggest": "suggest, next call"}
    for column, label in names.items():
        axes.loglog(rows["voxels"], rows[column], marker="o", label=label)
    axes.set(xlabel="voxels of the structure", ylabel="seconds of one processor")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, help="only this one, printed as JSON")
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measured(options.side)))
        return
    rows = []
    for side in SIDES:
        command = [sys.executable, "-m", "benchmarks.cost_by_volume", "--side", str(side)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    table.to_csv(options.output / f"{NAME}.csv", index=False, float_format="%.2f")
    plot(table, options.output / f"{NAME}.png")


if __name__ == "__main__":
    main()
