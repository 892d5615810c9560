"""Is "you may stop" said in time? Whole runs of people who follow the advice, by kinds left out.

    python -m benchmarks.advice_unseen run --data DATA -o unseen.csv --slices 8 --only advice \\
        --states DIR/advice-runs.jsonl
    python -m benchmarks.stopping_runs --work DIR -o stopping-runs.csv [--among unseen.csv]

Reads the states that advice is fitted on, those of whole runs among them. Each kind of structure
is judged by models and multiples that did not see it. Prints, for each Dice that people may want,
how often it was said to be reached and rightly so, and of the runs that were clearly above it
within the slices drawn, in how many it was said by the time they got there. The last tables
say what other multiples could bring: there it is said of all answers whose promise is above a lower
bar, and above the lowest by which 88 % of what is said is right, which only the truth tells.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import markdown
from benchmarks.advice_bunched import BUNCHED
from benchmarks.advice_fit import load, state_rows
from benchmarks.quality_fit import left_out_quality
from fewslice.typing import Float64Array

GOALS = (0.80, 0.85, 0.90, 0.95)
CLEAR = 0.03  # by so much above a goal an answer is clearly good
RIGHTLY = 0.88
MADE_UP = "shapes"  # a kind of structures that nobody draws
BARS = (0.90, 0.895, 0.89, 0.88, 0.87)
FIELDS = ["kind", "name", "slices", "asked", "dice", "predicted", "low", "promised"]

_HEAD = [
    "answers told", "rightly", "runs told", "rightly at first", "runs .03 above", "told by then",
    "told in the end", "slices late",
]  # fmt: skip


@dataclass(frozen=True)
class Stop:
    """When a run was said to have reached a goal. All in slices; inf where never.

    said: first time that it was said. right: whether it was true then. there: when the Dice was
    clearly above the goal for the first time.
    """

    kind: str
    said: float
    right: bool
    there: float

    @property
    def late(self) -> float:
        """Slices from being there until that was said; 0 where it was said before."""
        return max(self.said - self.there, 0.0)


def stops(points: pd.DataFrame, goal: float) -> list[Stop]:
    """Return one stop a run. points: rows of `FIELDS`, each run in its order."""
    found = []
    for (kind, _), run in points.groupby(["kind", "name"], sort=False):
        told = run[run["promised"] >= goal]
        clear = run[run["dice"] >= goal + CLEAR]
        found.append(
            Stop(
                str(kind),
                float(told["slices"].iloc[0]) if len(told) else np.inf,
                bool(len(told) and told["dice"].iloc[0] >= goal),
                float(clear["slices"].iloc[0]) if len(clear) else np.inf,
            )
        )
    return found


def told_cells(points: pd.DataFrame, goal: float) -> list[str]:
    """Return how many answers, and then runs, were told, and which share of them rightly."""
    told = points[points["promised"] >= goal]
    first = [stop for stop in stops(points, goal) if np.isfinite(stop.said)]
    return [
        str(len(told)),
        _share(int((told["dice"] >= goal).sum()), len(told)),
        str(len(first)),
        _share(sum(stop.right for stop in first), len(first)),
    ]


def timely_cells(found: list[Stop]) -> list[str]:
    """Return of runs that got there: how many, those told by then, those told at all, how late."""
    there = [stop for stop in found if np.isfinite(stop.there)]
    told = [stop for stop in there if np.isfinite(stop.said)]
    late = f"{np.mean([stop.late for stop in told]):.1f}" if told else "-"
    return [
        str(len(there)),
        _share(sum(stop.said <= stop.there for stop in there), len(there)),
        _share(len(told), len(there)),
        late,
    ]


def early_dice(points: pd.DataFrame, goal: float) -> list[float]:
    """Return the Dice at which runs were told too early, ascending."""
    told = points[points["promised"] >= goal].groupby(["kind", "name"])["dice"].first()
    return sorted(told[told < goal].tolist())


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%} ({part})" if whole else "-"


def goals_table(points: pd.DataFrame) -> str:
    """Return Markdown: a row for each goal."""
    rows = [
        [f"{goal:.2f}", *told_cells(points, goal), *timely_cells(stops(points, goal))]
        for goal in GOALS
    ]
    return markdown(["goal", *_HEAD], rows)


def lowest_bar(points: pd.DataFrame, goal: float) -> float:
    """Return the lowest promise from which on so many answers as asked for reach the goal."""
    ordered = points.sort_values("promised", ascending=False)
    share = (ordered["dice"] >= goal).cumsum() / np.arange(1, len(ordered) + 1)
    enough = ordered["promised"][share >= RIGHTLY]
    return float(enough.iloc[-1]) if len(enough) else np.inf


def bars_table(points: pd.DataFrame) -> str:
    """Return Markdown: as `goals_table` with the lowest bar in place of each goal."""
    rows = []
    for goal in GOALS:
        bar = lowest_bar(points, goal)
        rows.append([f"{goal:.2f}", *_from_bar(points, goal, bar)])
    return markdown(["goal", "told from", *_HEAD], rows)


def trade_table(points: pd.DataFrame, goal: float, bars: Iterable[float]) -> str:
    """Return Markdown: a goal that is told from other promises on; a row a bar."""
    return markdown(["told from", *_HEAD], [_from_bar(points, goal, bar) for bar in bars])


def _from_bar(points: pd.DataFrame, goal: float, bar: float) -> list[str]:
    told = points.assign(promised=np.where(points["promised"] >= bar, 1.0, 0.0))
    return [f"{bar:.3f}", *told_cells(told, goal), *timely_cells(stops(told, goal))]


def kinds_table(points: pd.DataFrame, goal: float) -> str:
    """Return Markdown: a row for each kind left out."""
    head = [
        "kind left out", "runs", "told", "rightly", "runs .03 above", "told by then",
        "told in the end", "slices late",
    ]  # fmt: skip
    rows = []
    for kind, of in points.groupby("kind"):
        found = stops(of, goal)
        first = [stop for stop in found if np.isfinite(stop.said)]
        rightly = _share(sum(stop.right for stop in first), len(first))
        cells = [str(len(found)), str(len(first)), rightly]
        rows.append([str(kind), *cells, *timely_cells(found)])
    return markdown(head, rows)


def bunched_table(points: pd.DataFrame) -> str:
    """Return Markdown: what is told people who draw neighbouring slices only; a row a goal."""
    rows = []
    for goal in GOALS:
        reached = points["dice"] >= goal
        cells = []
        for number in ("promised", "low"):
            told = points[number] >= goal
            cells += [str(told.sum()), _share(int((told & reached).sum()), int(told.sum()))]
        rows.append([f"{goal:.2f}", f"{reached.sum()} of {len(points)}", *cells])
    return markdown(["goal", "reach it", "told", "rightly", "low number", "rightly"], rows)


def apart(points: pd.DataFrame, names: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the points of the structures that are named, and all others."""
    named = points["name"].isin(names)
    return points[named], points[~named]


