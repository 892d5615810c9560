"""Does a suggested slice of another plane lower Dice? Counts the steps of people who follow advice.

    python -m benchmarks.advice_steps docs/results/advice-unseen.csv [--data DIR]

The rows are those of `benchmarks.advice_unseen`, which name every slice that was drawn. With --data
the engines as they are now answer the same slices again, where otherwise the Dice of the rows
counts. Prints how often Dice fell, and every step into another plane where it fell by more than
.02.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.accuracy import markdown
from benchmarks.advice_recipes import RECIPES
from benchmarks.advice_tasks import made
from fewslice.annotation.annotation import SliceIndex

MOST_LOST = 0.02
KINDS = ("a plane not drawn in before", "another plane than the slice before", "the same plane")
_DRAWN = re.compile(r"draw \((\d+), (\d+)\)")
_RUN = ["kind", "name", "strategy"]
_COLUMNS = [*_RUN, "before", "after", "drawn", "slice", "step"]


def place_of(query: str) -> SliceIndex | None:
    """Return the slice that was drawn, (axis, index); None for a question about one."""
    found = _DRAWN.fullmatch(query)
    return (int(found[1]), int(found[2])) if found else None


def steps(found: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each slice after the first: Dice before and after, and which `KINDS`."""
    rows = []
    for key, run in found.groupby(_RUN, sort=False):
        answers = [
            (place, dice)
            for query, dice in zip(run["query"], run["dice"], strict=True)
            if (place := place_of(query)) is not None
        ]
        for number, ((last, before), (place, after)) in enumerate(pairwise(answers), start=1):
            drawn = [one for one, _ in answers[:number]]
            rows.append([*key, before, after, drawn, place, _kind(place, last, drawn)])
    return pd.DataFrame(rows, columns=_COLUMNS)


def _kind(place: SliceIndex, last: SliceIndex, drawn: list[SliceIndex]) -> str:
    if place[0] not in {axis for axis, _ in drawn}:
        return KINDS[0]
    return KINDS[1] if place[0] != last[0] else KINDS[2]


def answered_again(found: pd.DataFrame, data: Path) -> pd.DataFrame:
    """Return the rows with the Dice that the engines reach now on the same slices."""
    again = found.copy()
    recipes = {recipe.name: recipe for recipe in RECIPES}
    for name, of_one in found.groupby("name", sort=False):
        task = made(recipes[str(name)], data)
        if task is None:
            raise SystemExit(f"There is no {name} in {data} any more; measure advice anew.")
        known: dict[tuple[SliceIndex, ...], float] = {}
        for _, run in of_one.groupby("strategy", sort=False):
            places: tuple[SliceIndex, ...] = ()
            for row, query in run["query"].items():
                place = place_of(query)
                places = places if place is None else (*places, place)
                if places not in known:
                    known[places] = task.dice(places)
                again.loc[row, "dice"] = known[places]
    return again


def report(found: pd.DataFrame) -> Iterator[str]:
    """Yield Markdown: how often Dice fell, by strategy, and the steps where it fell most."""
    taken = steps(found)
    taken["change"] = taken["after"] - taken["before"]
    rows = []
    for strategy, of_one in taken.groupby("strategy", sort=False):
        for kind in KINDS:
            change = of_one[of_one["step"] == kind]["change"]
            if len(change):
                fell = f"{(change < -MOST_LOST).sum()} of {len(change)}"
                rows.append(
                    [str(strategy), kind, fell, f"{change.min():+.3f}", f"{change.mean():+.3f}"]
                )
    yield markdown(["strategy", "slice of", f"fell by > {MOST_LOST}", "worst", "mean"], rows)
    far = taken[(taken["change"] < -MOST_LOST) & (taken["step"] != KINDS[2])]
    cells = [
        [row.strategy, row.name, row.drawn, row.slice, row.step, *_dices(row)]
        for row in far.sort_values("change").itertuples(index=False)
    ]
    head = ["strategy", "structure", "drawn", "slice", "of", "before", "after", "change"]
    yield markdown(head, [[str(cell) for cell in row] for row in cells])


def _dices(row: Any) -> list[str]:
    return [f"{row.before:.3f}", f"{row.after:.3f}", f"{row.change:+.3f}"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--strategies", type=lambda names: names.split(":"), default=["advice"])
    parser.add_argument("--data", type=Path, help="answer the same slices again")
    parser.add_argument("-o", "--output", type=Path, help="CSV of the rows as they were counted")
    options = parser.parse_args()
    found = pd.read_csv(options.file)
    found = found[found["strategy"].isin(options.strategies)]
    if options.data is not None:
        found = answered_again(found, options.data)
    if options.output is not None:
        found.round(4).to_csv(options.output, index=False)
    print(*report(found), sep="\n\n")


if __name__ == "__main__":
    main()
