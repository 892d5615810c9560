"""Fit what tells how good an answer is: the median of the Dice to expect, and the low number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.boosting import Table, as_trees, booster, forest, left_out, parts, together
from fewslice.active_learning.next_slice.gain_model import Trees
from fewslice.active_learning.next_slice.quality import GOOD_ENOUGH, QUALITY_FEATURES
from fewslice.typing import BoolArray, Float64Array

LOW = 0.1
KEPT = 0.88  # of first promises of a good answer
_TRIED = np.arange(0.0, 3.0, 0.05)  # spreads
_ENDS = QUALITY_FEATURES.index("ends_seen")
_LEAST = 1e-3  # spreads; a logarithm needs some
_SMALLEST = 0.1  # logits; errors below that are as good as none


def logit(values: npt.ArrayLike) -> Float64Array:
    """Return log-odds, of what is certain those of .01 and .995."""
    inside = np.clip(np.asarray(values, dtype=np.float64), 0.01, 0.995)
    return np.asarray(np.log(inside / (1 - inside)))


def scan_quality(table: Table) -> tuple[Trees, Trees, Trees]:
    """Fit the median of a scan's Dice, and how far below it the low number and the promise lie.

    Prints how often both were right, for folds of structures and of kinds. The spread is
    multiplied by one number a group (`_groups`), by which the low number holds in 90 % of the rows
    of kinds left out, so that it holds for kinds that nobody has seen.
    """
    y = logit(table.y)
    print("| left out | states | | mean error | at least low | told to stop | rightly |", end="")
    print(" of |\n|---|---|---|---|---|---|---|---|")
    for name, by_source in (("structures", False), ("kinds", True)):
        fold = table.folds(by_source)
        median, spread = _predicted(table, y, fold)
        _print_scans(name, table, median, _crossed(table, y, median, spread, fold)[0])
    trees = as_trees(forest().fit(table.x, y))
    trees = replace(trees, base=_to_median(y, left_out(forest(), table.x, y, fold)))
    distance = np.log(np.abs(y - median) + _SMALLEST)
    wide = as_trees(_spread_model().fit(np.column_stack([table.x, median]), distance))
    everything = np.ones(len(y), dtype=bool)
    multiples = _multiples(table, y, median, spread, everything)
    promised = _promised(table, median, spread, everything)
    print(f"multiples of the low number {multiples.round(2)}, of the promise {promised:.2f}")
    promise = replace(wide, base=wide.base + float(np.log(max(promised, _LEAST))))
    return trees, together(wide, _group_tree(multiples)), promise


def left_out_quality(
    table: Table, *, by_source: bool
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return logits of median, low number and promise of each row, by models of other folds."""
    y = logit(table.y)
    fold = table.folds(by_source)
    median, spread = _predicted(table, y, fold)
    return median, *_crossed(table, y, median, spread, fold)


def _spread_model() -> Any:
    return booster(n_estimators=60, learning_rate=0.06, max_depth=3, min_samples_leaf=60)


def _predicted(
    table: Table, y: Float64Array, fold: npt.NDArray[np.intp]
) -> tuple[Float64Array, Float64Array]:
    """Return the median and the spread of each row by models that did not see its fold.

    A forest predicts means, from which boosted quantiles are farther on kinds left out than their
    medians are; so means are moved until half of the rows of other folds lie above.
    """
    mean = left_out(forest(), table.x, y, fold)
    median = mean.copy()
    for others, judged in parts(fold):
        median[judged] += _to_median(y[others], mean[others])
    distance = np.log(np.abs(y - median) + _SMALLEST)
    spread = left_out(_spread_model(), np.column_stack([table.x, median]), distance, fold)
    return median, np.exp(spread)


def _to_median(y: Float64Array, mean: Float64Array) -> float:
    """Return by how much predicted means lie below the median of what was to be predicted."""
    return float(np.median(y - mean))


def _groups(table: Table, median: Float64Array) -> npt.NDArray[np.intp]:
    """Return the group of each row: + 1 if a good answer is expected, + 2 if ends were seen."""
    good = median > logit(GOOD_ENOUGH)
    return np.asarray(2 * (table.x[:, _ENDS] > 0.5) + good, dtype=np.intp)


def _multiples(
    table: Table,
    y: Float64Array,
    median: Float64Array,
    spread: Float64Array,
    among: BoolArray,
) -> Float64Array:
    """Return, for each group, by how many spreads the low number lies below the median."""
    group = _groups(table, median)
    scores = (median - y) / spread
    return np.array([np.quantile(scores[among & (group == one)], 1 - LOW) for one in range(4)])


