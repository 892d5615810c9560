"""Which strategy trains the next model best? Many seeds, with small models on cached features.

    python -m benchmarks.next_model run --data DATA --set Dataset004_Hippocampus --out FILE.csv \
        --seeds 0 1 2 ... [--seconds 1800]
    python -m benchmarks.next_model show FILE.csv

Of part Tr a seed draws a pool and other scans to test on. It begins with one slice of each of some
scans, the same for all strategies; then slices are drawn in rounds, and a model is trained after
each (`benchmarks/next_model_features.py`). Strategies go by every fourth pixel of a slice, Dice by
every second slice, which takes a third of the time. The CSV has a line a run (set, seed, strategy)
and is added to: runs that it holds are not done again. `show` compares strategies seed by seed.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.next_model_features import Cached, Perceptrons, best_answer, cached_scans, learned
from benchmarks.retraining import case_names
from fewslice import read_image, read_labels
from fewslice.active_learning.base import Strategy
from fewslice.active_learning.candidates import Candidates, Place, slice_facts, stack
from fewslice.active_learning.strategies.registry import find_strategy
from fewslice.active_learning.strategies.uncertainty import ClassStratified
from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan
from fewslice.metrics.overlap import dice
from fewslice.training.scan import TaskScan
from fewslice.typing import Float64Array

STRATEGIES = (
    "spread",
    "clasp-pe",
    "foreground-random-66",
    "foreground-random-33",
    "strided",
    "random",
)
_NOISE = (1.0, 10.0, 100.0)  # of ClaSP PE, round by round: the noise decays on a logarithmic scale


@dataclass(frozen=True)
class Budget:
    """How many scans are in the pool and tested on, and how many slices are drawn when."""

    pool: int
    test: int
    start: int
    each: int
    rounds: int


BUDGETS = {
    "Dataset004_Hippocampus": Budget(16, 16, 8, 8, 3),
    "Dataset101_HeadNeckCT": Budget(12, 8, 6, 6, 3),
}
_PLANES = {"Dataset004_Hippocampus": 1}
_MOST = 64  # scans read of a set


def read_all(folder: Path) -> tuple[list[Cached], int]:
    """Return the scans of part Tr with their truth, and the number of classes."""
    scans = []
    for name in case_names(folder)[:_MOST]:
        image = read_image(folder / "imagesTr" / f"{name}_0000.nii.gz")
        truth = read_labels(folder / "labelsTr" / f"{name}.nii.gz").array.copy()
        truth[truth > (5 if "101" in folder.name else 255)] = 0
        axis = _PLANES.get(folder.name, int(np.argmax(image.geometry.spacing)))
        every = tuple((axis, index) for index in range(truth.shape[axis]))
        scans.append(TaskScan(name, Scan.of(image), Annotation(truth, every)))
    values = sorted({v for scan in scans for v in scan.annotation.drawn_values})
    return cached_scans(scans, values), len(values) + 1


def strategy_of(name: str, number: int) -> Strategy:
    """Return a strategy in a round, from 0."""
    if name == "clasp-pe":
        return ClassStratified(power=_NOISE[min(number, len(_NOISE) - 1)])
    return find_strategy(name)


def run(scans: Sequence[Cached], classes: int, name: str, seed: int, budget: Budget) -> list[float]:
    """Return the mean Dice after the start and after each round."""
    rng = np.random.default_rng([seed, 11])
    order = rng.permutation(len(scans))
    pool = [scans[n] for n in order[: budget.pool]]
    seen = [scan.coarser(pixels=2) for scan in pool]
    tests = [scans[n].coarser(slices=2) for n in order[budget.pool : budget.pool + budget.test]]
    drawn = []
    for number in range(budget.start):
        held = np.flatnonzero((pool[number].truth > 0).any(axis=(1, 2)))
        drawn.append((number, int(rng.choice(held))))
    found = []
    for step in range(budget.rounds + 1):
        model = learned([(pool[s], n) for s, n in drawn], classes, seed * 100 + step)
        found.append(mean_dice(model, tests, classes))
        if step < budget.rounds:
            rows = candidates(model, seen, set(drawn))
            chance = np.random.default_rng([seed, step])
            ranking = strategy_of(name, step).rank(rows, budget.each, chance)
            drawn += [(int(rows.place[r, 0]), int(rows.place[r, 2])) for r in ranking.chosen]
    return found


def candidates(
    model: Perceptrons, pool: Sequence[Cached], drawn: set[tuple[int, int]]
) -> Candidates:
    """Return a row for every slice of the pool."""

    def rows() -> Iterator[Candidates]:
        for number, scan in enumerate(pool):
            probability = model.probability(scan)
            for index in range(probability.shape[2]):
                place = Place(number, 0, index, index * scan.spacing, (number, index) in drawn)
                yield slice_facts(probability[:, :, index], place, points=_POINT)

    return stack(rows())


_POINT = np.zeros((1, 2), dtype=np.int64)  # BatchBALD alone looks at more


def mean_dice(model: Perceptrons, tests: Sequence[Cached], classes: int) -> float:
    """Return the mean over scans and structures of answers expected to have the highest Dice."""
    scores = []
    for scan in tests:
        chance = model.probability(scan).mean(axis=0)
        scores += [
            dice(best_answer(chance[each]), scan.truth == each)
            for each in range(1, classes)
            if (scan.truth == each).any()
        ]
    return float(np.mean(scores))


def area(curve: Sequence[float]) -> float:
    """Return the mean Dice over the budget (trapezoids)."""
    values = np.array(curve)
    return float(((values[1:] + values[:-1]) / 2).mean())


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the lines of the CSV, none without a file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def show(rows: Sequence[Mapping[str, str]], against: str = "foreground-random-66") -> None:
    """Print a table for each set, and differences with their t intervals, paired by seed."""
    for name in sorted({row["set"] for row in rows}):
        curves = {
            (row["strategy"], int(row["seed"])): [float(x) for x in row["dice"].split()]
            for row in rows
            if row["set"] == name
        }
        print(f"{name}\n")
        print(f"| strategy | seeds | Dice after each round | area | minus {against} | wins |")
        print("|---|---|---|---|---|---|")
        for each in STRATEGIES:
            seeds = sorted(s for n, s in curves if n == each and (against, s) in curves)
            if not seeds:
                continue
            mine = np.array([area(curves[each, seed]) for seed in seeds])
            base = np.array([area(curves[against, seed]) for seed in seeds])
            mean = np.mean([curves[each, seed] for seed in seeds], axis=0)
            shown = f"{', '.join(f'{x:.3f}' for x in mean)} | {mine.mean():.3f}"
            print(f"| {each} | {len(seeds)} | {shown} | {_difference(mine - base)} |")
        print()


def _difference(apart: Float64Array) -> str:
    if not apart.any():
        return "0 | -"
    if len(apart) == 1:
        return f"{apart[0]:+.4f} | {(apart > 0).sum()}"
    half = stats.t.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart))
    mean = apart.mean()
    return f"{mean:+.4f} ({mean - half:+.4f} to {mean + half:+.4f}) | {(apart > 0).sum()}"


def main() -> None:
    """Read the command line; run, or show."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["run", "show"])
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--set", choices=sorted(BUDGETS), default="Dataset004_Hippocampus")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(30)))
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--seconds", type=float, default=float("inf"), help="Begin no run after.")
    given = parser.parse_args()
    if given.what == "show":
        show(read_rows(given.file))
        return
    start = time.monotonic()
    scans, classes = read_all(given.data / given.set)
    done = {(row["set"], int(row["seed"]), row["strategy"]) for row in read_rows(given.out)}
    for seed in given.seeds:
        for name in given.strategies:
            if (given.set, seed, name) in done or time.monotonic() - start > given.seconds:
                continue
            curve = run(scans, classes, name, seed, BUDGETS[given.set])
            new = not given.out.exists()
            with given.out.open("a", newline="", encoding="utf-8") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                if new:
                    writer.writerow(["set", "seed", "strategy", "dice"])
                writer.writerow([given.set, seed, name, " ".join(f"{x:.5f}" for x in curve)])


if __name__ == "__main__":
    main()
