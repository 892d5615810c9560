"""Say how good the Dice to expect was, and count how often "you may stop" was right.

    python -m benchmarks.stopping --data DATA docs/simulations/volume-101 ...

Reads points.csv of `fewslice simulate` and the true labels; a run counts where it was first told
that its Dice is at least 0.90 with a probability of 90 %. Stops are also counted by whether the
ends of the structure had been seen.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewslice.evaluation.dataset import find_dataset, read_case

GOAL = 0.90


def ends_seen(answers: pd.DataFrame, truth: npt.NDArray[np.bool_]) -> bool:
    """Return whether slices across were drawn or both ends closed, as `volume_features` does."""
    if answers["axis"].nunique() > 1:
        return True
    main = int(answers["axis"].iloc[0])
    held = np.flatnonzero(truth.any(axis=tuple(axis for axis in range(3) if axis != main)))
    looked = answers["index"].to_numpy()
    drawn, empty = looked[np.isin(looked, held)], looked[~np.isin(looked, held)]
    before = drawn.min() == 0 or bool((empty < drawn.min()).any())
    after = drawn.max() == truth.shape[main] - 1 or bool((empty > drawn.max()).any())
    return bool(before and after)


def stops(data: Path, folder: Path) -> pd.DataFrame:
    """Return a row for every run of a simulation that was told to stop."""
    settings = json.loads((folder / "summary.json").read_text())["settings"]
    cases = {case.name: case for case in find_dataset(data / settings["dataset"]).cases}
    points = pd.read_csv(folder / "points.csv").sort_values("step")
    rows = []
    for (task, _, strategy), run in points.groupby(["task", "seed", "strategy"]):
        told = run[run["predicted_low"] >= GOAL]
        if not len(told):
            continue
        name, structure = str(task).split("/", 1)
        labels = read_case(cases[name])[1].array
        found = next(each for each in cases[name].structures_in(labels) if each.name == structure)
        first = told.iloc[0]
        seen = ends_seen(run[run["step"] <= first["step"]], found.mask(labels))
        rows.append((folder.name, strategy == "default", seen, first["dice"] >= GOAL))
    return pd.DataFrame(rows, columns=["simulation", "default", "ends seen", "right"])


def answers(folder: Path) -> list[str]:
    """Return a row of a table for the default strategy, and one for all others."""
    points = pd.read_csv(folder / "points.csv").dropna(subset=["predicted_low"]).sort_values("step")
    rows = []
    for name, mine in (("default", True), ("others", False)):
        some = points[(points["strategy"] == "default") == mine]
        if not len(some):
            continue
        error = (some["predicted"] - some["dice"]).abs().mean()
        holds = (some["dice"] >= some["predicted_low"]).mean()
        told = some[some["predicted_low"] >= GOAL]
        first = told.groupby(["task", "seed", "strategy"])["dice"].first()
        runs = some.groupby(["task", "seed", "strategy"])["dice"].max()
        rows.append(
            f"| {folder.name}, {name} | {len(some)} | {error:.3f} | {holds:.0%} | "
            f"{len(first)} of {len(runs)} | {(runs >= GOAL).sum()} | {(first >= GOAL).sum()} | "
            f"{len(told)} of {(some['dice'] >= GOAL).sum()} | {(told['dice'] >= GOAL).sum()} |"
        )
    return rows


def main() -> None:
    """Print a table of answers and runs, and of stops by what had been seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("folders", nargs="+", type=Path)
    given = parser.parse_args()
    print("| | answers | mean error of the median | at least the low number | ", end="")
    print("runs told to stop | that reached .90 | Dice was .90 | answers told | Dice was .90 |")
    print("|---|---|---|---|---|---|---|---|---|")
    print("\n".join(row for folder in given.folders for row in answers(folder)) + "\n")
    table = pd.concat([stops(given.data, folder) for folder in given.folders])
    groups = table.groupby(["simulation", "default", "ends seen"])["right"]
    print(groups.agg(["count", "sum"]).rename(columns={"count": "stops", "sum": "right"}))


if __name__ == "__main__":
    main()
