"""Fit what drawing a slice brings: which slice of a scan is worth most, and how much that is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.boosting import Table, as_trees, booster, left_out, together
from fewslice.active_learning.next_slice.gain_features import GAIN_FEATURES, OF_THE_STATE
from fewslice.active_learning.next_slice.gain_model import Trees
from fewslice.typing import BoolArray, Float64Array

FEW_SLICES = 8
_EARLIER = 1 / 3  # share of what was fitted before
_LEAST_TRIED = 3


def gains(table: Table) -> Trees:
    """Fit the rise in Dice.

    What one slice brings more than others of the same state is fitted first, then what slices of a
    state bring on average: most of the variance lies between states, and nothing follows from it
    for the choice.
    """
    more = _within(table)
    choice = as_trees(_choice().fit(table.x, more))
    rest = table.y - choice.predict(table.x)
    return together(choice, as_trees(_level().fit(_of_the_state(table.x), rest)))


def averaged(new: Trees, earlier: Trees) -> Trees:
    """Return the mean of two models, of which the earlier one counts half as much.

    It was fitted on other trials, by other engines: what the two agree on is less of chance.
    """
    return together(_scaled(new, 1 - _EARLIER), _scaled(earlier, _EARLIER))


def _scaled(trees: Trees, factor: float) -> Trees:
    value = (trees.value * np.float32(factor)).astype(np.float32)
    return replace(trees, value=value, base=trees.base * factor)


def print_choices(table: Table) -> None:
    """Print how well slices are chosen, each kind of structure by a model that did not see it."""
    found = left_out(_choice(), table.x, _within(table), table.folds(by_source=True))
    few = _on_few_slices(table)
    print(f"\n| chosen among the slices tried | on up to {FEW_SLICES} slices | on more |")
    print("|---|---|---|")
    for name, score in (
        ("by expected gain, kinds left out", found),
        ("most doubtful slice", table.x[:, 0]),
        ("at random", None),
        ("the best (knows the truth)", table.y),
    ):
        cells = (f"{chosen(table, score, rows):.4f}" for rows in (few, ~few))
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"({len(np.unique(table.group[few]))} and {len(np.unique(table.group[~few]))} states)")


def _choice() -> Any:
    return booster(n_estimators=200)


def _level() -> Any:
    return booster(n_estimators=120, max_depth=3, max_features=None)


def _within(table: Table) -> Float64Array:
    """Return by how much each row lies above the mean of its state."""
    _, state = np.unique(table.group, return_inverse=True)
    mean = np.bincount(state, table.y) / np.bincount(state)
    return np.asarray(table.y - mean[state], dtype=np.float64)


def _of_the_state(x: Float64Array) -> Float64Array:
    """Return features with those that differ between slices of a state at 0: no split sees them."""
    kept = np.isin(GAIN_FEATURES, OF_THE_STATE)
    return np.where(kept, x, 0.0)


def _on_few_slices(table: Table) -> BoolArray:
    """Return which rows are of states whose structure is expected on few slices of its plane."""
    main = table.x[:, GAIN_FEATURES.index("crossing")] == 0
    slices = np.exp(table.x[:, GAIN_FEATURES.index("log_slices")])
    few: npt.NDArray[np.intp] = np.unique(table.group[main & (slices < FEW_SLICES + 0.5)])
    return np.isin(table.group, few)


def chosen(table: Table, score: Float64Array | None, among: BoolArray) -> float:
    """Return the mean rise of the slice with the best score of each state; None: of any slice."""
    rises = []
    for state in np.unique(table.group[among]):
        rows = np.flatnonzero(table.group == state)
        if len(rows) >= _LEAST_TRIED:
            best = table.y[rows].mean() if score is None else table.y[rows[score[rows].argmax()]]
            rises.append(best)
    return float(np.mean(rises)) if rises else float("nan")
