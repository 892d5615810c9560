"""Dice of every engine on the five evaluation sets, and the tables of docs/benchmarks.md.

    python benchmarks/accuracy.py --data DIR --work DIR [--jobs 2]  # runs, resumable
    python benchmarks/accuracy.py --work DIR --tables-only  # prints what has been run

Runs `fewslice evaluate` with three simulated annotators and prints Markdown. With --plots DIR the
plots are copied there.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

SETS = {
    "004": ("Dataset004_Hippocampus", "1"),
    "101": ("Dataset101_HeadNeckCT", "auto"),
    "102": ("Dataset102_CardiacCineMRI", "auto"),
    "103": ("Dataset103_SpleenCT", "auto"),
    "104": ("Dataset104_RetinaFluidOCT", "auto"),
}
SLICES = {"strided": "1,3,5,8", "strided-ends": "3,5", "random": "3,5"}
ENGINES = ("interpolation", "random-walker", "auto")


def run(data: Path, work: Path, jobs: int) -> None:
    for annotator, slices in SLICES.items():
        for name, (folder, plane) in SETS.items():
            command = [sys.executable, "-m", "fewslice", "evaluate", str(data / folder)]
            command += ["--plane", plane, "--cases", "12", "--slices", slices]
            command += ["--annotator", annotator, "--jobs", str(jobs)]
            subprocess.run([*command, "-o", str(work / f"{name}-{annotator}")], check=True)


def table(work: Path, annotator: str, column: str) -> str:
    """Return a Markdown table: set and slices by engine, mean over the tasks of a set."""
    rows = ["| set | slices | tasks | " + " | ".join(ENGINES) + " |"]
    rows.append("|---|---|---|" + "---|" * len(ENGINES))
    overall: dict[str, list[pd.Series[float]]] = {}
    for name in SETS:
        scores = pd.read_csv(work / f"{name}-{annotator}" / "scores.csv")
        for slices, part in scores.groupby("slices"):
            means = part.groupby("engine")[column].mean()
            overall.setdefault(str(slices), []).append(means)
            tasks = len(part) // part["engine"].nunique()
            rows.append(f"| {name} | {slices} | {tasks} | {_cells(means)} |")
    for slices, means_of_sets in overall.items():
        if len(means_of_sets) == len(SETS):
            mean = pd.concat(means_of_sets, axis=1).mean(axis=1)
            rows.append(f"| **mean of the sets** | {slices} | | {_cells(mean)} |")
    return "\n".join(rows)


def _cells(means: pd.Series[float]) -> str:
    return " | ".join(f"{means[engine]:.3f}" for engine in ENGINES)


def worst_falls(work: Path) -> str:
    """Say on how many tasks auto falls more than 0.05 below the better single engine."""
    frames = [
        pd.read_csv(work / f"{name}-strided" / "scores.csv").assign(set=name) for name in SETS
    ]
    scores = pd.concat(frames).pivot_table(
        index=["set", "case", "structure", "slices"], columns="engine", values="dice"
    )
    fall = scores[["interpolation", "random-walker"]].max(axis=1) - scores["auto"]
    return (
        f"`auto` is more than 0.05 below the better of the two on {int((fall > 0.05).sum())} of "
        f"{len(fall)} tasks; the largest fall is {fall.max():.3f}."
    )


def copy_plots(work: Path, plots: Path) -> None:
    plots.mkdir(parents=True, exist_ok=True)
    for name in SETS:
        for plot in ("dice", "distance", "cost"):
            shutil.copyfile(work / f"{name}-strided" / f"{plot}.png", plots / f"{name}-{plot}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, default=Path("benchmark-results"))
    parser.add_argument("--plots", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tables-only", action="store_true")
    options = parser.parse_args()
    if not options.tables_only:
        if options.data is None:
            parser.error("--data is needed to run; --tables-only prints what has been run")
        run(options.data, options.work, options.jobs)
    for annotator in SLICES:
        print(f"\n### `{annotator}`, slices that were not annotated\n")
        print(table(options.work, annotator, "dice"))
    print("\n### `strided`, within the object's extent\n")
    print(table(options.work, "strided", "dice_extent"))
    print("\n" + worst_falls(options.work))
    if options.plots is not None:
        copy_plots(options.work, options.plots)


if __name__ == "__main__":
    main()
