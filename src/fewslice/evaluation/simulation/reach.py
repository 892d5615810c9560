"""What it takes to reach a Dice: slices and seconds, and what one strategy saves on another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from fewslice.evaluation.simulation.bootstrap import Resampling, paired_p, resampling
from fewslice.evaluation.simulation.curves import CURVE_BUDGETS, area
from fewslice.evaluation.simulation.study import BUDGETS, Budget, FloatArray, Study, Unit

GOALS = (0.80, 0.85, 0.90)


@dataclass(frozen=True)
class Reach:
    """What a strategy needs to reach a Dice.

    units: that it was run on; reached: of these, that ever got there. mean: over the `common` units
    that *every* strategy reaches, NaN if there are none. censored_mean: over all units, those not
    reached counted with the whole budget, which is the least they would need.
    """

    by: Budget
    goal: float
    strategy: str
    units: int
    reached: int
    common: int
    mean: float
    censored_mean: float


@dataclass(frozen=True)
class Comparison:
    """A strategy against another (the reference), on the same units.

    measure: "reach" (`by` to reach `goal`) or "area" (under the budget curve; goal is NaN). units:
    those on which both strategies have a value. difference: mean minus reference_mean. saving:
    1 - mean / reference_mean, the share of the reference's cost that is saved; NaN for areas.
    low, high: bounds of the 95 % bootstrap interval. p: of the paired t-test on differences.
    """

    measure: str
    by: Budget
    goal: float
    strategy: str
    reference: str
    units: int
    mean: float
    reference_mean: float
    difference: float
    difference_low: float
    difference_high: float
    saving: float
    saving_low: float
    saving_high: float
    p: float


def reach_table(study: Study) -> list[Reach]:
    """Return what every strategy needs for every goal, in slices, drawn slices and seconds."""
    return [
        row
        for by in BUDGETS
        for goal in GOALS
        for needed in [{name: costs(study, name, by, goal) for name in study.strategies}]
        for row in _reach(by, goal, study, needed)
    ]


def comparisons(study: Study) -> Iterator[Comparison]:
    """Yield every ordered pair of strategies, for every goal and for the area under the curve."""
    measured = _measured(study)
    groupings: dict[tuple[Unit, ...], Resampling] = {}
    for strategy, reference in permutations(study.strategies, 2):
        for (measure, by, goal), values in measured.items():
            both = np.isfinite(values[strategy]) & np.isfinite(values[reference])
            units = tuple(study.units[at] for at in np.flatnonzero(both))
            if units not in groupings:
                groupings[units] = resampling(units)
            yield _compared(
                (measure, by, goal, strategy, reference),
                groupings[units],
                values[strategy][both],
                values[reference][both],
            )


def costs(study: Study, strategy: str, by: Budget, goal: float) -> FloatArray:
    """Return what each unit took to reach the goal, float64 (units of the study,).

    NaN where it did not, or the strategy was not run.
    """
    runs = study.runs[strategy]
    return np.array(
        [runs[unit].first_reaching(goal, by) if unit in runs else np.nan for unit in study.units]
    )


def _measured(study: Study) -> dict[tuple[str, Budget, float], dict[str, FloatArray]]:
    """Return measure, budget and goal to strategy to values, float64 (units of the study,)."""
    found: dict[tuple[str, Budget, float], dict[str, FloatArray]] = {}
    for by in CURVE_BUDGETS:
        found["area", by, np.nan] = {name: _areas(study, name, by) for name in study.strategies}
    for by in BUDGETS:
        for goal in GOALS:
            found["reach", by, goal] = {
                name: costs(study, name, by, goal) for name in study.strategies
            }
    return found


def _areas(study: Study, strategy: str, by: Budget) -> FloatArray:
    values = dict(zip(study.shared(strategy), area(study, strategy, by), strict=True))
    return np.array([values.get(unit, np.nan) for unit in study.units])


def _reach(by: Budget, goal: float, study: Study, needed: dict[str, FloatArray]) -> Iterator[Reach]:
    common = np.isfinite(np.stack(list(needed.values()))).all(axis=0)
    whole = np.array([study.limits[by][task][1] for task, _ in study.units])
    for strategy, values in needed.items():
        reached = np.isfinite(values)
        run = np.array([unit in study.runs[strategy] for unit in study.units])
        yield Reach(
            by,
            goal,
            strategy,
            int(run.sum()),
            int(reached.sum()),
            int(common.sum()),
            _mean(values[common]),
            _mean(np.where(reached, values, whole)[run]),
        )


def _compared(
    names: tuple[str, Budget, float, str, str],
    grouping: Resampling,
    values: FloatArray,
    references: FloatArray,
) -> Comparison:
    if not values.size:
        return Comparison(*names, 0, *[np.nan] * 9)
    low, high = grouping.mean_interval(values - references)
    saved, least, most = np.nan, np.nan, np.nan
    if names[0] == "reach":
        saved = 1 - float(values.mean() / references.mean())
        least, most = (1 - bound for bound in grouping.ratio_interval(values, references)[::-1])
    return Comparison(
        *names,
        len(values),
        _mean(values),
        _mean(references),
        _mean(values - references),
        float(low),
        float(high),
        saved,
        least,
        most,
        float(paired_p(grouping.group_means(values - references))),
    )


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else np.nan
