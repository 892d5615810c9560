"""Is a second slice worth something wherever it is drawn? Dice of `auto` from one to three slices.

    python -m benchmarks.bunched --data DATA [--structures 65 --seed 77] [-o FILE.csv]

Random structures of training scans and generators (`benchmarks.advice_recipes`). People begin on
the middle slice of the extent; the others lie close to it, a quarter of the extent away, or spread
over the extent. Prints the mean Dice over the whole volume of each way, and how often it is more
than .02 below that of the middle slice alone.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from benchmarks.accuracy import markdown
from benchmarks.advice_recipes import tasks
from benchmarks.advice_tasks import Task
from fewslice.annotation.annotation import SliceIndex

WAYS = {
    "the middle alone": (0.5,),
    "and one beside it": (0.5, 0.62),
    "and one a quarter away": (0.5, 0.25),
    "one beside it and one a quarter away": (0.5, 0.6, 0.25),
    "one on either side of it": (0.4, 0.5, 0.65),
    "two at quarters": (0.25, 0.75),
    "two at thirds": (0.35, 0.65),
}
"""Where the slices of each way lie, as parts of the extent."""

_FELL = 0.02


def places(task: Task, parts: tuple[float, ...]) -> list[SliceIndex]:
    """Return the slices of the main plane at parts of the extent."""
    held = task.occupied(task.axis)
    return [(task.axis, int(held[round(part * (len(held) - 1))])) for part in parts]


def measure(task: Task) -> list[list[object]]:
    """Return rows (kind, name, way, Dice)."""
    return [
        [task.recipe.kind, task.recipe.name, way, task.dice(places(task, parts))]
        for way, parts in WAYS.items()
    ]


def table(rows: pd.DataFrame) -> str:
    """Return Markdown: of each way mean Dice, and how many structures fell."""
    by_way = rows.pivot_table(index="name", columns="way", values="dice", sort=False)
    alone = by_way[next(iter(WAYS))]
    lines = [
        [way, f"{by_way[way].mean():.3f}", str(int((by_way[way] < alone - _FELL).sum()))]
        for way in WAYS
    ]
    return markdown([f"slices, {len(by_way)} structures", "Dice", "fell by more than .02"], lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--structures", type=int, default=65)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("-o", "--output", type=Path, help="CSV of every answer")
    options = parser.parse_args()
    found = islice(tasks(options.data, options.seed), options.structures)
    rows = [
        row
        for task, _ in tqdm(found, total=options.structures, disable=None)
        for row in measure(task)
    ]
    answers = pd.DataFrame(rows, columns=["kind", "name", "way", "dice"])
    if options.output is not None:
        answers.to_csv(options.output, index=False, float_format="%.4f")
    print(table(answers))


if __name__ == "__main__":
    main()
