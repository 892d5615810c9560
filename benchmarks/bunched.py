"""Is one more slice worth something wherever it is drawn? Dice of `auto` from few slices.

    python -m benchmarks.bunched --data DATA [--structures 65 --seed 77] [--few 5] [-o FILE.csv]

Random structures of training scans and generators (`benchmarks.advice_recipes`). People begin on
the middle slice of the extent; the others lie close to it, a quarter of the extent away, or spread
over the extent. Or people draw one slice after the other, from the middle on, or most of a
structure that is on few slices; with `--few` slices of each are left out until no more than so many
hold it, as on thick slices. Prints the mean Dice over the whole volume of each way, that of the
middle slice alone on the same structures, and how often it is more than .02 below.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from benchmarks.accuracy import markdown
from benchmarks.advice_recipes import tasks
from benchmarks.advice_tasks import Task, on_few_slices
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

IN_TURN = {
    "three neighbours, the middle first": (0, 1, 2),
    "four neighbours": (0, 1, 2, 3),
    "five neighbours": (0, 1, 2, 3, 4),
    "five neighbours without the third": (0, 1, 3, 4),
    "every second slice, three": (0, 2, 4),
    "every second slice, four": (0, 2, 4, 6),
    "every fourth slice, three": (0, 4, 8),
}
"""Slices from the middle on, towards higher indices; where the structure is on all of them."""

DENSE = {"four in five of few slices": 0.8, "all of few slices": 1.0}
"""Spread evenly over the extent, which share of its slices; of structures on few slices."""

_FEW = 12
_FELL = 0.02


def in_turn(task: Task, offsets: tuple[int, ...]) -> list[SliceIndex] | None:
    """Return slices of the main plane from the middle on; None if one does not hold it."""
    middle = places(task, (0.5,))[0][1]
    held = set(task.occupied(task.axis).tolist())
    wanted = [middle + offset for offset in offsets]
    return [(task.axis, at) for at in wanted] if held.issuperset(wanted) else None


def places(task: Task, parts: tuple[float, ...]) -> list[SliceIndex]:
    """Return the slices of the main plane at parts of the extent."""
    held = task.occupied(task.axis)
    return [(task.axis, int(held[round(part * (len(held) - 1))])) for part in parts]


def dense(task: Task, share: float) -> list[SliceIndex] | None:
    """Return a share of all slices of the main plane, at midpoints; None if there are many."""
    held = task.occupied(task.axis)
    if len(held) > _FEW:
        return None
    count = round(share * len(held))
    return [(task.axis, int(held[int((at + 0.5) * len(held) / count)])) for at in range(count)]


def measure(task: Task) -> list[list[object]]:
    """Return rows (kind, name, way, Dice)."""
    wanted = {way: places(task, parts) for way, parts in WAYS.items()}
    wanted = {way: slices for way, slices in wanted.items() if len(set(slices)) == len(slices)}
    wanted |= {
        way: slices
        for way, offsets in IN_TURN.items()
        if (slices := in_turn(task, offsets)) is not None
    }
    wanted |= {
        way: slices for way, share in DENSE.items() if (slices := dense(task, share)) is not None
    }
    told = [task.recipe.kind, task.recipe.name]
    return [[*told, way, task.dice(slices)] for way, slices in wanted.items()]


def table(rows: pd.DataFrame) -> str:
    """Return Markdown: of each way mean Dice, and how many structures fell."""
    by_way = rows.pivot_table(index="name", columns="way", values="dice", sort=False)
    lines = []
    for way in by_way:
        own = by_way[way].dropna()
        alone = by_way[next(iter(WAYS))][own.index]
        fell = int((own < alone - _FELL).sum())
        lines.append(
            [str(way), f"{len(own)}", f"{alone.mean():.3f}", f"{own.mean():.3f}", f"{fell}"]
        )
    head = ["slices", "structures", "the middle alone", "Dice", "fell by more than .02"]
    return markdown(head, lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--structures", type=int, default=65)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--few", type=int, help="slices that may hold a structure")
    parser.add_argument("-o", "--output", type=Path, help="CSV of every answer")
    options = parser.parse_args()
    found = islice(tasks(options.data, options.seed), options.structures)
    rows = [
        row
        for task, _ in tqdm(found, total=options.structures, disable=None)
        for row in measure(task if options.few is None else on_few_slices(task, options.few))
    ]
    answers = pd.DataFrame(rows, columns=["kind", "name", "way", "dice"])
    if options.output is not None:
        answers.to_csv(options.output, index=False, float_format="%.4f")
    print(table(answers))


if __name__ == "__main__":
    main()
