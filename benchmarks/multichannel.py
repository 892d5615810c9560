"""How many slices of a scan with several channels reach the Dice of all? Prints a Markdown table.

    python -m benchmarks.multichannel --data DATA [--set Dataset111_SarcomaPETCT] [--seeds 0 1 2]

As Sharma et al. 2019 asked of brain tumours in four channels. The pool is part Tr, the test part Ts
(people of neither pool nor fit); without a part Ts each person in turn is tested on, the others are
the pool. Slices are drawn in rounds by a strategy, small models on cached features learn from them
(`benchmarks/next_model_features.py`, pixels --pixels times as wide as a trained model's), and the
last column has learned from every slice of the pool. Once with all channels, and with each alone,
or with those of --channels.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.next_model import candidates
from benchmarks.next_model_features import Cached, Perceptrons, best_answer, cached_scans, learned
from fewslice import read_labels
from fewslice.active_learning.strategies.registry import find_strategy
from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan
from fewslice.io.folder import find_scans
from fewslice.io.scan_files import read_scan
from fewslice.metrics.overlap import dice
from fewslice.training.scan import TaskScan

_BUDGETS = (5, 10, 20, 40, 80)


def read(folder: Path, part: str, channels: Sequence[int] | None) -> list[TaskScan]:
    """Return the scans of a part with their truth across the last axis."""
    scans = []
    for files in find_scans(folder / f"images{part}", {}):
        image = read_scan(files)
        truth = read_labels(folder / f"labels{part}" / f"{files.name}.nii.gz", image).array
        every = tuple((2, index) for index in range(truth.shape[2]))
        given = image.channels if channels is None else image.channels[list(channels)]
        scans.append(TaskScan(files.name, Scan(given, image.geometry), Annotation(truth, every)))
    return scans


def folds(
    folder: Path, channels: Sequence[int] | None, pixels: float
) -> list[tuple[list[Cached], list[Cached]]]:
    """Return (pool, tests) of a set, on the same features."""
    people = read(folder, "Tr", channels)
    strangers = read(folder, "Ts", channels) if (folder / "imagesTs").is_dir() else []
    cached = cached_scans([*people, *strangers], [1], coarser=pixels)
    if strangers:
        return [(cached[: len(people)], cached[len(people) :])]
    return [([*cached[:at], *cached[at + 1 :]], [cached[at]]) for at in range(len(cached))]


def curve(pool: Sequence[Cached], tests: Sequence[Cached], strategy: str, seed: int) -> list[float]:
    """Return the mean Dice after each budget of slices, and after all of them."""
    rng = np.random.default_rng([seed, 5])
    drawn: list[tuple[int, int]] = []
    for number in np.resize(rng.permutation(len(pool)), _BUDGETS[0]).tolist():
        held = np.flatnonzero((pool[number].truth > 0).any(axis=(1, 2)))
        taken = [n for s, n in drawn if s == number]
        drawn.append((number, int(rng.choice(np.setdiff1d(held, taken)))))
    found = []
    for step, budget in enumerate((*_BUDGETS[1:], 0)):
        model = learned([(pool[s], n) for s, n in drawn], 2, seed * 100 + step)
        found.append(reached(model, tests))
        if budget:
            seen = [scan.coarser(pixels=2) for scan in pool]
            rows = candidates(model, seen, set(drawn))
            chosen = find_strategy(strategy).rank(rows, budget - len(drawn), rng).chosen
            drawn += [(int(rows.place[r, 0]), int(rows.place[r, 2])) for r in chosen]
    every = [(scan, n) for scan in pool for n in range(len(scan.truth))]
    return [*found, reached(learned(every, 2, seed), tests)]


def reached(model: Perceptrons, tests: Sequence[Cached]) -> float:
    """Return the mean Dice of the answers that the model expects the highest Dice of."""
    chances = (model.probability(scan).mean(axis=0)[1] for scan in tests)
    scores = [
        dice(best_answer(chance), scan.truth == 1)
        for chance, scan in zip(chances, tests, strict=True)
    ]
    return float(np.mean(scores))


def main() -> None:
    """Read the command line and print a line for each choice of channels and strategy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", default="Dataset111_SarcomaPETCT")
    parser.add_argument("--strategies", nargs="+", default=["spread"])
    parser.add_argument("--channels", nargs="+", help="all, or the number of one; each by default")
    parser.add_argument("--pixels", type=float, default=3.0, help="times as wide")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    folder = given.data / given.set
    budgets = " | ".join(map(str, _BUDGETS))
    print(f"| channels | strategy | {budgets} | all |\n|{'---|' * (3 + len(_BUDGETS))}")
    scans = find_scans(folder / "imagesTr", {})
    every = range(len(read_scan(scans[0]).channels))
    for named in given.channels or ["all", *map(str, every)]:
        tested = folds(folder, None if named == "all" else (int(named),), given.pixels)
        for strategy in given.strategies:
            runs = [
                np.mean([curve(*fold, strategy, seed) for fold in tested], axis=0)
                for seed in given.seeds
            ]
            shown = " | ".join(
                f"{mean:.3f} ± {spread:.3f}"
                for mean, spread in zip(np.mean(runs, axis=0), np.std(runs, axis=0), strict=True)
            )
            print(f"| {named} | {strategy} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
