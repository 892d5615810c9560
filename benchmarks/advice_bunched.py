"""Collect what is seen of structures that were drawn in neighbouring slices only.

    python -m benchmarks.advice_bunched --data DATA --work docs/results/advice-states \\
        -o docs/results/advice-states/advice-3.jsonl.xz

Half of a structure that was drawn in slices close together looks like a finished one, and nobody
who follows the advice draws so. Takes the structures of the whole runs among the states, and draws
three, four or five slices within a third or half of the extent, around its middle and around a
quarter of it. Rows are as those of `benchmarks.advice`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.advice_fit import state_rows
from benchmarks.advice_rows import Row, as_row, collect
from benchmarks.advice_tasks import Recipe, Task, made
from fewslice.annotation.annotation import SliceIndex
from fewslice.batch.jobs import Job

BUNCHED = "bunched"
REACHES = ((3, 0.15), (4, 0.25), (5, 0.25))
"""How many slices are drawn, and how far to either side of their middle, in extents."""


def bunches(task: Task) -> list[list[SliceIndex]]:
    """Return the slices of each bunch; those that do not hold the structure are left out."""
    occupied = task.occupied(task.axis)
    found = []
    for count, reach in REACHES:
        half = max(int(reach * len(occupied)), count // 2 + 1)
        for centre in (task.first()[1], int(occupied[len(occupied) // 4])):
            wanted = np.linspace(centre - half, centre + half, count).round().astype(int)
            inside = np.unique(np.clip(wanted, occupied[0], occupied[-1]))
            found.append([(task.axis, int(at)) for at in inside if at in occupied])
    return found


def rows_of(data: Path, kind: str, name: str) -> list[Row]:
    """Return the rows of one structure."""
    task = made(Recipe.named(kind, name), data)
    if task is None:
        return []
    said = {"task": name, "kind": kind, "name": name, "habit": BUNCHED}
    return [as_row(task.seen(places), task.mask) | said for places in bunches(task)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder of advice-*.jsonl.xz")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a file, .jsonl.xz")
    given = parser.parse_args()
    structures = {(row["kind"], row["name"]) for row in state_rows(given.work) if "asked" in row}
    jobs = [Job(name, (given.data, kind, name)) for kind, name in sorted(structures)]
    collect(rows_of, jobs, given.output)


if __name__ == "__main__":
    main()
