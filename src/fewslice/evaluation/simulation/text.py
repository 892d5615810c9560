"""The short table that is printed when a simulation is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fewslice.annotation.phrases import counted
from fewslice.evaluation.simulation.reach import GOALS

_QUESTIONS = {"volume": "Finish this volume", "pool": "Train the next model"}


def text_table(summary: Mapping[str, Any]) -> str:
    """Return the summary of `write_report` as readable text."""
    return "\n".join([*_heading(summary), *_table(summary), "", *_savings(summary)]).rstrip()


def _heading(summary: Mapping[str, Any]) -> Iterator[str]:
    name = summary["settings"].get("dataset")
    over = f"{counted(summary['tasks'], 'task')}, {counted(summary['seeds'], 'seed')}"
    where = f", {name}" if name else ""
    budget = f"{summary['budget']:g} slices"
    yield f"{_QUESTIONS[summary['question']]}{where}: {over}, up to {budget}"


def _table(summary: Mapping[str, Any]) -> Iterator[str]:
    wide = max(len("strategy"), *(len(each["strategy"]) for each in summary["strategies"]))
    goals = "".join(f"{f'to {goal:.2f}':>16}" for goal in GOALS)
    yield f"{'strategy':<{wide}}{'area':>9}{'final':>9}{goals}"
    for each in summary["strategies"]:
        cells = "".join(f"{_reached(summary, each['strategy'], goal):>16}" for goal in GOALS)
        yield (
            f"{each['strategy']:<{wide}}{each['area_slices']:>9.3f}{each['final_dice']:>9.3f}{cells}"
        )
    yield "area: under the curve of Dice over slices; final: Dice when the budget is spent;"
    yield "to: slices until that Dice (runs that reach it); others count with the whole budget"


def _reached(summary: Mapping[str, Any], strategy: str, goal: float) -> str:
    row = next(
        each
        for each in summary["reach"]
        if (each["by"], each["goal"], each["strategy"]) == ("slices", goal, strategy)
    )
    return f"{row['censored_mean']:.1f} ({row['reached']}/{row['units']})"


def _savings(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the first strategy saves against each other to reach the middle goal."""
    first, goal = summary["strategies"][0]["strategy"], GOALS[1]
    for row in summary["comparisons"]:
        wanted = (row["measure"], row["by"], row["goal"], row["strategy"])
        if wanted != ("reach", "slices", goal, first) or row["saving"] is None:
            continue
        share = f"{abs(row['saving']):.0%} {'fewer' if row['saving'] >= 0 else 'more'} slices than"
        if share.startswith("0%"):
            share = "as many slices as"
        low, high = row["saving_low"], row["saving_high"]
        span = "" if low is None else f"; saving {low:+.0%} to {high:+.0%} with 95 % confidence"
        yield (
            f"{first} needs {share} {row['reference']} to reach "
            f"{goal:.2f} ({counted(row['units'], 'run')} where both do{span})."
        )
