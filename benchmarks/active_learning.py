"""Print the tables of docs/results/active-learning.md from what `fewslice simulate` wrote.

python -m benchmarks.active_learning FOLDER [FOLDER...]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from fewslice.evaluation.simulation.report import write_report

GOAL = 0.85


def at_budget(points: pd.DataFrame, budget: float) -> pd.Series:
    """Return the Dice of each run at a budget: that of its last answer up to it."""
    within = points[points["slices"] <= budget + 1e-9].sort_values("step")
    return within.groupby(["strategy", "task", "seed"])["dice"].last()


def first_reaching(points: pd.DataFrame, goal: float) -> pd.Series:
    """Return the slices at which each run first reaches a Dice; NaN if it never does."""
    runs = points.groupby(["strategy", "task", "seed"])
    reached = points[points["dice"] >= goal].groupby(["strategy", "task", "seed"])["slices"].min()
    return reached.reindex(runs.size().index)


def slices_for_goal(points: pd.DataFrame) -> pd.DataFrame:
    """Return the slices to the goal, (run, strategy), of runs that any brings there; NaN if not."""
    by_run = first_reaching(points, GOAL).unstack("strategy")
    return by_run[by_run.notna().any(axis=1)]


def volume_table(points: pd.DataFrame, strategies: list[str], budget: int) -> list[str]:
    """Return the lines of the table for finishing volumes."""
    budgets = list(range(1, budget + 1))
    some = slices_for_goal(points)
    capped = some.fillna(budget + 1)
    lines = [
        "| strategy | " + " | ".join(f"{count}" for count in budgets) + " | reach .85 | slices for "
        "it | questions |",
        "|---" * (len(budgets) + 4) + "|",
    ]
    for name in strategies:
        dice = [at_budget(points, count)[name].mean() for count in budgets]
        asked = points[points["strategy"] == name].groupby(["task", "seed"])["questions"].max()
        lines.append(
            f"| {name} | "
            + " | ".join(f"{value:.3f}" for value in dice)
            + f" | {int(some[name].notna().sum())} of {len(some)} | {capped[name].mean():.2f} | "
            f"{asked.mean():.1f} |"
        )
    return lines


def saved_line(points: pd.DataFrame, strategies: list[str], budget: int) -> str:
    """Return how many slices fewer the first strategy needs than each other, over all runs.

    A goal that is not reached counts as one slice more than the budget.
    """
    needed = slices_for_goal(points).fillna(budget + 1).mean()
    first, *others = strategies
    shares = [f"{name} {1 - needed[first] / needed[name]:.0%}" for name in others]
    return f"Fewer slices with {first}, over all, than with: {', '.join(shares)}"


def pool_table(points: pd.DataFrame, strategies: list[str]) -> list[str]:
    """Return the lines of the table for training the next model."""
    slices = sorted(points["slices"].unique())
    lines = [
        "| strategy | " + " | ".join(f"{count:.0f}" for count in slices) + " | area, each seed |",
        "|---" * (len(slices) + 2) + "|",
    ]
    for name in strategies:
        mine = points[points["strategy"] == name].pivot_table(
            index="seed", columns="slices", values="dice"
        )
        spread = slices[-1] - slices[0]
        areas = np.trapezoid(mine.to_numpy(), mine.columns.to_numpy(dtype=float), axis=1) / spread
        lines.append(
            f"| {name} | "
            + " | ".join(f"{value:.3f}" for value in mine.mean())
            + f" | {areas.mean():.3f} ({', '.join(f'{area:.3f}' for area in areas)}) |"
        )
    return lines


def quality_lines(points: pd.DataFrame) -> list[str]:
    """Return what the predicted Dice was worth on these runs."""
    told = points[points["predicted"].notna()]
    if not len(told):
        return []
    error = (told["predicted"] - told["dice"]).abs().mean()
    held = (told["dice"] >= told["predicted_low"]).mean()
    stop = told[told.get("promised", told["predicted_low"]) >= 0.9]
    first = stop.sort_values("step").groupby(["strategy", "task", "seed"]).first()
    right = f"{(first['dice'] >= 0.9).mean():.2f}" if len(first) else "-"
    return [
        f"Predicted Dice, {len(told)} answers: mean error {error:.3f}; at least the low number on "
        f"{held:.3f}. Told to stop (0.90): {len(first)} runs, rightly {right}; mean Dice then "
        f"{first['dice'].mean() if len(first) else float('nan'):.3f}."
    ]


def merged(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return all points, those of later parts in place of the same strategies' earlier ones."""
    points = parts[0]
    for later in parts[1:]:
        points = pd.concat([points[~points["strategy"].isin(later["strategy"].unique())], later])
    runs = points.groupby(["task", "seed"])["strategy"].transform("nunique")
    return points[runs == points["strategy"].nunique()]


def main() -> None:
    """Print the tables of all folders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--report", type=Path, help="folder for tables and plots of what is joined")
    given = parser.parse_args()
    for joined in given.folders:
        folders = [Path(each) for each in joined.split(",")]
        points = merged([pd.read_csv(folder / "points.csv") for folder in folders])
        settings = json.loads((folders[0] / "summary.json").read_text())["settings"]
        strategies = [name for name in settings["strategies"] if name in set(points["strategy"])]
        print(f"\n{settings['dataset']}, {points.groupby(['task', 'seed']).ngroups} tasks\n")
        if settings["question"] == "volume":
            budget = int(settings["budget"])
            lines = volume_table(points, strategies, budget)
            lines += ["", saved_line(points, strategies, budget)]
        else:
            lines = pool_table(points, strategies)
        print("\n".join([*lines, "", *quality_lines(points)]))
        if given.report:
            name = f"{settings['question']}-{settings['dataset'][7:10]}"
            write_report(given.report / name, points, settings)


if __name__ == "__main__":
    main()
