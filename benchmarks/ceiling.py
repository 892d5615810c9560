"""How good the best choice among the engines' answers would be, which nobody can make.

    python -m benchmarks.accuracy --data DIR --work DIR  # beforehand
    python -m benchmarks.ceiling --work DIR

Prints Markdown, from the tables of `benchmarks/accuracy.py`: mean Dice of `auto`, of the best of
all engines on every task, and of the best of all engines on every slice, told by the truth. What is
asked for beyond the last figure takes an engine that finds what none of them finds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from benchmarks.accuracy import TO_REACH, groups, markdown, read

TASK = ["case", "structure"]
_SIZES = ["intersection", "predicted", "reference"]


def best_of_tasks(part: pd.DataFrame) -> float:
    """Return the mean over tasks of the best engine's Dice. part: rows of scores.csv."""
    return float(part.groupby(TASK)["dice"].max().mean())


def best_of_slices(part: pd.DataFrame) -> float:
    """Return the mean over tasks of Dice with the best engine on every slice.

    part: rows of distances.csv. Dice is a ratio of sums, so no slice can be judged by itself:
    Dinkelbach (1967) finds the choice that makes the ratio largest.
    """
    return float(pd.Series([_best_ratio(rows) for _, rows in part.groupby(TASK)]).mean())


def _best_ratio(rows: pd.DataFrame) -> float:
    # An engine has no row for an empty slice on which it found nothing.
    by_slice = rows.pivot_table(index="slice", columns="engine", values=_SIZES, fill_value=0)
    same, either = by_slice["intersection"], by_slice["predicted"] + by_slice["reference"]
    ratio, found = -1.0, 0.0
    while found > ratio + 1e-9:
        ratio = found
        chosen = (2 * same - ratio * either).to_numpy().argmax(axis=1)
        every = range(len(chosen))
        total = float(either.to_numpy()[every, chosen].sum())
        found = 2 * float(same.to_numpy()[every, chosen].sum()) / total if total else 1.0
    return found


def table(work: Path, name: str) -> str:
    """Return the rows of one run of `benchmarks/accuracy.py`."""
    rows = []
    slices = dict(_by_group(read(work, name, "distances.csv")))
    for number, count, part in groups(read(work, name)):
        auto = float(part.loc[part["engine"] == "auto", "dice"].mean())
        figures = (auto, best_of_tasks(part), best_of_slices(slices[number, count]))
        goal = TO_REACH.get((number, name), {}).get(count)
        shown = "-" if goal is None else f"{goal:.2f}"
        rows.append([number, name, str(count), *(f"{each:.3f}" for each in figures), shown])
    head = ["set", "slices lie", "slices", "auto", "best engine a task", "best engine a slice"]
    return markdown([*head, "to reach"], rows)


def _by_group(frame: pd.DataFrame) -> list[tuple[tuple[str, int], pd.DataFrame]]:
    return [((number, count), part) for number, count, part in groups(frame)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path("benchmark-results"))
    options = parser.parse_args()
    for name in ("strided", "ends"):
        print(table(options.work, name), "\n", sep="")


if __name__ == "__main__":
    main()
