"""Fit boosted trees to the rows that `benchmarks.advice` collects; keep them as plain numbers."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.boosting import Table, as_trees, booster, classifier, left_out
from benchmarks.quality_fit import scan_quality, slice_quality
from fewslice.active_learning.next_slice.features import STATE_FEATURES
from fewslice.active_learning.next_slice.gain_model import (
    GAIN_MODEL_FILE,
    GainModel,
    Trees,
    as_tensors,
    load_gain_model,
)
from fewslice.typing import Float64Array

_AXES, _OPEN = STATE_FEATURES.index("axes"), STATE_FEATURES.index("open_ends")


def load(work: Path) -> dict[str, Table]:
    """Return the tables of all rows collected."""
    rows: dict[str, list[Any]] = {name: [] for name in ("draw", "empty", "state", "slice", "ends")}
    tasks: dict[str, int] = {}
    state = 0
    for file in sorted(work.glob("advice-*.jsonl")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            place = (tasks.setdefault(row["task"], len(tasks)), state, row["source"])
            if row["kind"] in ("draw", "empty"):
                rows[row["kind"]].append((row["features"], row["gain"], *place))
                continue
            state += 1
            place = (place[0], state, row["source"])
            rows["state"].append((_whole(row["features"]), row["dice"], *place))
            pairs = zip(row["slices"], row["slice_dice"], strict=True)
            rows["slice"] += [(x, y, *place) for x, y in pairs]
            pairs = zip(row["near"], row["holds"], strict=True)
            rows["ends"] += [(x, y, *place) for x, y in pairs]
    return {
        name: Table(*(np.array(column) for column in zip(*each, strict=True)))
        for name, each in rows.items()
        if each
    }


def _whole(features: list[float]) -> list[float]:
    """Return the features of a state; rows of before did not say whether its ends were seen."""
    if len(features) == len(STATE_FEATURES):
        return features
    return [*features, float(features[_AXES] > 1 or features[_OPEN] == 0)]


def fit(given: argparse.Namespace) -> None:
    """Fit all models, print how good they are on tasks left out, and write them."""
    from safetensors.numpy import save_file

    tables = load(given.work)
    scan, spread = scan_quality(tables["state"])
    if given.scans_only:
        gain_model = replace(load_gain_model(GAIN_MODEL_FILE), scan=scan, scan_spread=spread)
    else:
        gain_model = _all_others(tables, scan, spread)
    tensors = as_tensors(gain_model)
    save_file({key: np.asarray(value) for key, value in tensors.items()}, given.output)
    print(f"\nwritten: {given.output.name}, {given.output.stat().st_size / 1e3:.0f} kB")


def _all_others(tables: dict[str, Table], scan: Trees, spread: Trees) -> GainModel:
    """Fit what does not predict the Dice of scans, and say how good it is."""
    draw, empty, ends = (tables[name] for name in ("draw", "empty", "ends"))
    found = left_out(booster(), draw.x, draw.y, draw.folds())
    print("\n| choice among the slices tried | mean rise in Dice |\n|---|---|")
    for name, score in (
        ("by expected gain", found),
        ("most doubtful slice", draw.x[:, 0]),
        ("at random", None),
        ("the best (knows the truth)", draw.y),
    ):
        print(f"| {name} | {_chosen(draw, score):.4f} |")
    found = left_out(booster(), empty.x, empty.y, empty.folds())
    explained = 1 - ((empty.y - found) ** 2).mean() / empty.y.var()
    print(f'\n"no" answers tried: {len(empty.y)}, mean rise {empty.y.mean():.4f}, ', end="")
    print(f"explained {explained:.3f}")
    odds = left_out(classifier(), ends.x, ends.y, ends.folds())
    print(f"\nends: {len(odds)} slices, right on {np.mean((odds > 0) == (ends.y > 0)):.3f}")
    median, low = slice_quality(tables["slice"])
    return GainModel(
        drawing=as_trees(booster().fit(draw.x, draw.y)),
        closing=as_trees(booster().fit(empty.x, empty.y)),
        ends=as_trees(classifier().fit(ends.x, ends.y)),
        scan=scan,
        scan_spread=spread,
        slice=median,
        slice_low=low,
    )


def _chosen(table: Table, score: Float64Array | None) -> float:
    """Return the mean rise of the slice with the best score of each state."""
    rises = []
    for state in np.unique(table.group):
        rows = np.flatnonzero(table.group == state)
        if len(rows) >= 4:
            best = table.y[rows].mean() if score is None else table.y[rows[score[rows].argmax()]]
            rises.append(best)
    return float(np.mean(rises))
