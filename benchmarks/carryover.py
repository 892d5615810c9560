"""What other scans with labels are worth: Dice from them alone, and beside one annotated slice.

    python benchmarks/carryover.py --data DIR [--engines auto] [--cases 12] [--work FILE.csv]
        [--structures hippocampus,Mandible,SpinalCord]

Support are the first fully labelled scans of imagesTr in which the structure was outlined: five for
the hippocampus (both its parts as one structure), ten for the mandible and the spinal cord. Each of
the first scans of imagesTs in which it was outlined is then segmented from support alone (scored on
all slices), from one annotated slice and support, and from that slice alone (both scored on the
other slices). Prints Markdown.

Every result goes to the work file at once, and what is in it is not done again: delete it after
changing an engine. An engine that cannot use support has a figure for one slice alone only.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pandas as pd

from fewslice.annotation.planes import plane_axis
from fewslice.engines import ENGINES, find_engine
from fewslice.evaluation.annotator import nothing, strided
from fewslice.evaluation.dataset import Structure, find_dataset, read_case
from fewslice.evaluation.support import support_pairs
from fewslice.evaluation.task import Task, run_engine

BOTH, SUPPORT, SLICE = "1 slice and support", "support alone", "1 slice alone"
KINDS = (SUPPORT, BOTH, SLICE)
COLUMNS = ("dataset", "case", "structure", "engine", "kind", "support", "dice", "seconds")
KEY = COLUMNS[:5]


@dataclass(frozen=True)
class Target:
    """A structure of a data set, the plane to annotate in, and how many support scans to give."""

    folder: str
    structure: Structure
    plane: str
    support: int


TARGETS = (
    Target("Dataset004_Hippocampus", Structure("hippocampus", (1, 2)), "1", 5),
    Target("Dataset101_HeadNeckCT", Structure("Mandible", (5,)), "auto", 10),
    Target("Dataset101_HeadNeckCT", Structure("SpinalCord", (2,)), "auto", 10),
)


def tasks(data: Path, target: Target, most: int) -> Iterator[tuple[str, Task]]:
    """Yield the tasks of the first cases in which the structure was outlined, with their kind."""
    folder = data / target.folder
    candidates = find_dataset(folder, "Tr").cases
    known = (case for case in find_dataset(folder).cases if case.knows(target.structure))
    for case in islice(known, most):
        image, labels = read_case(case)
        mask = target.structure.mask(labels.array)
        if not mask.any():
            continue
        axis = plane_axis(image.geometry, target.plane)
        support = support_pairs(case, target.structure, candidates, target.support)
        one = Task(case.name, image, target.structure, mask, 1, strided(mask, axis, 1), support)
        yield SUPPORT, replace(one, count=0, revealed=nothing(mask, axis))
        if one.revealed.drawn:  # in the middle of a structure may be a gap
            yield BOTH, one
            yield SLICE, replace(one, support=())


def measure(
    data: Path, targets: Sequence[Target], engines: Sequence[str], most: int, work: Path
) -> pd.DataFrame:
    """Measure what is not in the work file yet, and return everything in it."""
    done = set()
    if work.exists():
        done = set(read(work)[list(KEY)].itertuples(index=False, name=None))
    else:
        append(work, COLUMNS)
    for target in targets:
        for kind, task in tasks(data, target, most):
            for engine in engines:
                key = (target.folder, task.case, target.structure.name, engine, kind)
                if key in done or (kind != SLICE and not find_engine(engine).uses_support):
                    continue
                row, _ = run_engine(task, engine)
                append(work, (*key, row.support, row.dice, row.seconds))
                print(f"{' '.join(key)}: {row.dice:.3f} in {row.seconds:.1f} s", flush=True)
    return read(work)


def append(work: Path, row: Sequence[object]) -> None:
    with work.open("a", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerow(row)


def read(work: Path) -> pd.DataFrame:
    return pd.read_csv(work, dtype=dict.fromkeys(KEY, "str"))


def table(found: pd.DataFrame, engines: Sequence[str]) -> str:
    """Return Markdown: mean Dice of each structure and engine, and the seconds of a scan."""
    lines = [
        f"| data set | structure | support | engine | cases | {' | '.join(KINDS)} | seconds |",
        "|---|---|---|---|---|" + "---|" * (len(KINDS) + 1),
    ]
    for (dataset, structure), part in found.groupby(["dataset", "structure"], sort=False):
        for engine in engines:
            mine = part[part["engine"] == engine]
            if mine.empty:
                continue
            dice = mine.groupby("kind")["dice"].mean()
            cells = [f"{dice[kind]:.3f}" if kind in dice else "-" for kind in KINDS]
            lines.append(
                f"| {dataset} | {structure} | {mine['support'].max()} | {engine} | "
                f"{mine['case'].nunique()} | {' | '.join(cells)} | {mine['seconds'].median():.1f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--cases", type=int, default=12)
    parser.add_argument("--work", type=Path, default=Path("carryover.csv"))
    names = [target.structure.name for target in TARGETS]
    parser.add_argument("--structures", default=",".join(names))
    options = parser.parse_args()
    engines = options.engines.split(",")
    wanted = [each for each in TARGETS if each.structure.name in options.structures.split(",")]
    found = measure(options.data, wanted, engines, options.cases, options.work)
    print("\n" + table(found, engines))


if __name__ == "__main__":
    main()
