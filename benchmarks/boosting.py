"""Trees of scikit-learn: fitted, judged on tasks left out, and kept as plain numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.next_slice.gain_model import Trees
from fewslice.typing import BoolArray, Float64Array

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Table:
    """Rows to fit: x (row, feature), y (row,), task (row,), group (row,) to choose within.

    source: (row,), the kind of structure. run: (row,), number of the whole run it is of, -1 if of
    none; rows of a run are in its order.
    """

    x: Float64Array
    y: Float64Array
    task: npt.NDArray[np.intp]
    group: npt.NDArray[np.intp]
    source: npt.NDArray[np.str_]
    run: npt.NDArray[np.intp]

    def without(self, source: str) -> Table:
        """Return the rows of all other sources."""
        kept = self.source != source
        columns = (self.x, self.y, self.task, self.group, self.source, self.run)
        return Table(*(column[kept] for column in columns))

    def folds(self, by_source: bool = False) -> npt.NDArray[np.intp]:
        """Return the fold of each row: five of tasks, or one for each source."""
        if by_source:
            return np.unique(self.source, return_inverse=True)[1].astype(np.intp)
        tasks = np.random.default_rng(0).integers(0, FOLDS, self.task.max() + 1)
        return np.asarray(tasks[self.task], dtype=np.intp)


def parts(fold: npt.NDArray[np.intp]) -> Iterator[tuple[BoolArray, BoolArray]]:
    """Yield, for each fold, the rows outside of it and those within."""
    for number in np.unique(fold):
        yield fold != number, fold == number


def booster(**settings: Any) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    usual = {
        "n_estimators": 300,
        "learning_rate": 0.03,
        "max_depth": 4,
        "max_features": 0.4,
        "subsample": 0.6,
        "min_samples_leaf": 20,
        "random_state": 0,
    }
    return GradientBoostingRegressor(**{**usual, **settings})


def classifier() -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(
        n_estimators=120,
        learning_rate=0.08,
        max_depth=3,
        subsample=0.6,
        min_samples_leaf=20,
        random_state=0,
    )


def forest() -> Any:
    """Return extremely randomised trees (Geurts et al., Machine Learning 2006), not fitted yet."""
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(300, min_samples_leaf=10, random_state=0)


def as_trees(model: Any) -> Trees:
    """Return a fitted scikit-learn booster or forest as plain numbers."""
    boosted = hasattr(model, "learning_rate")
    trees = [each.tree_ for each in np.ravel(model.estimators_)]
    share = model.learning_rate if boosted else 1 / len(trees)
    nodes = max(tree.node_count for tree in trees)
    shape = (len(trees), nodes)
    feature, below, above = (np.full(shape, -1, dtype=np.int16) for _ in range(3))
    threshold, value = (np.zeros(shape, dtype=np.float32) for _ in range(2))
    for number, tree in enumerate(trees):
        count = tree.node_count
        feature[number, :count] = np.maximum(tree.feature, -1)
        below[number, :count] = np.maximum(tree.children_left, 0)
        above[number, :count] = np.maximum(tree.children_right, 0)
        threshold[number, :count] = _rounded_down(tree.threshold)
        value[number, :count] = tree.value[:, 0, 0] * share
    if not boosted:
        base = 0.0
    elif hasattr(model, "classes_"):
        odds = model.init_.class_prior_[1]
        base = float(np.log(odds / (1 - odds)))
    else:
        base = float(model.init_.constant_[0, 0])
    return Trees(feature, threshold, below, above, value, base)


def together(first: Trees, second: Trees) -> Trees:
    """Return trees that answer the sum of both."""
    nodes = max(first.feature.shape[1], second.feature.shape[1])

    def joined(name: str, fill: int) -> Any:
        pads = (
            np.pad(
                getattr(one, name),
                ((0, 0), (0, nodes - one.feature.shape[1])),
                constant_values=fill,
            )
            for one in (first, second)
        )
        return np.concatenate(list(pads))

    return Trees(
        feature=joined("feature", -1),
        threshold=joined("threshold", 0),
        below=joined("below", 0),
        above=joined("above", 0),
        value=joined("value", 0),
        base=first.base + second.base,
    )


def _rounded_down(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the largest float32 up to each value: a feature in float32 goes the same way then."""
    near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)


def left_out(
    model: Any, x: Float64Array, y: Float64Array, fold: npt.NDArray[np.intp]
) -> Float64Array:
    """Return predictions for every row by models that did not see its fold."""
    from sklearn.base import clone

    found = np.zeros(len(y))
    for fit, judge in parts(fold):
        found[judge] = as_trees(clone(model).fit(x[fit], y[fit])).predict(x[judge])
    return found