def _promised(table: Table, median: Float64Array, spread: Float64Array, among: BoolArray) -> float:
    """Return by how many spreads a promise lies below the median.

    As few as first promises of a good answer are kept in `KEPT` of the runs among these rows. More
    are never kept less often.
    """
    chosen = float(_TRIED[-1])
    for tried in _TRIED[::-1]:
        promise = median - tried * spread
        if promises_kept(table, promise, among) < KEPT:
            break
        chosen = float(tried)
    return chosen


def promises_kept(table: Table, promise: Float64Array, among: BoolArray) -> float:
    """Return the share of runs whose first promise of a good answer is kept; 0 without any."""
    found = []
    for run in np.unique(table.run[among & (table.run >= 0)]):
        rows = np.flatnonzero(table.run == run)
        told = promise[rows] >= logit(GOOD_ENOUGH)
        if told.any():
            found.append(table.y[rows[told.argmax()]] >= GOOD_ENOUGH)
    return float(np.mean(found)) if found else 0.0


def _crossed(
    table: Table,
    y: Float64Array,
    median: Float64Array,
    spread: Float64Array,
    fold: npt.NDArray[np.intp],
) -> tuple[Float64Array, Float64Array]:
    """Return the low number and the promise of each row, by multiples of the other folds."""
    low, promise = np.zeros(len(y)), np.zeros(len(y))
    group = _groups(table, median)
    for others, judged in parts(fold):
        multiples = _multiples(table, y, median, spread, others)
        low[judged] = (median - multiples[group] * spread)[judged]
        promise[judged] = (median - _promised(table, median, spread, others) * spread)[judged]
    return low, np.maximum(low, promise)


def _print_scans(name: str, table: Table, median: Float64Array, low: Float64Array) -> None:
    seen = table.x[:, _ENDS] > 0.5
    good, stop = table.y >= GOOD_ENOUGH, low >= logit(GOOD_ENOUGH)
    error = np.abs(1 / (1 + np.exp(-median)) - table.y)
    holds = logit(table.y) >= low
    for what, rows in (
        ("all", np.ones(len(seen), dtype=bool)),
        ("ends seen", seen),
        ("ends not seen", ~seen),
    ):
        told = stop & rows
        rightly = f"{np.mean(good[told]):.3f}" if told.any() else "-"
        print(
            f"| {name} | {rows.sum()} | {what} | {error[rows].mean():.3f} | "
            f"{holds[rows].mean():.3f} | {told.sum()} | {rightly} | {(good & rows).sum()} |"
        )


def _group_tree(multiples: Float64Array) -> Trees:
    """Return one tree that answers the logarithm of the multiple of a row's group.

    It looks at whether the ends were seen and at the median, which is the last feature.
    """
    last = len(QUALITY_FEATURES)
    value = np.zeros((1, 7), dtype=np.float32)
    value[0, 3:] = np.log(np.maximum(multiples, _LEAST))
    return Trees(
        feature=np.array([[_ENDS, last, last, -1, -1, -1, -1]], dtype=np.int16),
        threshold=np.array([[0.5, *[logit(GOOD_ENOUGH)] * 2, 0, 0, 0, 0]], dtype=np.float32),
        below=np.array([[1, 3, 5, 0, 0, 0, 0]], dtype=np.int16),
        above=np.array([[2, 4, 6, 0, 0, 0, 0]], dtype=np.int16),
        value=value,
        base=0.0,
    )


def slice_quality(table: Table) -> tuple[Trees, Trees]:
    """Fit the median and the 10th percentile of a slice's Dice, and shift the latter till it holds.

    Many slices have a Dice of exactly 0. Where that is the lowest percentile to begin with, no
    split helps and a model answers the same for all; a little noise sets them apart.
    """
    y = logit(table.y) + np.random.default_rng(0).normal(0, 1e-3, len(table.y))
    median = booster(loss="quantile", alpha=0.5, min_samples_leaf=60, max_depth=3)
    low = booster(loss="quantile", alpha=LOW, min_samples_leaf=60, max_depth=3)
    predicted, lower = (left_out(one, table.x, y, table.folds()) for one in (median, low))
    shift = float(np.quantile(lower - y, 1 - LOW))
    stop = lower - shift >= logit(GOOD_ENOUGH)
    error = np.abs(1 / (1 + np.exp(-predicted)) - table.y).mean()
    rightly = f"{np.mean(table.y[stop] >= GOOD_ENOUGH):.3f}" if stop.any() else "-"
    print(
        f"\nslices: {len(y)}, mean error {error:.3f}, at least the low number "
        f"{np.mean(y >= lower - shift):.3f}, told to stop {stop.sum()}, rightly {rightly}"
    )
    trees = as_trees(low.fit(table.x, y))
    return as_trees(median.fit(table.x, y)), replace(trees, base=trees.base - shift)
