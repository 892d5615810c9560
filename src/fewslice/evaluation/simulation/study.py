"""The points of a simulation as runs, ready to be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from fewslice.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]

Unit = tuple[str, int]
"""Task and seed: what two strategies are compared on."""

Budget = Literal["slices", "drawn", "seconds"]
"""What is spent: drawn slices and a tenth for each question; drawn slices alone; seconds."""

BUDGETS: tuple[Budget, ...] = ("slices", "drawn", "seconds")

COLUMNS = (
    "task",
    "strategy",
    "seed",
    "step",
    "slices",
    "drawn",
    "questions",
    "seconds",
    "foreground",
    "dice",
    "dice_open",
    "predicted",
    "predicted_low",
    "promised",
    "kind",
    "axis",
    "index",
)
"""The columns of points.csv: one row per answer of the person, or per round of retraining."""

_NUMBERS = COLUMNS[4:14]
_KNOWN = ("foreground", "dice", "predicted", "predicted_low", "promised")
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Run:
    """One strategy on one unit, from the first answer to the last within the budget.

    All arrays are float64 (points,) in the order of the answers. spent: what was spent up to then,
    for each `Budget`. foreground: structure voxels drawn. dice: of the whole volume (or the mean of
    the test scans). predicted, predicted_low, promised: NaN where nothing was predicted.
    """

    spent: dict[Budget, FloatArray]
    foreground: FloatArray
    dice: FloatArray
    predicted: FloatArray
    predicted_low: FloatArray
    promised: FloatArray

    def dice_at(self, by: Budget, budgets: FloatArray) -> FloatArray:
        """Return Dice as a step function: of the last answer that is within each budget.

        NaN before the first answer; after the last, its value.
        """
        order = np.argsort(self.spent[by], kind="stable")
        place = np.searchsorted(self.spent[by][order], budgets + TOLERANCE, side="right") - 1
        return np.where(place >= 0, self.dice[order][place], np.nan)

    def first_reaching(self, goal: float, by: Budget) -> float:
        """Return the smallest budget with at least that Dice; NaN if it is never reached."""
        reached = self.spent[by][self.dice >= goal - TOLERANCE]
        return float(reached.min()) if reached.size else np.nan


@dataclass(frozen=True, eq=False)
class Study:
    """All runs of a simulation.

    runs: by strategy, in the order in which they were named, and unit. limits: for each budget and
    task the smallest one that any run begins with and the whole one; in slices those are the same
    for all tasks, in seconds the whole one is the most that any run of the task took. question:
    "volume" or "pool". budget: the whole budget in slices. full_dice: Dice with everything
    annotated, None where it is not known. foreground: what the runs' foreground is counted in.
    """

    runs: dict[str, dict[Unit, Run]]
    limits: dict[Budget, dict[str, tuple[float, float]]]
    question: str
    budget: float
    full_dice: float | None
    foreground: str

    @property
    def strategies(self) -> tuple[str, ...]:
        """Return the names in order."""
        return tuple(self.runs)

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """Return all units that any strategy was run on, sorted."""
        return tuple(sorted({unit for runs in self.runs.values() for unit in runs}))

    def shared(self, *strategies: str) -> tuple[Unit, ...]:
        """Return the units that all of these were run on, sorted; of all without a name."""
        names = strategies or self.strategies
        return tuple(unit for unit in self.units if all(unit in self.runs[name] for name in names))


def make_study(points: pd.DataFrame, identity: Mapping[str, Any]) -> Study:
    """Return the runs of a simulation, cut off at the budget.

    points: the columns `COLUMNS`. identity: "question"; "strategies" (their order) and, for the
    question "volume", "budget" in slices, where answers beyond are left out (the last answer may
    overrun it by a part of a slice); for "pool" the budget is the most slices of any run. Optional:
    "full_dice", Dice of a model trained on everything (pool; 1 for "volume"), and
    "foreground_total", the structure voxels of the whole pool.

    Raises InputError if there are no points.
    """
    if points.empty:
        raise InputError(
            "No run of the simulation came to a result, so there is nothing to report; see why the "
            "runs failed."
        )
    question = str(identity.get("question", "volume"))
    spent = np.asarray(points["slices"], dtype=np.float64)
    limited = question == "volume" and "budget" in identity
    budget = float(identity["budget"]) if limited else float(spent.max())
    points, unit = _with_foreground_shares(points[spent <= budget + TOLERANCE], identity)
    full = identity.get("full_dice", 1.0 if question == "volume" else None)
    names = [name for name in identity.get("strategies", ()) if (points["strategy"] == name).any()]
    names += [name for name in points["strategy"].unique() if name not in names]
    runs = {str(name): _runs(points[points["strategy"] == name]) for name in names}
    return Study(
        runs,
        {by: _limits(runs, by, budget) for by in BUDGETS},
        question,
        budget,
        None if full is None else float(full),
        unit,
    )


def _runs(points: pd.DataFrame) -> dict[Unit, Run]:
    """Return the runs of one strategy by unit."""
    ordered = points.sort_values(["task", "seed", "step"], kind="stable")
    if "promised" not in ordered:  # written when the low number was what is promised
        ordered = ordered.assign(promised=ordered["predicted_low"])
    numbers = {name: np.asarray(ordered[name], dtype=np.float64) for name in _NUMBERS}
    tasks, seeds = ordered["task"].to_numpy(dtype=str), ordered["seed"].to_numpy(dtype=np.int64)
    changes = (tasks[1:] != tasks[:-1]) | (seeds[1:] != seeds[:-1])
    bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), len(ordered)]
    return {
        (str(tasks[first]), int(seeds[first])): _run(numbers, slice(first, last))
        for first, last in pairwise(bounds)
    }


def _run(numbers: Mapping[str, FloatArray], rows: slice) -> Run:
    return Run(
        {by: numbers[by][rows] for by in BUDGETS},
        *(numbers[name][rows] for name in _KNOWN),
    )


def _limits(
    runs: Mapping[str, Mapping[Unit, Run]], by: Budget, budget: float
) -> dict[str, tuple[float, float]]:
    spent: dict[str, list[FloatArray]] = {}
    for of in runs.values():
        for (task, _), run in of.items():
            spent.setdefault(task, []).append(run.spent[by])
    if by == "seconds":
        return {
            task: (min(float(one.min()) for one in each), max(float(one.max()) for one in each))
            for task, each in spent.items()
        }
    first = min(float(one.min()) for each in spent.values() for one in each)
    return dict.fromkeys(spent, (first, budget))


def _with_foreground_shares(
    points: pd.DataFrame, identity: Mapping[str, Any]
) -> tuple[pd.DataFrame, str]:
    """Return the points with foreground as a share, and a share of what.

    Counts of voxels are told from shares by being far above 1.
    """
    most = float(points["foreground"].max())
    if identity.get("foreground_total"):
        whole, unit = float(identity["foreground_total"]), "share of all structure voxels"
    elif most <= 2:
        whole, unit = 1.0, "share of all structure voxels"
    else:
        whole, unit = most, f"share of the most that any run annotated ({most:.0f} voxels)"
    return points.assign(foreground=points["foreground"] / whole), unit
