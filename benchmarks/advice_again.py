"""Answer kept states anew, with the engines as they are now.

    python -m benchmarks.advice_again --data DATA --work docs/results/advice-states -o DIR

Reads the states that `benchmarks.advice` and `benchmarks.advice_unseen` kept, draws the same slices
of the same structures, and writes each state as it looks today: what suggestions are made from, the
Dice of the answer, and what the answer says of itself. Run it when engines have changed, before
`benchmarks.advice fit`.
"""

from __future__ import annotations

import argparse
import json
import lzma
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks.advice_rows import Row, as_row, collect, profiles_of
from benchmarks.advice_tasks import Recipe, Task, made
from fewslice.annotation.annotation import SliceIndex
from fewslice.batch.jobs import Job


def places_of(row: Row) -> list[SliceIndex]:
    """Return the slices that were drawn, those without the structure among them."""
    axes = enumerate(profiles_of(row).axes)
    return sorted(
        (axis, int(at)) for axis, one in axes for at in (one.drawn[0] | one.empty[0]).nonzero()[0]
    )


def answered_anew(task: Task, row: Row) -> Row:
    """Return the row of a state as it looks today."""
    now = as_row(task.seen(places_of(row)), task.mask)
    return row | {name: now[name] for name in ("profiles", "answer", "dice")}


def _rows_of(data: Path, rows: list[Row]) -> list[Row]:
    """Return the rows of one structure anew; without those of which nothing is drawn."""
    task = made(Recipe.named(rows[0]["kind"], rows[0]["name"]), data)
    return [] if task is None else [answered_anew(task, row) for row in rows if _drawn(row)]


def _drawn(row: Row) -> bool:
    return any(axis.drawn.any() for axis in profiles_of(row).axes)


def _by_structure(file: Path) -> Iterator[list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for line in lzma.decompress(file.read_bytes()).decode().splitlines():
        row = json.loads(line)
        found[row["name"]].append(row)
    yield from found.values()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder of advice-*.jsonl.xz")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    for file in sorted(given.work.glob("advice-*.jsonl.xz")):
        jobs = [Job(rows[0]["name"], (given.data, rows)) for rows in _by_structure(file)]
        collect(_rows_of, jobs, given.output / file.name)


if __name__ == "__main__":
    main()
