"""Does advice save work on kinds of structures it was not fitted on? Prints Markdown tables.

    python -m benchmarks.advice fit --work DIR --left-out MODELS
    python -m benchmarks.advice_unseen run --data DATA -o unseen.csv [--left-out MODELS]
    python -m benchmarks.advice_unseen run --data DATA -o unseen.csv --slices 8 --only advice \
        --states DIR/advice-runs.jsonl [--sampled 40 --seed 1]
    python -m benchmarks.advice_unseen run --data DATA -o few.csv --sampled 50 --few 6
    python -m benchmarks.advice_unseen run --data DATA -o oracle.csv --slices 5 --only oracle
    python -m benchmarks.advice_unseen tables unseen.csv [oracle.csv]

A simulated person starts on the middle slice and does what `fewslice.suggest` says first; a
question counts a tenth of a slice. After every answer the scan is completed by `fewslice.segment`
as it stands. Beside that: strided slices by people who know the extent (planned: the number of
slices as well), and people who do not know it: strided over the whole scan, from the middle
outwards, the widest gap that may hold the structure, and chance. With --left-out every kind is
advised by the model that did not see it. Rows are appended; what is there is not run again.

With --states all that is known when the advice is given is kept as well, for
`benchmarks.stopping_runs`; with --sampled so many random structures are taken in place of those
that are always judged by, with --few on so few slices each, as if these were thick.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import markdown
from benchmarks.advice_recipes import judged, tasks
from benchmarks.advice_rows import Row, as_row, run_row
from benchmarks.advice_tasks import Task, on_few_slices
from benchmarks.advice_trials import widest_gap_after
from fewslice import suggest
from fewslice.active_learning.next_slice.expected_gain import (
    PRESENT,
    QUESTION_SLICES,
    ExpectedGainSettings,
)
from fewslice.active_learning.next_slice.gain_model import GainModel, load_gain_model
from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.evaluation.annotator import strided
from fewslice.evaluation.simulation.volume import widest_gap_first
from fewslice.metrics.overlap import dice

FIELDS = ("kind", "name", "strategy", "slices", "dice", "predicted", "low", "query")
ADVICE = "advice"
ORACLE = "oracle"
GOALS = (0.85, 0.90)
_ORACLE_SLICES = 9
Point = tuple[float, float, float, float, str]
"""Slices so far, Dice, the Dice to expect, its low number, and what was asked last."""


def strided_planned(task: Task, most: int) -> Iterator[Point]:
    """Yield the midpoints of n equal parts of the extent, for each n anew."""
    for count in range(1, most + 1):
        yield _drawn(task, list(strided(task.mask, task.axis, count).annotated), count)


def strided_known(task: Task, most: int) -> Iterator[Point]:
    """Yield the middle of the extent, then always what brings its slices nearest to one drawn."""
    order = widest_gap_first(task.occupied(task.axis).tolist())
    yield from _in_order(task, order, most)


def strided_scan(task: Task, most: int) -> Iterator[Point]:
    """Yield the same over all slices of the scan, of which most may hold nothing."""
    every = list(range(task.mask.shape[task.axis]))
    known = [task.first()[1]]
    while len(known) < min(most, len(every)):
        known += widest_gap_after(every, np.array(known))[:1]
    yield from _in_order(task, known, most)


def middle_out(task: Task, most: int) -> Iterator[Point]:
    """Yield the middle, then slices on either side in turn, twice as far out each time."""
    first, length = task.first()[1], task.mask.shape[task.axis]
    away, order = max(length // 16, 1), [first]
    while len(order) < most:
        order += [at for at in (first - away, first + away) if 0 <= at < length]
        away *= 2
        if away > length:
            break
    yield from _in_order(task, order, most)


def widest_gap(task: Task, most: int) -> Iterator[Point]:
    """Yield the middle, then the middle of the widest gap that is not between two empty slices."""
    length = task.mask.shape[task.axis]
    held = set(task.occupied(task.axis).tolist())
    order = [task.first()[1]]
    while len(order) < most:
        marks = sorted({-1, *order, length})
        there = [mark in held for mark in marks]
        gaps = [
            (above - below) * (there[at] or there[at + 1])
            for at, (below, above) in enumerate(pairwise(marks))
        ]
        at = int(np.argmax(gaps))
        if gaps[at] < 2:
            break
        order.append((marks[at] + marks[at + 1]) // 2)
    yield from _in_order(task, order, most)


def random(task: Task, most: int) -> Iterator[Point]:
    """Yield any slices after the first."""
    every = np.random.default_rng(0).permutation(task.mask.shape[task.axis]).tolist()
    yield from _in_order(task, [task.first()[1], *every], most)


def foreground_random(task: Task, most: int) -> Iterator[Point]:
    """Yield with probability two thirds a slice that holds the structure, else any."""
    rng = np.random.default_rng(0)
    order = [task.first()[1]]
    while len(set(order)) < min(most, task.mask.shape[task.axis]):
        some = task.occupied(task.axis) if rng.random() < 2 / 3 else task.mask.shape[task.axis]
        order.append(int(rng.choice(some)))
    yield from _in_order(task, order, most)


def oracle(task: Task, most: int) -> Iterator[Point]:
    """Yield the middle, then always the slice after which the Dice is highest, until it is .90.

    Nobody can choose so: it takes the truth. Slices of all axes, `_ORACLE_SLICES` of each.
    """
    offered = [
        (axis, int(held[at]))
        for axis in range(task.mask.ndim)
        for held in (task.occupied(axis),)
        for at in np.unique(np.linspace(0, len(held) - 1, _ORACLE_SLICES).round().astype(int))
    ]
    places = [task.first()]
    point = _drawn(task, places, 1)
    yield point
    while len(places) < most and point[1] < max(GOALS):
        tried = {place: _drawn(task, [*places, place], len(places) + 1) for place in offered}
        best = max(tried, key=lambda place: tried[place][1])
        places.append(best)
        offered.remove(best)
        point = tried[best]
        yield point


BASELINES: dict[str, Callable[[Task, int], Iterator[Point]]] = {
    "strided, planned": strided_planned,
    "strided, extent known": strided_known,
    "strided, whole scan": strided_scan,
    "middle-out": middle_out,
    "widest gap": widest_gap,
    "random": random,
    "foreground random": foreground_random,
}


def _in_order(task: Task, order: list[int], most: int) -> Iterator[Point]:
    places: list[SliceIndex] = []
    for index in dict.fromkeys(order):
        places.append((task.axis, index))
        yield _drawn(task, places, len(places))
        if len(places) == most:
            return


def _drawn(task: Task, places: list[SliceIndex], slices: float) -> Point:
    return slices, task.dice(places), np.nan, np.nan, f"draw {places[-1]}"


@dataclass(frozen=True)
class Advice:
    """A person who does what `suggest` says first. keep: takes what is known at each point."""

    settings: ExpectedGainSettings | None = None
    name: str = ADVICE
    keep: Callable[[Row], None] | None = None

    def __call__(self, task: Task, most: int) -> Iterator[Point]:
        """Yield a point for every answer."""
        places: list[SliceIndex] = [task.first()]
        present: list[SliceIndex] = []
        spent, asked, answer = 1.0, f"draw {places[0]}", task.answer(places)
        before = answer
        while True:
            found = suggest(
                task.image,
                task.labels(places),
                annotated=places,
                present=present,
                settings=self.settings,
            )
            reached = dice(answer, task.mask)
            said = (found.predicted_dice, found.predicted_dice_low)
            yield round(spent, 6), reached, *said, asked
            if self.keep is not None:
                self.keep(
                    as_row(task.seen(places), task.mask)
                    | run_row(answer, before, task.mask, places[-1])
                    | {"slices": round(spent, 6), "asked": asked, "said": said}
                )
            if spent >= most or not found.slices:
                return
            best = found.slices[0]
            place = (best.axis, best.index)
            asked = f"{best.kind} {place}"
            question = best.kind == PRESENT
            spent += QUESTION_SLICES if question else 1
            before = answer
            if question and task.mask[on_slice(*place)].any():
                present.append(place)
                continue
            places = [*places, place]
            answer = task.answer(places)


def run(given: argparse.Namespace) -> None:
    """Append the rows of every structure and strategy that is not in the file yet."""
    done = set()
    if given.output.exists():
        there = pd.read_csv(given.output)
        done = set(zip(there["name"], there["strategy"], strict=True))
    else:
        given.output.write_text(",".join(FIELDS) + "\n")
    part, parts = (int(number) for number in given.part.split("/"))
    for number, task in enumerate(_structures(given)):
        if number % parts != part - 1:
            continue
        ways: dict[str, Callable[[Task, int], Iterator[Point]]] = {
            given.name: Advice(_settings(given, task.recipe.kind), keep=_keeper(given, task)),
            **BASELINES,
        }
        if given.only and ORACLE in given.only:  # a hundred times as slow as others
            ways[ORACLE] = oracle
        for name, way in ways.items():
            if (task.recipe.name, name) in done or (given.only and name not in given.only):
                continue
            rows = [
                [task.recipe.kind, task.recipe.name, name, *point]
                for point in way(task, given.slices)
            ]
            with given.output.open("a", newline="") as file:
                csv.writer(file).writerows(rows)
        print(task.recipe.name, file=sys.stderr, flush=True)


def _structures(given: argparse.Namespace) -> Iterator[Task]:
    if given.sampled:
        found = (task for task, _ in islice(tasks(given.data, given.seed), given.sampled))
        return found if given.few is None else (on_few_slices(task, given.few) for task in found)
    return judged(given.data, tuple(given.kinds))


def _keeper(given: argparse.Namespace, task: Task) -> Callable[[Row], None] | None:
    """Return what appends the states of a task to a file; None if they are not to be kept."""
    if given.states is None:
        return None
    told = {"task": task.recipe.name, "kind": task.recipe.kind, "name": task.recipe.name}

    def keep(row: Row) -> None:
        with given.states.open("a") as file:
            file.write(json.dumps(told | row) + "\n")

    return keep


def _settings(given: argparse.Namespace, kind: str) -> ExpectedGainSettings:
    model: GainModel | None = None
    if given.left_out is not None:
        model = load_gain_model(given.left_out / f"{kind.replace(' ', '-')}.safetensors")
    return ExpectedGainSettings(gain_model=model, rules=given.rules, per_second=given.per_second)


def needed(points: pd.DataFrame, goal: float, most: int) -> float:
    """Return the slices of one run until its Dice is `goal`; one more than most if never."""
    there = points[points["dice"] >= goal]["slices"]
    return float(there.iloc[0]) if len(there) else most + 1.0


def dice_at(points: pd.DataFrame, slices: float) -> float:
    """Return the Dice of one run once no more than so many slices are spent."""
    return float(points[points["slices"] <= slices + 1e-6]["dice"].iloc[-1])


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each run: slices to each goal, and Dice after 1, 2, ... slices."""
    most = int(found["slices"].max())
    rows = []
    for (kind, name, strategy), points in found.groupby(["kind", "name", "strategy"], sort=False):
        row: dict[str, object] = {"kind": kind, "name": name, "strategy": strategy}
        row |= {f"to {goal:.2f}": needed(points, goal, most) for goal in GOALS}
        row |= {f"{count}": dice_at(points, count) for count in range(1, most + 1)}
        row["questions"] = points["query"].str.startswith(PRESENT).sum()
        rows.append(row)
    return pd.DataFrame(rows)


