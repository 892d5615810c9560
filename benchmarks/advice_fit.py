"""Fit boosted trees to the rows that `benchmarks.advice` collects; keep them as plain numbers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.acquisition.advice import Advice, Trees, as_tensors

BoolArray = npt.NDArray[np.bool_]


def _logit(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    inside = np.clip(values, 0.01, 0.995)
    return np.asarray(np.log(inside / (1 - inside)))


@dataclass(frozen=True, eq=False)
class Table:
    """Rows to fit: x (row, feature), y (row,), task (row,) and group (row,) to choose within."""

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    task: npt.NDArray[np.intp]
    group: npt.NDArray[np.intp]

    def folds(self) -> Iterator[tuple[BoolArray, BoolArray]]:
        fold = np.random.default_rng(0).integers(0, 5, self.task.max() + 1)[self.task]
        for number in range(5):
            yield fold != number, fold == number


def load(work: Path) -> dict[str, Table]:
    """Return the tables of all rows collected."""
    parts: dict[str, list[Any]] = {name: [] for name in ("draw", "empty", "state", "slice", "ends")}
    tasks: dict[str, int] = {}
    state = 0
    for file in sorted(work.glob("advice-*.jsonl")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            task = tasks.setdefault(row["task"], len(tasks))
            if row["kind"] in ("draw", "empty"):
                parts[row["kind"]].append((row["features"], row["gain"], task, state))
                continue
            state += 1
            parts["state"].append((row["features"], row["dice"], task, state))
            pairs = zip(row["slices"], row["slice_dice"], strict=True)
            parts["slice"] += [(x, y, task, state) for x, y in pairs]
            pairs = zip(row["near"], row["holds"], strict=True)
            parts["ends"] += [(x, y, task, state) for x, y in pairs]
    return {
        name: Table(*(np.array(column) for column in zip(*rows, strict=True)))
        for name, rows in parts.items()
    }


def _model(**settings: Any) -> Any:
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


def _classifier() -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(
        n_estimators=120,
        learning_rate=0.08,
        max_depth=3,
        subsample=0.6,
        min_samples_leaf=20,
        random_state=0,
    )


def as_trees(model: Any) -> Trees:
    """Return a fitted scikit-learn booster as plain numbers."""
    trees = [each.tree_ for each in model.estimators_[:, 0]]
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
        value[number, :count] = tree.value[:, 0, 0] * model.learning_rate
    if hasattr(model, "classes_"):
        share = model.init_.class_prior_[1]
        base = float(np.log(share / (1 - share)))
    else:
        base = float(model.init_.constant_[0, 0])
    return Trees(feature, threshold, below, above, value, base)


def _rounded_down(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the largest float32 up to each value: a feature in float32 goes the same way then."""
    near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)


def _left_out(table: Table, model: Any, y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return predictions for every row by models that did not see its task."""
    from sklearn.base import clone

    found = np.zeros(len(y))
    for fit, judge in table.folds():
        each = clone(model).fit(table.x[fit], y[fit])
        found[judge] = as_trees(each).predict(table.x[judge])
    return found


def fit(given: argparse.Namespace) -> None:
    """Fit all models, print how good they are on tasks left out, and write them."""
    from safetensors.numpy import save_file

    tables = load(given.work)
    draw = tables["draw"]
    found = _left_out(draw, _model(), draw.y)
    print("| choice among the slices tried | mean rise in Dice |\n|---|---|")
    for name, score in (
        ("by expected gain", found),
        ("most doubtful slice", draw.x[:, 0]),
        ("at random", None),
        ("the best (knows the truth)", draw.y),
    ):
        print(f"| {name} | {_chosen(draw, score):.4f} |")
    advice = {"drawing": as_trees(_model().fit(draw.x, draw.y))}
    empty = tables["empty"]
    print(
        f'\n"no" answers tried: {len(empty.y)}, mean rise {empty.y.mean():.4f}, explained ', end=""
    )
    found = _left_out(empty, _model(), empty.y)
    print(f"{1 - ((empty.y - found) ** 2).mean() / empty.y.var():.3f}")
    advice["closing"] = as_trees(_model().fit(empty.x, empty.y))
    ends = tables["ends"]
    odds = _left_out(ends, _classifier(), ends.y)
    print(f"\nends: {len(odds)} slices, right on {np.mean((odds > 0) == (ends.y > 0)):.3f}")
    advice["ends"] = as_trees(_classifier().fit(ends.x, ends.y))
    print("\n| Dice of | rows | mean error | at least the low number | told to stop | rightly |")
    print("|---|---|---|---|---|---|")
    for name, table in (("scan", tables["state"]), ("slice", tables["slice"])):
        advice[name], advice[f"{name}_low"] = _quality(name, table)
    tensors = as_tensors(Advice(**advice))
    save_file({key: np.asarray(value) for key, value in tensors.items()}, given.output)
    print(f"\nwritten: {given.output.name}, {given.output.stat().st_size / 1e3:.0f} kB")


def _chosen(table: Table, score: npt.NDArray[np.float64] | None) -> float:
    """Return the mean rise of the slice with the best score of each state."""
    rises = []
    for state in np.unique(table.group):
        rows = np.flatnonzero(table.group == state)
        if len(rows) >= 4:
            best = table.y[rows].mean() if score is None else table.y[rows[score[rows].argmax()]]
            rises.append(best)
    return float(np.mean(rises))


def _quality(name: str, table: Table) -> tuple[Trees, Trees]:
    """Fit the median and the 10th percentile of Dice, and shift the latter until it holds."""
    # Many slices have a Dice of exactly 0. Where that is the lowest percentile to begin with, no
    # split helps and a model answers the same for all; a little noise sets them apart.
    noise = np.random.default_rng(0).normal(0, 1e-3, len(table.y))
    y = _logit(table.y) + noise
    leaf = 20 if name == "scan" else 60
    median = _model(loss="quantile", alpha=0.5, min_samples_leaf=leaf, max_depth=3)
    low = _model(loss="quantile", alpha=0.1, min_samples_leaf=leaf, max_depth=3)
    predicted, lower = _left_out(table, median, y), _left_out(table, low, y)
    shift = float(np.quantile(lower - y, 0.9))
    sure = lower - shift
    stop = sure >= _logit(np.array(0.9))
    error = np.abs(1 / (1 + np.exp(-predicted)) - table.y).mean()
    rightly = f"{np.mean(table.y[stop] >= 0.9):.3f}" if stop.any() else "-"
    print(
        f"| {name} | {len(y)} | {error:.3f} | {np.mean(y >= sure):.3f} | {stop.sum()} | {rightly} |"
    )
    trees = as_trees(low.fit(table.x, y))
    return as_trees(median.fit(table.x, y)), replace(trees, base=trees.base - shift)
