"""Fit what suggestions are made by: simulated annotation of training scans, then boosted trees.

    python -m benchmarks.advice collect --data DATA --work DIR --seconds 1800 --seed 1
    python -m benchmarks.advice collect --data DATA --work DIR --seconds 1800 --seed 2 --states
    python -m benchmarks.advice collect --data DATA --work DIR --seconds 1800 --seed 3 --few 8
    python -m benchmarks.advice fit --work DIR [--scans-only | --gains-only] [--left-out MODELS]

`collect` takes structures of the training parts and of the generators (never of the evaluation
sets), lets a simulated person draw slices of them in varied order, and tries at every state what
drawing each of about ten other slices would bring to the answer that people get; with --states
nothing is tried, and half of the people follow the advice that is shipped; with --few structures
are kept on so many slices at most, as if these were thick, and all slices are tried. Rows go to
DIR/advice-SEED.jsonl; the same seed collects the same rows, as many as the time allows. `fit`
prints how good the models are on kinds of structures left out, and writes the shipped model,
src/fewslice/active_learning/next_slice/gain_model.safetensors.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.advice_fit import fit
from benchmarks.advice_recipes import Rng, few_task, tasks
from benchmarks.advice_rows import Row, as_row
from benchmarks.advice_tasks import Task
from benchmarks.advice_trials import Tried, every_place, some_places
from fewslice.active_learning.next_slice.expected_gain import PRESENT, expected_gain
from fewslice.active_learning.next_slice.features import question_features
from fewslice.active_learning.next_slice.gain_model import GAIN_MODEL_FILE, shipped_gain_model
from fewslice.active_learning.next_slice.profiles import Profiles
from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes

MOST_STATES = 6
_EMPTY_TRIED = 2
_BEST_TAKEN = 0.85  # share of states where the best slice tried is taken
_CENTRED = 0.6  # share of people who begin exactly in the middle


def next_place(task: Task, places: list[SliceIndex], rng: Rng) -> SliceIndex | None:
    """Return what most people say next: mostly far slices of the plane, some others."""
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
        axis = int(rng.choice(inplane_axes(task.axis)))
        held = task.occupied(axis)
        return axis, int(held[int(np.clip(rng.normal(0.5, 0.2), 0, 0.99) * len(held))])
    ends = (occupied[0] - rng.integers(1, 4), occupied[-1] + rng.integers(1, 4))
    inside = [int(end) for end in ends if 0 <= end < task.mask.shape[task.axis]]
    return (task.axis, int(rng.choice(inside))) if inside else None


def bunched_place(task: Task, places: list[SliceIndex], rng: Rng) -> SliceIndex | None:
    """Return a slice near those drawn: within a quarter of the extent of the first one."""
    reach = max(2, len(task.occupied(task.axis)) // 4)
    return _drawn_at_random(task, places, rng, lambda free: abs(free - places[0][1]) <= reach)


def random_place(task: Task, places: list[SliceIndex], rng: Rng) -> SliceIndex | None:
    """Return any slice that holds the structure."""
    return _drawn_at_random(task, places, rng, lambda free: free >= 0)


def halving_place(task: Task, places: list[SliceIndex], rng: Rng) -> SliceIndex | None:
    """Return the middle of the widest gap, for people who know where the structure ends."""
    occupied = task.occupied(task.axis)
    known = np.array([index for axis, index in places if axis == task.axis])
    marks = np.unique([occupied[0] - 1, *known, occupied[-1] + 1])
    middle = (marks[:-1] + marks[1:]) // 2
    widest = int(np.diff(marks).argmax())
    return (task.axis, int(middle[widest])) if np.diff(marks)[widest] > 1 else None


def _drawn_at_random(
    task: Task,
    places: list[SliceIndex],
    rng: Rng,
    suits: Callable[[npt.NDArray[np.intp]], BoolArray],
) -> SliceIndex | None:
    known = [index for axis, index in places if axis == task.axis]
    free = np.setdiff1d(task.occupied(task.axis), known)
    free = free[suits(free)]
    return (task.axis, int(rng.choice(free))) if len(free) else None


HABITS: dict[str, Callable[[Task, list[SliceIndex], Rng], SliceIndex | None]] = {
    "usual": next_place,
    "bunched": bunched_place,
    "random": random_place,
    "halving": halving_place,
}
"""How simulated people choose who take no advice."""

BEST = "best tried"
"""People who draw what brought most of what was tried: where good advice leads."""


ADVISED = "advised"
"""People who follow the advice that is shipped."""


def rows_of(
    task: Task, rng: Rng, *, tried: Tried | None = some_places, most: int = MOST_STATES
) -> Iterator[Row]:
    """Yield what is known at each state, and how good the answer is.

    tried: which other slices to try at each state, and what they bring; None: none. most: states.
    """
    habit = str(rng.choice([ADVISED if tried is None else BEST] * len(HABITS) + list(HABITS)))
    occupied = task.occupied(task.axis)
    places = [task.first()]
    if rng.random() > _CENTRED:
        middle = np.clip(rng.normal(0.5, 0.15), 0.1, 0.9) * (len(occupied) - 1)
        places = [(task.axis, int(occupied[int(middle)]))]
    for state in range(most):
        seen = task.seen(places)
        found = seen.profiles
        row = as_row(seen, task.mask) | {
            "kind": task.recipe.kind,
            "name": task.recipe.name,
            "habit": habit,
            "state": state,
        }
        if tried is not None:
            row["drawn"] = _drawn_trials(task, found, places, rng, tried)
            row["empty"] = _empty_trials(task, found, places, rng)
        yield row
        following = None
        if habit == BEST and row["drawn"] and rng.random() < _BEST_TAKEN:
            axis, index, _ = max(row["drawn"], key=lambda one: one[2])
            following = (axis, index)
        if habit == ADVISED:
            following = advised_place(task, found, places, rng)
        if following is None:
            following = HABITS.get(habit, next_place)(task, places, rng)
        if following is None or following in places:
            return
        places = [*places, following]


def advised_place(
    task: Task, found: Profiles, places: list[SliceIndex], rng: Rng
) -> SliceIndex | None:
    """Return the slice that the shipped advice asks for; a question answered "yes" is passed by."""
    for query in expected_gain(found, shipped_gain_model(), 6, rng):
        there = bool(np.any(task.mask[on_slice(query.axis, query.index)]))
        if (query.axis, query.index) not in places and not (query.kind == PRESENT and there):
            return query.axis, query.index
    return None


def _drawn_trials(
    task: Task, found: Profiles, places: list[SliceIndex], rng: Rng, tried: Tried
) -> list[tuple[int, int, float]]:
    """Return (axis, index, Dice afterwards) of slices drawn on trial."""
    return [
        (axis, index, task.dice([*places, (axis, index)]))
        for axis in range(3)
        for index in tried(task, found, axis, places, rng)
    ]


def _empty_trials(
    task: Task, found: Profiles, places: list[SliceIndex], rng: Rng
) -> list[tuple[int, int, float]]:
    """Return (axis, index, Dice afterwards) of questions that are answered "no"."""
    axis = found.main
    there = task.mask.any(axis=inplane_axes(axis))
    asked = question_features(found, 0)[:, -1] > 0
    free = np.flatnonzero(asked & ~there & ~found.axes[axis].asked)
    chosen = rng.choice(free, min(len(free), _EMPTY_TRIED), replace=False)
    return [(axis, int(at), task.dice([*places, (axis, int(at))])) for at in chosen]


def collect(given: argparse.Namespace) -> None:
    """Write rows until the time is over."""
    given.work.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    tried = None if given.states else every_place if given.few else some_places
    with (given.work / f"advice-{given.seed}.jsonl").open("w") as file:
        for number, (task, rng) in _tasks(given):
            for row in rows_of(task, rng, tried=tried, most=given.most):
                file.write(json.dumps({"task": f"{given.seed}-{number}", **row}) + "\n")
            file.flush()
            passed = time.monotonic() - start
            print(f"up to task {number}, {passed:.0f} s", file=sys.stderr, flush=True)
            if passed > given.seconds:
                return


def _tasks(given: argparse.Namespace) -> Iterator[tuple[int, tuple[Task, Rng]]]:
    """Yield random structures and their numbers; of those on few slices, not all are usable."""
    if not given.few:
        yield from enumerate(tasks(given.data, given.seed))
    for number in count():
        found = few_task(given.data, given.seed, number, given.few)
        if found is not None:
            yield number, found


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
    one.add_argument("--most", type=int, default=MOST_STATES, help="states of a structure")
    one.add_argument("--few", type=int, default=0, help="on so many slices at most; all are tried")
    one.add_argument("--states", action="store_true", help="do not try other slices")
    one.set_defaults(run=collect)
    two = commands.add_parser("fit")
    two.add_argument("--work", type=Path, required=True)
    two.add_argument("--output", type=Path, default=GAIN_MODEL_FILE)
    two.add_argument("--scans-only", action="store_true", help="keep all but the Dice of scans")
    two.add_argument("--gains-only", action="store_true", help="keep all but gains of drawing")
    two.add_argument("--earlier", type=Path, help="gains of before, for the mean with --gains-only")
    two.add_argument("--left-out", type=Path, help="folder for models without each kind")
    two.set_defaults(run=fit)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