def left_out_points(work: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the states of whole runs, and those of people who draw neighbouring slices only.

    Both are judged by models that did not see their kind.
    """
    table = load(work, ("state",))["state"]
    said = [1 / (1 + np.exp(-each)) for each in left_out_quality(table, by_source=True)]
    everything = pd.DataFrame(_points(work, said), columns=[*FIELDS, "habit"])
    runs, bunched = everything["asked"].notna(), everything["habit"] == BUNCHED
    return everything.loc[runs, FIELDS], everything.loc[bunched, FIELDS]


def _points(work: Path, everything: list[Float64Array]) -> Iterator[list[object]]:
    for number, row in enumerate(state_rows(work)):
        said = [round(float(each[number]), 4) for each in everything]
        run = row.get("slices"), row.get("asked"), row["dice"]
        yield [row["kind"], row["name"], *run, *said, row.get("habit")]


def main() -> None:
    """Print a table of goals and one of kinds; keep the points."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, help="folder of states")
    parser.add_argument("--points", type=Path, help="a file written before, in place of states")
    parser.add_argument("--among", type=Path, help="a .csv that names structures: of these as well")
    parser.add_argument("-o", "--output", type=Path, help="the points, .csv")
    given = parser.parse_args()
    if (given.work is None) == (given.points is None):
        parser.error("give either --work or --points")
    bunched = None
    if given.work is None:
        points = pd.read_csv(given.points)
    else:
        points, bunched = left_out_points(given.work)
    if given.output is not None:
        points.to_csv(given.output, index=False)
    print(f"{points.groupby(['kind', 'name']).ngroups} runs\n\n{goals_table(points)}\n")
    print(f"{kinds_table(points, 0.90)}\n\n{bars_table(points)}\n")
    print(f"At .90, told from:\n\n{trade_table(points, 0.90, BARS)}\n")
    real = points[points["kind"] != MADE_UP]
    print(f"Without made-up shapes:\n\n{goals_table(real)}\n")
    if given.among is not None:
        named, others = apart(points, pd.read_csv(given.among)["name"])
        print(f"Of those in {given.among.name}:\n\n{goals_table(named)}\n")
        print(f"Of all others:\n\n{goals_table(others)}\n")
    for name, some in (("all", points), ("without made-up shapes", real)):
        error = (some["dice"] - some["predicted"]).abs().mean()
        print(
            f"at least the low number, {name}: {(some['dice'] >= some['low']).mean():.1%}, ", end=""
        )
        print(f"mean error of the median {error:.3f}")
    wrong = early_dice(points, 0.90)
    print(f"Dice of runs told .90 too early: {', '.join(f'{one:.3f}' for one in wrong)}")
    if bunched is not None:
        real = bunched[bunched["kind"] != MADE_UP]
        print(f"\nNeighbouring slices only, without made-up shapes:\n\n{bunched_table(real)}")


if __name__ == "__main__":
    main()
