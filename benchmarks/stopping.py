"""Say how good the Dice to expect was, and count how often "you may stop" was right.

    python -m benchmarks.stopping --data DATA docs/simulations/volume-101 ...
    python -m benchmarks.stopping --data DATA --anew strided,foreground-random-66 --from 4 ...

Reads points.csv of `fewslice simulate` and the true labels; a run counts where it was first told
that its Dice is at least 0.90 with a probability of 90 %. Stops are also counted by whether the
ends of the structure had been seen. `--anew` segments and predicts once more, with the engine and
the advice of now, what these strategies had drawn, from so many slices on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fewslice import segment, suggest
from fewslice.active_learning.next_slice.expected_gain import DRAW
from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.evaluation.dataset import find_dataset, read_case
from fewslice.metrics.overlap import dice
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import Image, LabelMap

GOAL = 0.90
CLEAR = 0.93  # clearly above it


def ends_seen(answers: pd.DataFrame, truth: BoolArray) -> bool:
    """Return whether slices across were drawn or both ends closed, as `volume_features` does."""
    if answers["axis"].nunique() > 1:
        return True
    main = int(answers["axis"].iloc[0])
    held = np.flatnonzero(truth.any(axis=inplane_axes(main)))
    looked = answers["index"].to_numpy()
    drawn, empty = looked[np.isin(looked, held)], looked[~np.isin(looked, held)]
    before = drawn.min() == 0 or bool((empty < drawn.min()).any())
    after = drawn.max() == truth.shape[main] - 1 or bool((empty > drawn.max()).any())
    return bool(before and after)


def read_points(folder: Path) -> pd.DataFrame:
    """Return every answer of a simulation, in the order of the steps."""
    points = pd.read_csv(folder / "points.csv").sort_values("step")
    if "promised" in points:
        return points
    return points.assign(promised=points["predicted_low"])  # as it was then


def truths(data: Path, folder: Path) -> Callable[[str], tuple[Image, BoolArray]]:
    """Return what finds the scan and the mask of a task "case/structure"."""
    settings = json.loads((folder / "summary.json").read_text())["settings"]
    cases = {case.name: case for case in find_dataset(data / settings["dataset"]).cases}

    def find(task: str) -> tuple[Image, BoolArray]:
        name, structure = task.split("/", 1)
        image, labels = read_case(cases[name])
        known = cases[name].structures_in(labels.array)
        found = next(each for each in known if each.name == structure)
        return image, found.mask(labels.array)

    return find


def anew(data: Path, folder: Path, strategies: list[str], fewest: int) -> pd.DataFrame:
    """Return the answers of strategies, those to at least so many slices answered anew."""
    engine = json.loads((folder / "summary.json").read_text())["settings"]["engine"]
    points = read_points(folder)
    points = points[points["strategy"].isin(strategies)]
    points = points.assign(predicted=np.nan, predicted_low=np.nan, promised=np.nan)
    find = truths(data, folder)
    for (task, _, _), run in points.groupby(["task", "seed", "strategy"]):
        image, mask = find(str(task))
        for at, point in run[run["drawn"] >= fewest].iterrows():
            said = _said(image, mask, run[run["step"] <= point["step"]])
            answer = segment(image, said.labels, annotated=said.annotated, engine=engine)
            found = suggest(
                image,
                said.labels,
                annotated=said.annotated,
                present=said.present,
                answer=answer,
            )
            points.loc[at, ["dice", "predicted", "predicted_low", "promised"]] = (
                dice(answer.labels.array == 1, mask),
                found.predicted_dice,
                found.predicted_dice_low,
                found.promised_dice,
            )
    return points


@dataclass(frozen=True, eq=False)
class Said:
    """What a person had drawn and answered; arguments of `segment` and `suggest`."""

    labels: LabelMap
    annotated: tuple[SliceIndex, ...]
    present: tuple[SliceIndex, ...]


def _said(image: Image, mask: BoolArray, told: pd.DataFrame) -> Said:
    labels = np.zeros(mask.shape, dtype=np.uint8)
    annotated: list[SliceIndex] = []
    present: list[SliceIndex] = []
    for kind, axis, index in zip(told["kind"], told["axis"], told["index"], strict=True):
        place = on_slice(int(axis), int(index))
        if kind == DRAW:
            labels[place] = mask[place]
        known = kind == DRAW or not mask[place].any()
        (annotated if known else present).append((int(axis), int(index)))
    return Said(LabelMap(labels, image.geometry), tuple(annotated), tuple(present))


def stops(find: Callable[[str], tuple[Image, BoolArray]], points: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every run that was told to stop."""
    rows = []
    for (task, _, strategy), run in points.groupby(["task", "seed", "strategy"]):
        told = run[run["promised"] >= GOAL]
        if not len(told):
            continue
        first = told.iloc[0]
        seen = ends_seen(run[run["step"] <= first["step"]], find(str(task))[1])
        rows.append((strategy == "default", seen, first["dice"] >= GOAL))
    return pd.DataFrame(rows, columns=["default", "ends seen", "right"])