def tables(given: argparse.Namespace) -> None:
    """Print a table of strategies, and one of kinds: advice against strided slices."""
    found = summary(pd.concat([pd.read_csv(file) for file in given.files]))
    whole = found.groupby("name")["strategy"].transform("nunique") == found["strategy"].nunique()
    found = found[whole]
    numbers = [name for name in found.columns if name not in ("kind", "name", "strategy")]
    mean = found.groupby("strategy", sort=False)[numbers].mean()
    print(f"{found['name'].nunique()} structures of {found['kind'].nunique()} kinds\n")
    print(markdown(["strategy", *numbers], [[str(k), *_cells(v)] for k, v in mean.iterrows()]))
    print(f"\nFewer slices with {given.name}:\n\n{fewer(mean, given.name)}")
    for other in ("strided, planned", "strided, extent known"):
        print(f"\nSlices needed, {given.name} and {other}, and Dice with {given.name}:\n")
        print(_by_kind(found, given.name, other, numbers))


def fewer(mean: pd.DataFrame, name: str) -> str:
    """Return Markdown: what share of the slices of each other strategy `name` saves, on average.

    mean: a row for each strategy, with a column of slices for each goal.
    """
    goals = [f"to {goal:.2f}" for goal in GOALS]
    others = mean[goals].drop(name, errors="ignore")
    if name not in mean.index or others.empty:
        return "(not run)"
    shares = 1 - mean.loc[name, goals] / others
    rows = [[str(other), *(f"{share:.0%}" for share in row)] for other, row in shares.iterrows()]
    return markdown(["than", *goals], rows)


