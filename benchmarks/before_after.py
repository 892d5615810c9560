"""Two states of the engines beside one another: Dice of each set, and slices until a goal.

    python -m benchmarks.before_after BEFORE AFTER  # folders of benchmarks/accuracy.py, or CSVs
    python -m benchmarks.before_after --simulations BEFORE AFTER  # folders of `fewslice simulate`

Only what both hold is compared: the same structures, slices and engines; and all structures that
either of the two brings to the goal, of which one that fails counts one slice more than the budget.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

from benchmarks.accuracy import TASK, markdown, read

GOAL = 0.85
STRATEGY = "default"


def scores(place: Path) -> pd.DataFrame:
    """Return the scores of strided slices: those of a folder, or all of a CSV."""
    if place.suffix != ".csv":
        return read(place, "strided")
    return pd.read_csv(place, dtype=dict.fromkeys(("set", "case", "structure"), "str"))


def dice_table(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """Return Markdown: mean Dice by engine, set and number of slices, before and after."""
    both = after.merge(before, on=[*TASK, "engine"], suffixes=("", " before"))
    rows = [
        [
            *(str(part) for part in (number, count, engine, len(group))),
            f"{group['dice before'].mean():.3f}",
            f"{group['dice'].mean():.3f}",
            f"{(group['dice'] - group['dice before']).mean():+.4f}",
        ]
        for (engine, number, count), group in both.groupby(["engine", "set", "slices"])
    ]
    head = ["set", "slices", "engine", "structures", "before", "after", "difference"]
    return markdown(head, rows)


def reached(points: pd.DataFrame) -> pd.Series:
    """Return the slices until the goal of each task; NaN where it is never reached."""
    own = points[points["strategy"] == STRATEGY]
    tasks = own.groupby("task").size().index
    return own[own["dice"] >= GOAL].groupby("task")["slices"].min().reindex(tasks)


def slices_sentence(before: pd.DataFrame, after: pd.DataFrame, budget: float) -> str:
    """Return how many slices both needed for the goal, over the structures either brings there."""
    found = pd.DataFrame({"before": reached(before), "after": reached(after)}).dropna(how="all")
    parts = [
        f"{name} {found[name].fillna(budget + 1).mean():.2f} "
        f"({found[name].notna().sum()} of {len(found)})"
        for name in ("before", "after")
    ]
    return f"slices until {GOAL}: {', '.join(parts)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--simulations", action="store_true")
    options = parser.parse_args()
    if not options.simulations:
        print(dice_table(scores(options.before), scores(options.after)))
        return
    budget = json.loads((options.after / "summary.json").read_text())["budget"]
    before, after = (pd.read_csv(each / "points.csv") for each in (options.before, options.after))
    print(slices_sentence(before, after, budget))


if __name__ == "__main__":
    main()
