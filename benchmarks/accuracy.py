"""Dice of the engines on the evaluation sets, and the tables of docs/results/benchmarks.md.

    python benchmarks/accuracy.py --data DIR --work DIR [--plots DIR]  # runs, resumable
    python benchmarks/accuracy.py --data DIR --work DIR --sets 110,"111 CT" --engines auto \\
        --runs strided
    python benchmarks/accuracy.py --work DIR --tables-only  # prints what has been run so far

Runs `fewslice evaluate` and prints Markdown. With --plots DIR the plots go there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class EvaluationSet:
    """A folder of the data, the plane drawn in, and the channels engines see (None for all)."""

    folder: str
    plane: str = "auto"
    channels: tuple[int, ...] | None = None


SETS = {
    "004": EvaluationSet("Dataset004_Hippocampus", "coronal"),
    "004 sagittal": EvaluationSet("Dataset004_Hippocampus", "sagittal"),
    "101": EvaluationSet("Dataset101_HeadNeckCT"),
    "102": EvaluationSet("Dataset102_CardiacCineMRI"),
    "103": EvaluationSet("Dataset103_SpleenCT"),
    "104": EvaluationSet("Dataset104_RetinaFluidOCT"),
    "110": EvaluationSet("Dataset110_SarcomaMRI"),
    "111 CT": EvaluationSet("Dataset111_SarcomaPETCT", channels=(0,)),
    "111 PET": EvaluationSet("Dataset111_SarcomaPETCT", channels=(1,)),
    "111 both": EvaluationSet("Dataset111_SarcomaPETCT"),
    "112": EvaluationSet("Dataset112_SarcomaPET"),
    "113": EvaluationSet("Dataset113_FetalBrainMRI"),
}
ENGINES = ("interpolation", "random-walker", "network", "auto")
CLASSICAL = ("interpolation", "random-walker")
CASE = ["set", "case", "slices"]
TASK = ["set", "case", "structure", "slices"]
MOST_FALL = 0.05
DISTANCES = (0, 1, 2, 4, 8, 1000)
"""Groups of distances in slices: each from above one number up to the next."""


@dataclass(frozen=True)
class Run:
    """One evaluation of all sets: how slices are chosen, how many, and on how many cases."""

    annotator: str
    slices: str
    cases: int


RUNS = {
    "strided": Run("strided", "1,3,5", 12),
    "more": Run("strided", "2,8", 6),
    "ends": Run("strided-ends", "5", 12),
}
TO_REACH = {
    ("004", "strided"): {1: 0.76, 3: 0.83, 5: 0.85},
    ("101", "strided"): {1: 0.50, 3: 0.70, 5: 0.76},
    ("102", "strided"): {1: 0.65, 3: 0.78, 5: 0.82},
    ("103", "strided"): {1: 0.65, 3: 0.88, 5: 0.92},
    ("104", "strided"): {1: 0.65, 3: 0.80, 5: 0.86},
    ("004", "ends"): {5: 0.90},
    ("101", "ends"): {5: 0.87},
    ("102", "ends"): {5: 0.83},
    ("103", "ends"): {5: 0.94},
    ("104", "ends"): {5: 0.87},
}
"""Mean Dice that `auto` was asked to have, by set, run and number of slices."""


@dataclass(frozen=True)
class Choice:
    """What to run. cases: of a set, at most."""

    sets: tuple[str, ...] = tuple(SETS)
    engines: tuple[str, ...] = ENGINES
    runs: tuple[str, ...] = tuple(RUNS)
    cases: int = 12


def run(data: Path, work: Path, jobs: int, choice: Choice) -> None:
    """Run what is not in the work folder yet, one thread for every process."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for name in choice.runs:
        for number in choice.sets:
            command = [sys.executable, "-m", "fewslice", "evaluate"]
            command += arguments(data, number, RUNS[name], choice)
            command += ["--jobs", str(jobs), "-o", str(folder(work, number, name))]
            subprocess.run(command, check=True, env=environment)


def arguments(data: Path, number: str, each: Run, choice: Choice) -> list[str]:
    """Return what `fewslice evaluate` is told of one set."""
    of = SETS[number]
    found = [str(data / of.folder), "--plane", of.plane]
    if of.channels is not None:
        found += ["--channels", ",".join(map(str, of.channels))]
    found += ["--cases", str(min(each.cases, choice.cases)), "--slices", each.slices]
    return [*found, "--engines", ",".join(choice.engines), "--annotator", each.annotator]


def folder(work: Path, number: str, name: str) -> Path:
    return work / f"{number.replace(' ', '-')}-{name}"


