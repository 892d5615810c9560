"""Fits how likely a structure goes on beyond its only drawn slice, and tells how well it is told.

    python -m benchmarks.seen_ends collect --data DATA -o ends.csv [--structures 2000 --seed 1]
    python -m benchmarks.seen_ends fit ends.csv

Collects what `fewslice.engines.interpolation.seen_ends` sees on the slices beyond a drawn one, up
to six radii, of random structures of training scans (`benchmarks.advice_recipes`), and whether the
structure is still there. Fits the logistic regression whose weights stand in that module, without
data sets 108, 109, 114 and 115, and prints them; then, leaving out one kind at a time, the log loss
by distance alone and by all that is seen, and the share of the longer length that the shorter one
is: of a fixed length of 1.5 radii, and of what is told.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from benchmarks.accuracy import markdown
from benchmarks.advice_recipes import Rng, tasks
from benchmarks.advice_tasks import Task
from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.field_of_view import field_of_view
from fewslice.engines.interpolation.seen_ends import DEFAULT, FEATURES, DrawnStructure
from fewslice.engines.interpolation.slice_shapes import slice_shapes
from fewslice.volumes.geometry import inplane_axes

_LEFT_OUT = ("108", "109", "114", "115")
_MOST = 6.0  # radii
_MARGIN = 0.35
_BY_DISTANCE = ["log distance", "distance", "log step"]
_MAIN_PLANE = 0.7
_FEWEST = 6  # pixels drawn


def looked_at(task: Task, rng: Rng) -> list[list[object]]:
    """Return a row for each slice beyond one that is drawn, about the middle, in some plane."""
    axis = task.axis if rng.random() < _MAIN_PLANE else int(rng.integers(3))
    holding = task.occupied(axis)
    about = int(np.clip(rng.normal(len(holding) / 2, len(holding) / 6), 0, len(holding) - 1))
    drawn = int(holding[about])
    labels = np.zeros(task.mask.shape, dtype=np.uint8)
    labels[on_slice(axis, drawn)] = task.mask[on_slice(axis, drawn)]
    if len(holding) < 3 or np.count_nonzero(labels) < _FEWEST:
        return []
    annotation = Annotation(labels, ((axis, drawn),))
    region = field_of_view(annotation, task.scan.spacing, _MARGIN, 1.0)
    (shape,) = slice_shapes(annotation, region, task.scan.spacing)
    seen = DrawnStructure.of(task.scan, region, shape, 0)
    there = np.asarray(task.mask.any(axis=inplane_axes(axis)))
    return [
        [task.recipe.kind, task.recipe.of, task.recipe.name, above, away, *row, there[at]]
        for above in (False, True)
        for away, row in enumerate(seen.outlook(_MOST, above=above) if seen else (), start=1)
        for at in [drawn + away if above else drawn - away]
    ]


def collect(data: Path, structures: int, seed: int) -> pd.DataFrame:
    """Return the rows of random structures; `number` tells these apart."""
    rows = []
    found = islice(tasks(data, seed), structures)
    for number, (task, rng) in enumerate(tqdm(found, total=structures, disable=None)):
        rows += [[number, *row] for row in looked_at(task, rng)]
    columns = ["number", "kind", "set", "name", "above", "away", *FEATURES, "goes on"]
    return pd.DataFrame(rows, columns=columns)


def fitted(rows: pd.DataFrame, features: list[str]) -> Pipeline:
    """Return a regression in which all structures count the same."""
    found = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    weight = rows["weight"].to_numpy()
    found.fit(rows[features].to_numpy(), rows["goes on"], logisticregression__sample_weight=weight)
    return found


def unscaled(found: Pipeline) -> tuple[list[float], float]:
    """Return weights of the features as they are, and the bias."""
    scaler, regression = found[0], found[1]
    weights = regression.coef_[0] / scaler.scale_
    return weights.tolist(), float(regression.intercept_[0] - weights @ scaler.mean_)


def prepared(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in which a structure has ended for good where it first does, with weights."""
    runs = rows.groupby(["number", "above"])
    count = rows.groupby("number")["away"].transform("count")
    return rows.assign(**{"goes on": runs["goes on"].cummin().astype(bool), "weight": 1 / count})


def chances(rows: pd.DataFrame, features: list[str]) -> np.ndarray:
    """Return the chance of going on, each kind told by a fit that did not see it."""
    told = np.zeros(len(rows))
    for kind in rows["kind"].unique():
        mine = (rows["kind"] == kind).to_numpy()
        found = fitted(rows[~mine], features)
        told[mine] = found.predict_proba(rows.loc[mine, features].to_numpy())[:, 1]
    return told


def alike(rows: pd.DataFrame, chance: np.ndarray | None) -> pd.Series:
    """Return by kind the shorter of true and told length over the longer; None: 1.5 radii."""
    rows = rows.assign(chance=1.0 if chance is None else chance)
    runs = rows.assign(chance=rows.groupby(["number", "above"])["chance"].cummin())
    runs = runs.assign(told=runs["chance"] > DEFAULT.sure)
    runs = runs.groupby(["kind", "number", "above"]).agg(
        true=("goes on", "sum"), told=("told", "sum"), step=("log step", "first")
    )
    step = np.exp(runs["step"])
    true, told = (runs["true"] + 0.5) * step, (runs["told"] + 0.5) * step
    usual = np.maximum(1.5, 1.5 * step)
    told = np.maximum(told, usual) if chance is not None else usual
    share = np.minimum(true, told) / np.maximum(true, told)
    return pd.Series(share).groupby("kind").mean()


def table(rows: pd.DataFrame) -> str:
    """Return Markdown: by kind, left out of the fit, how well going on is told."""
    by_distance, seen = chances(rows, _BY_DISTANCE), chances(rows, list(FEATURES))
    lengths = pd.DataFrame({"fixed": alike(rows, None), "told": alike(rows, seen)})
    lines = []
    for kind, part in rows.groupby("kind"):
        mine = (rows["kind"] == kind).to_numpy()
        losses = [
            log_loss(part["goes on"], one[mine], sample_weight=part["weight"], labels=[False, True])
            for one in (by_distance, seen)
        ]
        cells = [*losses, lengths["fixed"][kind], lengths["told"][kind]]
        lines.append([str(kind), str(part["number"].nunique()), *(f"{one:.3f}" for one in cells)])
    means = [f"{np.mean([float(line[at]) for line in lines]):.3f}" for at in range(2, 6)]
    lines.append(["mean of kinds", str(rows["number"].nunique()), *means])
    head = ["kind", "structures", "log loss, distance", "seen", "length, 1.5 radii", "as told"]
    return markdown(head, lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, dest="command")
    collecting = commands.add_parser("collect", help="look at random structures")
    collecting.add_argument("--data", type=Path, required=True)
    collecting.add_argument("--structures", type=int, default=2000)
    collecting.add_argument("--seed", type=int, default=1)
    collecting.add_argument("-o", "--output", type=Path, required=True)
    fitting = commands.add_parser("fit", help="fit, and print weights and tables")
    fitting.add_argument("rows", type=Path)
    options = parser.parse_args()
    if options.command == "collect":
        collect(options.data, options.structures, options.seed).to_csv(options.output, index=False)
        return
    rows = prepared(pd.read_csv(options.rows, dtype={"set": str}))
    weights, bias = unscaled(fitted(rows[~rows["set"].isin(_LEFT_OUT)], list(FEATURES)))
    print(*(f"{name}: {weight:.3f}" for name, weight in zip(FEATURES, weights, strict=True)))
    print(f"bias: {bias:.3f}\n")
    print(table(rows))


if __name__ == "__main__":
    main()