def _cells(row: pd.Series) -> list[str]:
    return [
        f"{value:.3f}" if str(name).isdigit() else f"{value:.2f}" for name, value in row.items()
    ]


def _by_kind(found: pd.DataFrame, name: str, other: str, numbers: list[str]) -> str:
    mean = found.groupby(["strategy", "kind"], sort=False)[numbers].mean()
    if name not in mean.index or other not in mean.index:
        return "(not run)"
    mine, theirs = mean.loc[name], mean.loc[other]
    counts = [number for number in numbers if number.isdigit()]
    lines = []
    for kind in mine.index:
        cells = [f"{found[(found['kind'] == kind)]['name'].nunique()}"]
        for goal in GOALS:
            column = f"to {goal:.2f}"
            cells.append(f"{mine.loc[kind, column]:.2f} / {theirs.loc[kind, column]:.2f}")
        lines.append([str(kind), *cells, *[f"{mine.loc[kind, each]:.3f}" for each in counts]])
    saved = [
        f"{1 - mine[f'to {goal:.2f}'].mean() / theirs[f'to {goal:.2f}'].mean():+.0%}"
        for goal in GOALS
    ]
    lines.append(["saved, mean of kinds", "", *saved, *[""] * len(counts)])
    head = ["kind", "structures", *[f"to {goal:.2f}" for goal in GOALS], *counts]
    return markdown(head, lines)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run")
    one.add_argument("--data", type=Path, required=True)
    one.add_argument("-o", "--output", type=Path, required=True)
    one.add_argument("--left-out", type=Path, help="folder of models that did not see a kind")
    one.add_argument("--slices", type=int, default=6)
    one.add_argument("--kinds", type=lambda names: names.split(","), default=[])
    one.add_argument("--only", type=lambda names: names.split(":"), help="strategies, A:B")
    one.add_argument("--name", default=ADVICE, help="what to call the advice in the rows")
    one.add_argument("--rules", action="store_true", help="before the models")
    one.add_argument("--per-second", action="store_true", help="gains per second, not per slice")
    one.add_argument("--part", default="1/1", help="of the structures, such as 1/2")
    one.add_argument("--states", type=Path, help="where states of the advice are kept, .jsonl")
    one.add_argument("--sampled", type=int, default=0, help="so many random structures instead")
    one.add_argument("--seed", type=int, default=1, help="of the random structures")
    one.add_argument("--few", type=int, help="slices that may hold a random structure")
    one.set_defaults(run=run)
    two = commands.add_parser("tables")
    two.add_argument("files", nargs="+", type=Path)
    two.add_argument("--name", default=ADVICE)
    two.set_defaults(run=tables)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
