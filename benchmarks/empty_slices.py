"""What is a slice worth that is rightly said to hold nothing? Dice of `auto` with and without.

    python -m benchmarks.empty_slices --data DATA [--structures 40] [-o FILE.csv]
    python -m benchmarks.empty_slices --table FILE.csv

Random structures of training scans and generators, as they are and on up to eight thick slices
(`benchmarks.advice_recipes`). People draw one to three strided slices and then say of others that
the structure is not on them: the first one beyond either end, or farther out. *Always* counts every
such slice as one that was drawn, as engines did before; *now* is what `auto` does
(`fewslice.engines.network.empty_slices`). Dice is over the whole volume.
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
from fewslice.evaluation.annotator import strided

WHERE = {
    "the first beyond one end": (None, 0.0),
    "the first beyond either end": (0.0, 0.0),
    "a quarter of the extent beyond either end": (0.25, 0.25),
    "half of the extent beyond either end": (0.5, 0.5),
}
"""How far beyond the first and the last slice of the structure, in its extents; None: not there."""

ANSWERS = ("without", "always", "now")
_SLICES = (1, 2, 3)
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


def points(task: Task) -> Iterator[dict[str, object]]:
    """Yield the Dice of each way, on one structure."""
    for slices in _SLICES:
        drawn = list(strided(task.mask, task.axis, slices).annotated)
        without = task.dice(drawn)
        for where, beyond in WHERE.items():
            empty = empty_places(task, beyond)
            if len(empty) < sum(part is not None for part in beyond):
                continue
            with patch.object(engine, "answered_where_told", as_drawn):
                always = task.dice([*drawn, *empty])
            yield {
                "drawn": slices,
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
    where = pd.Categorical(found["empty"], list(WHERE))
    found = found.assign(empty=where)
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
