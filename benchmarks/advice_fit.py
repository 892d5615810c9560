"""Fit boosted trees to the rows that `benchmarks.advice` collects; keep them as plain numbers."""

from __future__ import annotations

import argparse
import io
import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.advice_rows import Row, profiles_of
from benchmarks.boosting import Table, as_trees, booster, classifier, left_out
from benchmarks.gain_fit import averaged, gains, print_choices
from benchmarks.quality_fit import scan_quality, slice_quality
from fewslice.active_learning.next_slice.features import draw_features, question_features
from fewslice.active_learning.next_slice.gain_features import gain_features
from fewslice.active_learning.next_slice.gain_model import (
    GAIN_MODEL_FILE,
    GainModel,
    Trees,
    as_tensors,
    load_gain_model,
    load_trees,
)
from fewslice.active_learning.next_slice.profiles import Profiles
from fewslice.active_learning.next_slice.quality import quality_features
from fewslice.typing import Float64Array

Pairs = list[tuple[Float64Array, float]]


_NAMES = ("draw", "empty", "state", "slice", "ends")
_ALONE = {"scans": ("state",), "gains": ("draw",)}


def load(work: Path, names: Sequence[str] = _NAMES) -> dict[str, Table]:
    """Return tables of all rows collected. source: the kind of structure. names: which tables."""
    rows: dict[str, list[Any]] = {name: [] for name in names}
    tasks: dict[str, int] = {}
    for state, row in enumerate(state_rows(work), start=1):
        task = tasks.setdefault(row["task"], len(tasks))
        place = (task, state, row["kind"], task if "asked" in row else -1)
        for name in names:
            rows[name] += [(x, y, *place) for x, y in _PAIRS[name](row, profiles_of(row))]
    return {
        name: Table(*(np.array(column) for column in zip(*each, strict=True)))
        for name, each in rows.items()
        if each
    }


def state_rows(work: Path) -> Iterator[Row]:
    """Yield all rows collected, file by file."""
    for file in sorted(work.glob("advice-*.jsonl*")):
        for line in _lines(file):
            yield json.loads(line)


def _lines(file: Path) -> list[str]:
    """Return the lines of a file that may be packed with xz."""
    content = file.read_bytes()
    return (lzma.decompress(content) if file.suffix == ".xz" else content).decode().splitlines()


def _state_pairs(row: Row, found: Profiles) -> Pairs:
    answer = np.array(row["answer"])[None]
    return [(quality_features(found, answer, 0), row["dice"])]


def _draw_pairs(row: Row, found: Profiles) -> Pairs:
    features = [gain_features(found, 0, axis) for axis in range(3)]
    return [(features[axis][at], after - row["dice"]) for axis, at, after in row["drawn"]]


def _empty_pairs(row: Row, found: Profiles) -> Pairs:
    features = question_features(found, 0)
    return [(features[at], after - row["dice"]) for _, at, after in row["empty"]]


def _slice_pairs(row: Row, found: Profiles) -> Pairs:
    features, asked = draw_features(found, 0, found.main), found.axes[found.main].asked
    dice = row["slice_dice"]
    return [(features[at], one) for at, one in enumerate(dice) if one is not None and not asked[at]]


def _ends_pairs(row: Row, found: Profiles) -> Pairs:
    features, main = draw_features(found, 0, found.main), found.axes[found.main]
    near = np.flatnonzero((main.present[0] > 0) & ~main.asked)
    return [(features[at], row["holds"][at]) for at in near]


_PAIRS: dict[str, Callable[[Row, Profiles], Pairs]] = {
    "state": _state_pairs,
    "draw": _draw_pairs,
    "empty": _empty_pairs,
    "slice": _slice_pairs,
    "ends": _ends_pairs,
}
"""Features and what they are to predict, for each model."""


def fit(given: argparse.Namespace) -> None:
    """Fit all models, print how good they are on tasks left out, and write them."""
    from safetensors.numpy import save_file

    before = None if given.earlier is None else load_trees(given.earlier, "drawing")
    only = next((name for name in _ALONE if getattr(given, f"{name}_only")), None)
    tables = load(given.work, _NAMES if only is None else _ALONE[only])
    kinds = sorted(set(next(iter(tables.values())).source)) if given.left_out else ()
    for kind in kinds:
        given.left_out.mkdir(parents=True, exist_ok=True)
        kept = {name: table.without(kind) for name, table in tables.items()}
        with redirect_stdout(io.StringIO()):
            gain_model = _fitted(kept, only, before)
        save_file(_arrays(gain_model), given.left_out / f"{kind.replace(' ', '-')}.safetensors")
    if "draw" in tables:
        print_choices(tables["draw"])
    save_file(_arrays(_fitted(tables, only, before)), given.output)
    print(f"\nwritten: {given.output.name}, {given.output.stat().st_size / 1e3:.0f} kB")


def _fitted(tables: dict[str, Table], only: str | None, before: Trees | None) -> GainModel:
    if only == "gains":
        drawing = gains(tables["draw"])
        drawing = drawing if before is None else averaged(drawing, before)
        return replace(load_gain_model(GAIN_MODEL_FILE), drawing=drawing)
    scan, spread, promise = scan_quality(tables["state"])
    if only == "scans":
        return replace(
            load_gain_model(GAIN_MODEL_FILE), scan=scan, scan_spread=spread, scan_promise=promise
        )
    return _all_others(tables, scan, spread, promise)


def _arrays(gain_model: GainModel) -> dict[str, Any]:
    return {key: np.asarray(value) for key, value in as_tensors(gain_model).items()}


def _all_others(tables: dict[str, Table], scan: Trees, spread: Trees, promise: Trees) -> GainModel:
    """Fit what does not predict the Dice of scans, and say how good it is."""
    empty, ends = tables["empty"], tables["ends"]
    drawing = gains(tables["draw"])
    found = left_out(booster(), empty.x, empty.y, empty.folds())
    explained = 1 - ((empty.y - found) ** 2).mean() / empty.y.var()
    print(f'\n"no" answers tried: {len(empty.y)}, mean rise {empty.y.mean():.4f}, ', end="")
    print(f"explained {explained:.3f}")
    odds = left_out(classifier(), ends.x, ends.y, ends.folds())
    print(f"\nends: {len(odds)} slices, right on {np.mean((odds > 0) == (ends.y > 0)):.3f}")
    median, low = slice_quality(tables["slice"])
    return GainModel(
        drawing=drawing,
        closing=as_trees(booster().fit(empty.x, empty.y)),
        ends=as_trees(classifier().fit(ends.x, ends.y)),
        scan=scan,
        scan_spread=spread,
        scan_promise=promise,
        slice=median,
        slice_low=low,
    )