def read(work: Path, name: str, table: str = "scores.csv") -> pd.DataFrame:
    """Return one table of one run, of all the sets there are, with the column `set`."""
    types = dict.fromkeys(("case", "structure"), "str")
    frames = [
        pd.read_csv(path, dtype=types).assign(set=number)
        for number in SETS
        if (path := folder(work, number, name) / table).exists()
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def groups(scores: pd.DataFrame) -> Iterator[tuple[str, int, pd.DataFrame]]:
    """Yield set, number of slices and rows of each."""
    for number, of_set in scores.groupby("set"):
        for count in sorted(of_set["slices"].unique()):
            yield str(number), int(count), of_set[of_set["slices"] == count]


def goals(scores: pd.DataFrame, name: str) -> str:
    """Return mean Dice of each set and engine beside what was to be reached."""
    rows = []
    for number, count, part in groups(scores):
        means = part.groupby("engine")["dice"].mean()
        goal = TO_REACH.get((number, name), {}).get(count)
        verdict = "-"
        if goal is not None:
            reached = round(float(means["auto"]), 3) >= goal
            verdict = "reached" if reached else f"missed by {goal - means['auto']:.3f}"
        tasks = len(part) // part["engine"].nunique()
        shown = "-" if goal is None else f"{goal:.2f}"
        rows.append([number, str(count), str(tasks), *_cells(means), shown, verdict])
    return markdown(["set", "slices", "tasks", *ENGINES, "to reach", "verdict"], rows)


def means(scores: pd.DataFrame, column: str) -> str:
    """Return the mean of one column: set and slices by engine."""
    rows = []
    for number, count, part in groups(scores):
        tasks = len(part) // part["engine"].nunique()
        mean = part.groupby("engine")[column].mean()
        rows.append([number, str(count), str(tasks), *_cells(mean)])
    return markdown(["set", "slices", "tasks", *ENGINES], rows)


def _cells(found: pd.Series[float]) -> list[str]:
    return [f"{found[engine]:.3f}" if engine in found else "-" for engine in ENGINES]


def more_slices(scores: pd.DataFrame) -> str:
    """Return by how much Dice over the extent changes with more slices, on the same tasks."""
    dice = scores.pivot_table(
        index=["set", "case", "structure"], columns=["engine", "slices"], values="dice_extent"
    )
    counts = sorted(scores["slices"].unique())
    pairs = list(pairwise(counts))
    rows = []
    for number in sorted(scores["set"].unique()):
        for engine in ENGINES:
            part = dice.loc[number, engine] if engine in dice else pd.DataFrame()
            rows.append([str(number), engine, *(_change(part, *pair) for pair in pairs)])
    return markdown(["set", "engine", *(f"{a} to {b} slices" for a, b in pairs)], rows)


def _change(dice: pd.DataFrame, few: int, many: int) -> str:
    if few not in dice or many not in dice:
        return "-"
    gain = (dice[many] - dice[few]).dropna()
    if gain.empty:
        return "-"
    mark = " **falls**" if gain.mean() < 0 else ""
    return f"{gain.mean():+.3f}{mark} (n={len(gain)})"


def falls(scores: pd.DataFrame) -> str:
    """Tell how far auto falls below the better of the classical engines, by case and by structure.

    A case is a scan with a number of slices, its Dice the mean over its structures. Single
    structures that fall far are listed.
    """
    cases = scores.pivot_table(index=CASE, columns="engine", values="dice")
    tasks = scores.pivot_table(index=TASK, columns="engine", values="dice")
    fall = _fall(tasks)
    far = fall[fall > MOST_FALL].sort_values(ascending=False)
    text = f"{_counted(_fall(cases), 'cases')}\n\n{_counted(fall, 'single structures')}"
    best = _better(tasks)
    rows = [
        [*map(str, task), f"{best[task]:.3f}", f"{tasks['auto'][task]:.3f}", f"{size:.3f}"]
        for task, size in far.items()
        if isinstance(task, tuple)
    ]
    if not rows:
        return text
    return f"{text}\n\n" + markdown([*TASK, "better of the two", "auto", "fall"], rows)


def _better(dice: pd.DataFrame) -> pd.Series[float]:
    return dice[list(CLASSICAL)].max(axis=1)


def _fall(dice: pd.DataFrame) -> pd.Series[float]:
    return _better(dice) - dice["auto"]


def _counted(fall: pd.Series[float], what: str) -> str:
    return (
        f"Of {len(fall)} {what}, `auto` is more than {MOST_FALL} below the better of interpolation "
        f"and random walker on {int((fall > MOST_FALL).sum())} (the largest fall is "
        f"{fall.max():.3f}) and as much above it on {int((fall < -MOST_FALL).sum())}."
    )


def by_distance(distances: pd.DataFrame) -> str:
    """Return pooled Dice by distance to the nearest annotated slice, between slices and beyond."""
    sums = ["intersection", "predicted", "reference"]
    rows = []
    for number, count, part in groups(distances):
        where = pd.cut(part["distance_slices"], list(DISTANCES)).astype(str)
        kind = where.where(part["between"] == 1, "beyond the outermost")
        found = part.groupby([kind.rename("where"), "engine"])[sums].sum()
        dice = 2 * found["intersection"] / (found["predicted"] + found["reference"])
        for at in [*dict.fromkeys(_ranges(kind)), "beyond the outermost"]:
            if at in dice.index:
                rows.append([number, str(count), _wording(at), *_cells(dice[at])])
    return markdown(["set", "slices", "slices away", *ENGINES], rows)


def _ranges(kind: pd.Series[str]) -> list[str]:
    labels = [f"({low}, {high}]" for low, high in pairwise(DISTANCES)]
    present = set(kind)
    return [label for label in labels if label in present]


def _wording(interval: str) -> str:
    if not interval.startswith("("):
        return interval
    low, high = (int(part) for part in interval.strip("(]").split(","))
    if high == DISTANCES[-1]:
        return f"more than {low}"
    return str(high) if high == low + 1 else f"{low + 1} to {high}"


def ends_figure(scores: pd.DataFrame, path: Path) -> None:
    """Draw how much is answered beyond the object's ends, per voxel of the object."""
    from matplotlib.figure import Figure

    numbers = sorted(scores["set"].unique())
    figure = Figure(figsize=(2.6 * len(numbers), 3.4), layout="constrained")
    for place, number in enumerate(numbers):
        axis = figure.add_subplot(1, len(numbers), place + 1)
        part = scores[scores["set"] == number]
        counts = sorted(part["slices"].unique())
        for at, engine in enumerate(ENGINES):
            mean = part[part["engine"] == engine].groupby("slices")["beyond_ends"].mean()
            where = [counts.index(count) + 0.2 * (at - 1.5) for count in mean.index]
            axis.bar(where, mean.to_numpy(), width=0.2, label=engine)
        axis.set_xticks(range(len(counts)), [str(count) for count in counts])
        axis.set_title(str(number))
        axis.set_xlabel("annotated slices")
        axis.grid(axis="y", alpha=0.3)
    most = max(axis.get_ylim()[1] for axis in figure.axes)
    for axis in figure.axes:
        axis.set_ylim(0, most)
    figure.axes[0].set_ylabel("voxels beyond the ends,\nper voxel of the object")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(path, dpi=130)


def draw(work: Path, plots: Path) -> None:
    """Copy the plots of the strided run and draw the one of the ends."""
    plots.mkdir(parents=True, exist_ok=True)
    for number in SETS:
        for plot in ("dice", "distance", "cost"):
            drawn = folder(work, number, "strided") / f"{plot}.png"
            if drawn.exists():
                shutil.copyfile(drawn, plots / f"{number.replace(' ', '-')}-{plot}.png")
    ends_figure(read(work, "strided"), plots / "ends.png")


def report(work: Path) -> str:
    """Return all tables of what has been run."""
    strided, more, ends = (read(work, name) for name in RUNS)
    parts: list[tuple[str, str]] = []
    if not strided.empty:
        parts.append(("Strided slices", goals(strided, "strided")))
    if not ends.empty:
        parts.append(("Ends known", goals(ends, "ends")))
    if not strided.empty:
        counts = pd.concat([strided, more]) if not more.empty else strided
        parts += [
            ("Within the object's extent", means(strided, "dice_extent")),
            ("More slices", more_slices(counts)),
        ]
        if {*CLASSICAL, "auto"} <= set(counts["engine"]):
            parts.append(("Never far below", falls(counts)))
        parts += [
            ("Beyond the ends", means(strided, "beyond_ends")),
            ("Distance", by_distance(read(work, "strided", "distances.csv"))),
        ]
    return "\n".join(f"\n### {title}\n\n{text}" for title, text in parts)


def names_in(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a parser of names with commas that refuses unknown ones."""

    def names(text: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
        unknown = [each for each in found if each not in known]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"there is no {unknown[0]!r}; choose from {', '.join(known)}"
            )
        return found

    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, default=Path("benchmark-results"))
    parser.add_argument("--plots", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cases", type=int, default=12, help="of a set, at most")
    parser.add_argument("--sets", type=names_in(SETS), default=tuple(SETS))
    parser.add_argument("--engines", type=names_in(ENGINES), default=ENGINES)
    parser.add_argument("--runs", type=names_in(RUNS), default=tuple(RUNS))
    parser.add_argument("--tables-only", action="store_true")
    options = parser.parse_args()
    if not options.tables_only:
        if options.data is None:
            parser.error("--data is needed to run; --tables-only prints what has been run")
        choice = Choice(options.sets, options.engines, options.runs, options.cases)
        run(options.data, options.work, options.jobs, choice)
    print(report(options.work))
    if options.plots is not None:
        draw(options.work, options.plots)


if __name__ == "__main__":
    main()
