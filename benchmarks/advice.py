"""Fit what suggestions are made by: simulated annotation of training scans, then boosted trees.

    python -m benchmarks.advice collect --data DATA --work DIR --seconds 1800 --seed 1
    python -m benchmarks.advice fit --work DIR

`collect` takes structures of the training parts and of the generators (never of the evaluation
sets), lets a simulated person draw slices of them in varied order, and tries at some of the states
what drawing each of about ten other slices would bring. Rows go to DIR/advice-SEED.jsonl; the same
seed collects the same rows, as many as the time allows. `fit` prints how good the models are on
tasks left out (five folds of tasks) and writes src/fewslice/acquisition/advice.safetensors.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.acquisition.advice import ADVICE_FILE, Advice, Trees, as_tensors, shipped_advice
from fewslice.acquisition.expected_gain import PRESENT, expected_gain
from fewslice.acquisition.profiles import Profiles, Said, profiles
from fewslice.acquisition.volume_features import (
    draw_features,
    question_features,
    state_features,
)
from fewslice.assembly.assemble import assemble_labels
from fewslice.engines import Scan
from fewslice.engines.random_walker import RandomWalker
from fewslice.metrics.overlap import dice
from fewslice.slices.annotation import Annotation, SliceIndex, find_annotation, on_slice
from fewslice.slices.planes import annotation_axis
from fewslice.slices.region import Region, bounding_region
from fewslice.training.oct_layers import random_oct
from fewslice.training.random_shapes import random_shapes
from fewslice.volumes import Geometry, read_image, read_labels
from fewslice.workflow.suggest import default_sampler

BoolArray = npt.NDArray[np.bool_]
Rng = np.random.Generator
Row = dict[str, Any]

FOLDERS = {
    "Dataset004_Hippocampus": 0.25,
    "Dataset101_HeadNeckCT": 0.35,
    "Dataset108_TorsoCT": 0.2,
    "Dataset106_MacaqueMRI": 0.05,
    "Dataset105_BrainAtlasMRI": 0.1,
    "Dataset109_SpinalCordMRI": 0.05,
}
GENERATED = 0.2
THICK = 0.4
MOST_VOXELS = 800_000
STATES = (0, 1, 2, 3, 4, 6, 8)


@dataclass(frozen=True, eq=False)
class Task:
    """One structure to finish. axis: across which its slices are drawn."""

    source: str
    scan: Scan
    mask: BoolArray
    axis: int

    def occupied(self, axis: int) -> npt.NDArray[np.intp]:
        return np.flatnonzero(self.mask.any(axis=_others(axis)))

    def annotation(self, places: list[SliceIndex]) -> Annotation:
        labels = np.zeros(self.mask.shape, dtype=np.uint8)
        for place in places:
            labels[on_slice(*place)] = self.mask[on_slice(*place)]
        return find_annotation(
            labels, Geometry.from_spacing(self.mask.shape, self.scan.spacing), places
        )

    def answer(self, annotation: Annotation) -> BoolArray:
        prediction = RandomWalker().prepare(self.scan).predict(annotation)
        return np.asarray(assemble_labels(prediction, annotation) == 1)

    def profiles(self, annotation: Annotation) -> tuple[Profiles, Region]:
        samples = default_sampler().samples(self.scan, annotation)
        said = Said(annotation.labels, annotation.slices, (), annotation.axis)
        found = profiles(
            samples.by_axes, samples.values, samples.region.start, said, self.scan.spacing
        )
        return found, samples.region


def _others(axis: int) -> tuple[int, ...]:
    return tuple(other for other in range(3) if other != axis)


def _volume(data: Path, rng: Rng) -> tuple[str, Scan, npt.NDArray[Any], list[int]]:
    """Return a volume, its labels, and those that were outlined in it."""
    chance = rng.random()
    if chance < GENERATED:
        made = random_shapes(rng) if chance < GENERATED / 2 else random_oct(rng)
        scan, labels, known = made.scan, made.labels, None
        source = "shapes" if chance < GENERATED / 2 else "layers"
    else:
        name = rng.choice(list(FOLDERS), p=list(FOLDERS.values()))
        files = sorted((data / name / "labelsTr").glob("*.nii.gz"))
        file = files[rng.integers(len(files))]
        case = file.name.removesuffix(".nii.gz")
        described = json.loads((data / name / "dataset.json").read_text())
        outlined = described.get("annotated", {}).get(case)
        known = None if outlined is None else [described["labels"][each] for each in outlined]
        image = read_image(data / name / "imagesTr" / f"{case}_0000.nii.gz")
        scan, labels = Scan(image.channels, image.geometry.spacing), read_labels(file).array
        source = str(name)[7:10]
    values = [int(value) for value in np.unique(labels) if value]
    return source, scan, labels, [v for v in values if known is None or v in known]


def sample_task(data: Path, rng: Rng) -> Task:
    """Return a random structure with its surroundings; of some only every few slices are kept."""
    while True:
        source, scan, labels, values = _volume(data, rng)
        if not values:
            continue
        mask = labels == rng.choice(values)
        if np.count_nonzero(mask) < 60:
            continue
        box = bounding_region(mask)
        box = box.grown([max(side, 8) for side in box.shape], mask.shape)
        mask, channels = mask[box.slices], scan.channels[(slice(0, 1), *box.slices)]
        spacing = np.array(scan.spacing)
        while mask.size > MOST_VOXELS / 2 and max(mask.shape) >= 64:
            mask, channels, spacing = _thinned(
                mask, channels, spacing, int(np.argmax(mask.shape)), (0, 2)
            )
        if rng.random() < THICK:
            axis = int(rng.integers(3))
            occupied = np.flatnonzero(mask.any(axis=_others(axis)))
            step = min((int(np.ptp(occupied)) + 1) // 6, 6) if len(occupied) else 1
            if step >= 2:
                start = int(rng.integers(step))
                mask, channels, spacing = _thinned(mask, channels, spacing, axis, (start, step))
        if mask.size > MOST_VOXELS or min(mask.shape) < 4:
            continue
        steps = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
        axis = annotation_axis(Geometry.from_spacing(mask.shape, steps))
        if rng.random() < 0.15:
            axis = int(rng.integers(3))
        task = Task(
            source,
            Scan(np.ascontiguousarray(channels), steps),
            np.ascontiguousarray(mask),
            axis,
        )
        if len(task.occupied(axis)) >= 4:
            return task


def _thinned(
    mask: BoolArray,
    channels: npt.NDArray[Any],
    spacing: npt.NDArray[np.float64],
    axis: int,
    every: tuple[int, int],
) -> tuple[BoolArray, npt.NDArray[Any], npt.NDArray[np.float64]]:
    start, step = every
    place = [slice(None)] * 3
    place[axis] = slice(start, None, step)
    wider = spacing.copy()
    wider[axis] *= step
    return mask[tuple(place)], channels[(slice(None), *place)], wider


def next_place(task: Task, places: list[SliceIndex], rng: Rng) -> SliceIndex | None:
    """Return what the simulated person says next: mostly far slices of the plane, some others."""
    chance = rng.random()
    occupied = task.occupied(task.axis)
    if chance < 0.6:
        known = np.array([index for axis, index in places if axis == task.axis])
        free = np.setdiff1d(occupied, known)
        if not len(free):
            return None
        weight = np.abs(free[:, None] - known).min(axis=1).astype(float) ** 2
        return task.axis, int(rng.choice(free, p=weight / weight.sum()))
    if chance < 0.85:
        axis = int(rng.choice(_others(task.axis)))
        held = task.occupied(axis)
        return axis, int(held[int(np.clip(rng.normal(0.5, 0.2), 0, 0.99) * len(held))])
    ends = (occupied[0] - rng.integers(1, 4), occupied[-1] + rng.integers(1, 4))
    inside = [int(end) for end in ends if 0 <= end < task.mask.shape[task.axis]]
    return (task.axis, int(rng.choice(inside))) if inside else None


def rows_of(task: Task, rng: Rng, *, trials: bool, advised: bool) -> Iterator[Row]:
    """Yield what is known at some states, and what other slices would bring there.

    trials: whether to try other slices. advised: whether the person follows the shipped advice.
    """
    occupied = task.occupied(task.axis)
    middle = np.clip(rng.normal(0.5, 0.15), 0.1, 0.9) * (len(occupied) - 1)
    places: list[SliceIndex] = [(task.axis, int(occupied[int(middle)]))]
    wanted = sorted({int(state) for state in rng.choice(STATES, 2 if trials else 5)})
    while len(_drawn(task, places)) - 1 <= max(wanted):
        annotation = task.annotation(places)
        at_state = len(_drawn(task, places)) - 1 in wanted
        if at_state or advised:
            found, region = task.profiles(annotation)
        if at_state:
            answer = task.answer(annotation)
            yield state_row(task, annotation, found, answer)
            if trials:
                yield from trial_rows(task, places, (found, region), answer, rng)
                yield from empty_rows(task, places, found, answer, rng)
        following = advised_place(task, found, places, rng) if advised else None
        following = following or next_place(task, places, rng)
        if following is None or len(places) > 40:
            return
        if following not in places:
            places.append(following)


def advised_place(task: Task, found: Profiles, places: list[SliceIndex], rng: Rng) -> Any:
    """Return the slice that the shipped advice asks for; a question answered "yes" is passed by."""
    for ask in expected_gain(found, shipped_advice(), 6, rng):
        there = bool(np.any(task.mask[on_slice(ask.axis, ask.index)]))
        if (ask.axis, ask.index) not in places and not (ask.kind == PRESENT and there):
            return ask.axis, ask.index
    return None


def _drawn(task: Task, places: list[SliceIndex]) -> list[SliceIndex]:
    return [place for place in places if task.mask[on_slice(*place)].any()]


def state_row(task: Task, annotation: Annotation, found: Profiles, answer: BoolArray) -> Row:
    """Return what is seen of an answer, and how good it is: the scan and each slice."""
    axis = annotation.axis
    others = _others(axis)
    asked = found.axes[axis].asked
    both = (answer & task.mask).sum(axis=others)
    total = answer.sum(axis=others) + task.mask.sum(axis=others)
    kept = np.flatnonzero(~asked & (total > 0))
    features = draw_features(found, 0, axis)
    near = np.flatnonzero((found.axes[axis].present[0] > 0) & ~asked)
    return {
        "kind": "state",
        "source": task.source,
        "features": state_features(found, 0).tolist(),
        "dice": dice(answer, task.mask),
        "slices": features[kept].tolist(),
        "slice_dice": (2 * both[kept] / total[kept]).tolist(),
        "near": features[near].tolist(),
        "holds": [int(task.mask.take(index, axis=axis).any()) for index in near],
    }


def trial_rows(
    task: Task,
    places: list[SliceIndex],
    seen: tuple[Profiles, Region],
    answer: BoolArray,
    rng: Rng,
) -> Iterator[Row]:
    """Yield the rise in Dice that each of about ten slices brings."""
    found, region = seen
    before = dice(answer, task.mask)
    for axis in range(3):
        features = draw_features(found, 0, axis)
        for index in _tried(features, found, axis, region, places, rng):
            after = task.answer(task.annotation([*places, (axis, index)]))
            yield {
                "kind": "draw",
                "source": task.source,
                "features": features[index].tolist(),
                "gain": dice(after, task.mask) - before,
            }


def empty_rows(
    task: Task, places: list[SliceIndex], found: Profiles, answer: BoolArray, rng: Rng
) -> Iterator[Row]:
    """Yield the rise in Dice that a "no, not on this slice" brings, where that is the answer."""
    axis = found.main
    before = dice(answer, task.mask)
    features = question_features(found, 0)
    there = task.mask.any(axis=_others(axis))
    asked = features[:, -1] > 0
    free = np.flatnonzero(asked & ~there & ~found.axes[axis].asked)
    for index in rng.choice(free, min(len(free), 4), replace=False):
        after = task.answer(task.annotation([*places, (axis, int(index))]))
        yield {
            "kind": "empty",
            "source": task.source,
            "features": features[index].tolist(),
            "gain": dice(after, task.mask) - before,
        }


def _tried(  # noqa: PLR0913, PLR0917 - all that a choice hangs on
    features: npt.NDArray[np.float64],
    found: Profiles,
    axis: int,
    region: Region,
    places: list[SliceIndex],
    rng: Rng,
) -> list[int]:
    """Return slices to try: the most doubtful one, the central one of a crossing plane, others."""
    free = [at for at in range(region.start[axis], region.stop[axis]) if (axis, at) not in places]
    if not free:
        return []
    doubtful = features[free, 5] + features[free, 9]
    chosen = {free[int(doubtful.argmax())]}
    few = min(len(free), 3 if axis == found.main else 1)
    chosen |= {int(at) for at in rng.choice(free, few, replace=False)}
    if axis != found.main:
        expected = found.axes[axis].expected[0]
        centre = round(float((expected * np.arange(len(expected))).sum() / expected.sum()))
        chosen |= {centre} & set(free)
    return sorted(chosen)


def collect(given: argparse.Namespace) -> None:
    """Write rows until the time is over."""
    given.work.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    number = 0
    with (given.work / f"advice-{given.seed}.jsonl").open("w") as file:
        while time.monotonic() - start < given.seconds:
            rng = np.random.default_rng([given.seed, number])
            task = sample_task(given.data, rng)
            rows = rows_of(task, rng, trials=not given.states, advised=given.advised)
            for row in rows:
                file.write(json.dumps({"task": f"{given.seed}-{number}", **row}) + "\n")
            file.flush()
            number += 1
            print(f"{number} tasks, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


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


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("collect")
    one.add_argument("--data", type=Path, required=True)
    one.add_argument("--work", type=Path, required=True)
    one.add_argument("--seconds", type=float, default=1800)
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--states", action="store_true", help="do not try other slices")
    one.add_argument("--advised", action="store_true", help="follow the shipped advice")
    one.set_defaults(run=collect)
    two = commands.add_parser("fit")
    two.add_argument("--work", type=Path, required=True)
    two.add_argument("--output", type=Path, default=ADVICE_FILE)
    two.set_defaults(run=fit)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