def answers(folder: Path, points: pd.DataFrame) -> list[str]:
    """Return a row of a table for the default strategy, and one for all others."""
    points = points.dropna(subset=["predicted_low"])
    rows = []
    for name, mine in (("default", True), ("others", False)):
        some = points[(points["strategy"] == "default") == mine]
        if not len(some):
            continue
        error = (some["predicted"] - some["dice"]).abs().mean()
        holds = (some["dice"] >= some["predicted_low"]).mean()
        told = some[some["promised"] >= GOAL]
        first = told.groupby(["task", "seed", "strategy"])["dice"].first()
        runs = some.groupby(["task", "seed", "strategy"])["dice"].max()
        there, in_time = timely(some)
        rows.append(
            f"| {folder.name}, {name} | {len(some)} | {error:.3f} | {holds:.0%} | "
            f"{len(first)} of {len(runs)} | {(runs >= GOAL).sum()} | {(first >= GOAL).sum()} | "
            f"{len(told)} of {(some['dice'] >= GOAL).sum()} | {(told['dice'] >= GOAL).sum()} | "
            f"{first.min():.3f} | {there} | {in_time} |"
        )
    return rows


def timely(points: pd.DataFrame) -> tuple[int, int]:
    """Return how many runs get to `CLEAR`, and how many of them were told to stop by then."""
    there = in_time = 0
    for _, run in points.sort_values("step").groupby(["task", "seed", "strategy"]):
        clear = np.flatnonzero(run["dice"] >= CLEAR)
        if len(clear):
            there += 1
            in_time += bool((run["promised"].iloc[: clear[0] + 1] >= GOAL).any())
    return there, in_time


def main() -> None:
    """Print a table of answers and runs, and of stops by what had been seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--anew", type=lambda names: names.split(","), help="strategies")
    parser.add_argument("--from", type=int, default=1, dest="fewest", help="slices")
    given = parser.parse_args()
    print("| | answers | mean error of the median | at least the low number | ", end="")
    print(
        "runs told to stop | that reached .90 | Dice was .90 | answers told | Dice was .90 ", end=""
    )
    print("| lowest Dice of a run told | runs that reached .93 | told by then |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    tables = []
    for folder in given.folders:
        points = read_points(folder)
        if given.anew:
            points = anew(given.data, folder, given.anew, given.fewest)
        print("\n".join(answers(folder, points)), flush=True)
        tables.append(stops(truths(given.data, folder), points).assign(simulation=folder.name))
    groups = pd.concat(tables).groupby(["simulation", "default", "ends seen"])["right"]
    print(groups.agg(["count", "sum"]).rename(columns={"count": "stops", "sum": "right"}))


if __name__ == "__main__":
    main()
