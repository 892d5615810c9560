"""What is a slice worth that is rightly said to hold nothing? Dice of `auto` with and without.

    python -m benchmarks.empty_slices --data DATA [--structures 40] [-o FILE.csv]
    python -m benchmarks.empty_slices --table FILE.csv

Random structures of training scans and generators, as they are and on up to eight thick slices
(`benchmarks.advice_recipes`). People draw one to three strided slices, neighbours, or slices of one
half only, and then say of others that the structure is not on them: the first one beyond an end, or
farther out. *Always* counts every such slice as one that was drawn, as engines did before; *now* is
what `auto` does (`fewslice.engines.network.empty_slices`). Dice is over the whole volume.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from unittest.mock import patch

import pandas as pd
from tqdm import tqdm

from benchmarks.accuracy import markdown
from benchmarks.advice_recipes import few_task, tasks
from benchmarks.advice_tasks import Task
from fewslice.annotation.annotation import Annotation, SliceIndex
from fewslice.engines.base import Progress
from fewslice.engines.network import engine
from fewslice.engines.network.empty_slices import Answer

DRAWN = {
    "the middle": (0.5,),
    "two strided": (0.25, 0.75),
    "three strided": (1 / 6, 0.5, 5 / 6),
    "three in one half": (0.05, 0.25, 0.5),
}
"""Where the slices drawn lie, as parts of the extent."""

NEIGHBOURS = "three neighbours"
"""The middle slice and those beside it."""

WHERE = {
    "the first beyond one end": (None, 0.0),
    "the first beyond either end": (0.0, 0.0),
    "a quarter farther out": (0.25, 0.25),
}
"""How far beyond the slices next to its first and last, in its extents; None: on one side only."""

ANSWERS = ("without", "always", "now")
_FEW = 8
_FELL = 0.02


def as_drawn(
    ask: Callable[[Annotation, Progress], Answer], annotation: Annotation, progress: Progress
) -> Answer:
    """Answer once, from all slices: what engines did before."""
    return ask(annotation, progress)


def empty_places(task: Task, beyond: tuple[float | None, float | None]) -> list[SliceIndex]:
    """Return the slices so far beyond the ends; none where the scan ends before."""
    held = task.occupied(task.axis)
    first, last, extent = int(held[0]), int(held[-1]), len(held)
    low, high = (None if part is None else 1 + round(part * extent) for part in beyond)
    wanted = [] if low is None else [first - low]
    wanted += [] if high is None else [last + high]
    return [(task.axis, at) for at in wanted if 0 <= at < task.mask.shape[task.axis]]


def drawn_places(task: Task) -> dict[str, list[SliceIndex]]:
    """Return the slices of each way to draw; a way that comes to fewer slices is left out."""
    held = task.occupied(task.axis)
    ways = {
        name: [int(held[int(part * (len(held) - 1))]) for part in parts]
        for name, parts in DRAWN.items()
    }
    middle = ways["the middle"][0]
    ways[NEIGHBOURS] = [at for at in (middle - 1, middle, middle + 1) if at in held]
    wanted = {name: len(parts) for name, parts in DRAWN.items()} | {NEIGHBOURS: 3}
    return {
        name: [(task.axis, at) for at in ways[name]]
        for name, slices in wanted.items()
        if len(set(ways[name])) == slices
    }


def points(task: Task) -> Iterator[dict[str, object]]:
    """Yield the Dice of each way, on one structure."""
    for name, drawn in drawn_places(task).items():
        without = task.dice(drawn)
        for where, beyond in WHERE.items():
            empty = empty_places(task, beyond)
            if len(empty) < sum(part is not None for part in beyond):
                continue
            with patch.object(engine, "answered_where_told", as_drawn):
                always = task.dice([*drawn, *empty])
            yield {
                "drawn": name,
                "empty": where,
                "without": without,
                "always": always,
                "now": task.dice([*drawn, *empty]),
            }


def measured(data: Path, structures: int) -> pd.DataFrame:
    """Return all points of so many structures as they are, and of as many on few slices."""
    few = (few_task(data, 42, number, _FEW) for number in count())
    sources = {
        "as they are": (task for task, _ in tasks(data, 42)),
        "on few slices": (found[0] for found in few if found is not None),
    }
    rows = []
    for name, source in sources.items():
        for task in tqdm(islice(source, structures), total=structures, desc=name):
            known = {"structures": name, "kind": task.recipe.kind, "name": task.recipe.name}
            rows += [known | point for point in points(task)]
    return pd.DataFrame(rows)


def table(found: pd.DataFrame) -> str:
    """Return the mean Dice of each way, and how often it is more than .02 below without."""
    rows = []
    orders = {"drawn": [*DRAWN, NEIGHBOURS], "empty": list(WHERE)}
    found = found.assign(**{name: pd.Categorical(found[name], own) for name, own in orders.items()})
    for keys, group in found.groupby(["structures", "drawn", "empty"], observed=True):
        means = [f"{group[name].mean():.3f}" for name in ANSWERS]
        fell = [int((group[name] < group["without"] - _FELL).sum()) for name in ANSWERS[1:]]
        rows.append([*map(str, keys), str(len(group)), *means, *map(str, fell)])
    head = ["structures", "drawn", "said to be empty", "number", *ANSWERS]
    return markdown([*head, *(f"fell, {name}" for name in ANSWERS[1:])], rows)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--structures", type=int, default=40)
    parser.add_argument("-o", "--output", type=Path, help="all points, CSV")
    parser.add_argument("--table", type=Path, help="points measured before")
    given = parser.parse_args()
    if given.table is None and given.data is None:
        parser.error("name the folder of data sets with --data, or points with --table")
    found = pd.read_csv(given.table) if given.table else measured(given.data, given.structures)
    if given.output:
        found.round(4).to_csv(given.output, index=False)
    print(table(found))


if __name__ == "__main__":
    main()
