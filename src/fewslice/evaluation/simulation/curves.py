"""Learning curves, the area under them, and where they end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fewslice.evaluation.simulation.bootstrap import resampling
from fewslice.evaluation.simulation.study import (
    TOLERANCE,
    Budget,
    FloatArray,
    Run,
    Study,
    Unit,
)

CURVE_BUDGETS: tuple[Budget, ...] = ("slices", "seconds")

_TENTHS = 10
_TIMES = 101


@dataclass(frozen=True, eq=False)
class Curve:
    """Mean Dice over the units of a strategy, as a step function of what was spent.

    budgets, dice, low, high: float64 (budgets,); low and high bound the 95 % band of the mean, NaN
    if there is only one task and seed. It begins where every unit has begun, so that each value is
    a mean over all of them; a unit that has ended keeps its value.
    """

    by: Budget
    strategy: str
    budgets: FloatArray
    dice: FloatArray
    low: FloatArray
    high: FloatArray
    units: int


def learning_curves(study: Study) -> list[Curve]:
    """Return the curves of all strategies, by slices and by seconds."""
    return [
        _curve(study, by, strategy, budgets)
        for by in CURVE_BUDGETS
        for budgets in [curve_budgets(study, by)]
        for strategy in study.strategies
    ]


def curve_budgets(study: Study, by: Budget) -> FloatArray:
    """Return the budgets of a curve, ascending.

    Slices: every tenth of a slice (what a question counts as) for the question "volume", and those
    after each round for "pool". Seconds: 101 evenly spaced ones, up to the longest run.
    """
    runs = [run for of in study.runs.values() for run in of.values()]
    first = min(float(run.spent[by][0]) for run in runs)
    if by == "seconds":
        return np.linspace(first, max(float(run.spent[by].max()) for run in runs), _TIMES)
    if study.question == "pool":
        return np.unique(np.concatenate([run.spent[by] for run in runs]))
    low, high = round(first * _TENTHS), int(study.budget * _TENTHS + TOLERANCE)
    return np.arange(low, high + 1) / _TENTHS


def comparison_budgets(study: Study) -> FloatArray:
    """Return the budgets at which strategies are compared: whole slices, or after each round."""
    budgets = curve_budgets(study, "slices")
    if study.question == "pool":
        return budgets
    return np.arange(np.ceil(budgets[0]), study.budget + TOLERANCE)


def area(study: Study, strategy: str, by: Budget) -> FloatArray:
    """Return the area under the budget curve of each unit, float64 (units,), sorted by unit.

    Trapezoid rule over the points, with the budget scaled to [0, 1], so that a constant curve has
    its value (Zhan et al. 2021, "A comparative survey: benchmarking for pool-based active
    learning", IJCAI). The scale runs from the smallest budget any run begins with to the whole
    budget; for seconds, which depend on a structure's size, both are those of the task. A curve
    that begins later counts its first value from there back, one that ends sooner its last.
    """
    runs = study.runs[strategy]
    return np.array(
        [
            normalised_area(run.spent[by], run.dice, *study.limits[by][task])
            for (task, _), run in sorted(runs.items(), key=_unit)
        ]
    )


def normalised_area(spent: FloatArray, dice: FloatArray, begin: float, end: float) -> float:
    """Return the mean height of the curve between two budgets, linear between its points."""
    order = np.argsort(spent, kind="stable")
    spent, dice = spent[order], dice[order]
    if end <= begin:
        return float(dice[-1])
    inner = (spent > begin) & (spent < end)
    at = np.concatenate([[begin], spent[inner], [end]])
    return float(np.trapezoid(np.interp(at, spent, dice), at) / (end - begin))


def final_dice(study: Study, strategy: str) -> FloatArray:
    """Return Dice when the budget is spent, float64 (units,), sorted by unit."""
    return np.array([run.dice[-1] for _, run in sorted(study.runs[strategy].items(), key=_unit)])


def curve_rows(curves: list[Curve]) -> Iterator[dict[str, object]]:
    """Yield the rows of curves.csv."""
    for curve in curves:
        for row in zip(curve.budgets, curve.dice, curve.low, curve.high, strict=True):
            budget, dice, low, high = map(float, row)
            yield {
                "by": curve.by,
                "strategy": curve.strategy,
                "budget": budget,
                "dice": dice,
                "low": low,
                "high": high,
                "units": curve.units,
            }


def _curve(study: Study, by: Budget, strategy: str, budgets: FloatArray) -> Curve:
    units = sorted(study.runs[strategy])
    values = np.stack([study.runs[strategy][unit].dice_at(by, budgets) for unit in units])
    begun = np.isfinite(values).all(axis=0)
    values, budgets = values[:, begun], budgets[begun]
    low, high = resampling(units).mean_interval(values)
    return Curve(by, strategy, budgets, values.mean(axis=0), low, high, len(units))


def _unit(item: tuple[Unit, Run]) -> Unit:
    return item[0]
