"""Fit what suggestions are made by: simulated annotation of training scans, then boosted trees.

    python -m benchmarks.advice collect --data DATA --work DIR --seconds 1800 --seed 1
    python -m benchmarks.advice collect --data DATA --work DIR --seconds 1800 --seed 2 --states
    python -m benchmarks.advice fit --work DIR

`collect` takes structures of the training parts and of the generators (never of the evaluation
sets), lets a simulated person draw slices of them in varied order, and tries at some of the states
what drawing each of about ten other slices would bring. Rows go to DIR/advice-SEED.jsonl; the same
seed collects the same rows, as many as the time allows. Half of the people follow the advice that
is shipped, the others draw in one of four ways. `fit` prints how good the models are on
tasks left out (five folds of tasks) and writes the shipped model,
src/fewslice/active_learning/next_slice/gain_model.safetensors.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.advice_fit import fit
from benchmarks.advice_tasks import Look, Rng, Task, others_of, tasks
from fewslice.active_learning.next_slice.expected_gain import PRESENT, expected_gain
from fewslice.active_learning.next_slice.features import (
    draw_features,
    question_features,
    state_features,
)
from fewslice.active_learning.next_slice.gain_model import GAIN_MODEL_FILE, shipped_gain_model
from fewslice.active_learning.next_slice.profiles import Profiles
from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.metrics.overlap import dice
from fewslice.typing import BoolArray

Row = dict[str, Any]

STATES = (0, 1, 2, 3, 4, 6, 8)
MOST_STATES = 8


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
        axis = int(rng.choice(others_of(task.axis)))
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


def rows_of(task: Task, rng: Rng, *, trials: bool, advised: bool, habit: str) -> Iterator[Row]:
    """Yield what is known at some states, and what other slices would bring there.

    trials: whether to try other slices; if not, more states are noted, of people who follow the
    advice all of them. advised: whether the person does; habit: how they choose otherwise, of
    `HABITS`.
    """
    occupied = task.occupied(task.axis)
    middle = np.clip(rng.normal(0.5, 0.15), 0.1, 0.9) * (len(occupied) - 1)
    places: list[SliceIndex] = [(task.axis, int(occupied[int(middle)]))]
    wanted = _wanted(rng, trials, advised)
    while (drawn := len(_drawn(task, places)) - 1) <= max(wanted, default=-1):
        look = task.look(task.annotation(places)) if advised or drawn in wanted else None
        if look is not None and drawn in wanted:
            wanted.remove(drawn)
            yield state_row(task, look, habit="advised" if advised else habit)
            if trials:
                answer = task.answer(task.annotation(places))
                yield from trial_rows(task, places, look, answer, rng)
                yield from empty_rows(task, places, look.found, answer, rng)
        following = advised_place(task, look.found, places, rng) if advised and look else None
        following = following or HABITS[habit](task, places, rng)
        if following is None or len(places) > 40:
            return
        if following not in places:
            places.append(following)


def _wanted(rng: Rng, trials: bool, advised: bool) -> set[int]:
    """Return after how many further slices a state is noted."""
    if trials:
        return {int(state) for state in rng.choice(STATES, 2)}
    if advised:
        return set(range(MOST_STATES - 2))
    return {int(state) for state in rng.choice(MOST_STATES, 4, replace=False)}


def advised_place(task: Task, found: Profiles, places: list[SliceIndex], rng: Rng) -> Any:
    """Return the slice that the shipped advice asks for; a question answered "yes" is passed by."""
    for query in expected_gain(found, shipped_gain_model(), 6, rng):
        there = bool(np.any(task.mask[on_slice(query.axis, query.index)]))
        if (query.axis, query.index) not in places and not (query.kind == PRESENT and there):
            return query.axis, query.index
    return None


def _drawn(task: Task, places: list[SliceIndex]) -> list[SliceIndex]:
    return [place for place in places if task.mask[on_slice(*place)].any()]


def state_row(task: Task, look: Look, habit: str) -> Row:
    """Return what is seen of an answer, and how good it is: the scan and each slice."""
    found, answer = look.found, look.answer
    axis = found.main
    others = others_of(axis)
    asked = found.axes[axis].asked
    both = (answer & task.mask).sum(axis=others)
    total = answer.sum(axis=others) + task.mask.sum(axis=others)
    kept = np.flatnonzero(~asked & (total > 0))
    features = draw_features(found, 0, axis)
    near = np.flatnonzero((found.axes[axis].present[0] > 0) & ~asked)
    return {
        "kind": "state",
        "source": task.source,
        "habit": habit,
        "features": state_features(found, 0).tolist(),
        "dice": dice(answer, task.mask),
        "slices": features[kept].tolist(),
        "slice_dice": (2 * both[kept] / total[kept]).tolist(),
        "near": features[near].tolist(),
        "holds": [int(task.mask.take(index, axis=axis).any()) for index in near],
    }


def trial_rows(
    task: Task, places: list[SliceIndex], look: Look, answer: BoolArray, rng: Rng
) -> Iterator[Row]:
    """Yield the rise in Dice that each of about ten slices brings."""
    found = look.found
    before = dice(answer, task.mask)
    for axis in range(3):
        features = draw_features(found, 0, axis)
        for index in _tried(features, look, axis, places, rng):
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
    there = task.mask.any(axis=others_of(axis))
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


def _tried(
    features: npt.NDArray[np.float64],
    look: Look,
    axis: int,
    places: list[SliceIndex],
    rng: Rng,
) -> list[int]:
    """Return slices to try: the most doubtful one, the central one of a crossing plane, others."""
    found, region = look.found, look.region
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
    with (given.work / f"advice-{given.seed}.jsonl").open("w") as file:
        for number, (task, rng) in enumerate(tasks(given.data, given.seed)):
            advised = rng.random() < given.advised
            habit = str(rng.choice(list(HABITS)))
            for row in rows_of(task, rng, trials=not given.states, advised=advised, habit=habit):
                file.write(json.dumps({"task": f"{given.seed}-{number}", **row}) + "\n")
            file.flush()
            passed = time.monotonic() - start
            print(f"{number + 1} tasks, {passed:.0f} s", file=sys.stderr, flush=True)
            if passed > given.seconds:
                return


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
    one.add_argument("--advised", type=float, default=0.5, help="share who follow the advice")
    one.set_defaults(run=collect)
    two = commands.add_parser("fit")
    two.add_argument("--work", type=Path, required=True)
    two.add_argument("--output", type=Path, default=GAIN_MODEL_FILE)
    two.add_argument("--scans-only", action="store_true", help="keep all but the Dice of scans")
    two.set_defaults(run=fit)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
