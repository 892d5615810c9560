"""All engines and baselines on the same slices of the same cases, in one table.

    python -m benchmarks.comparison --data DIR [--work FILE.csv] [--cases 3] [--jobs 2]
    python -m benchmarks.comparison --data DIR --engines biomedisa --peer PYTHON --cases 1 \\
        --slices 3 --jobs 1

Every case gives one structure, another one from case to case; slices are strided. `auto 30 s`, if
asked for, is `auto` with `--seconds 30`, which fine-tunes the network first. `u-net` is trained
from scratch on the annotated slices, for the seconds `finetuned` has. Engines of others go with
their file or server, such as `universeg=FILE`. `biomedisa` needs a Python that has it
(`benchmarks/peer_biomedisa.py` says how) and all processors for itself.

Every result goes to the work file at once, and what is in it is not done again. Prints Markdown.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import pandas as pd

from benchmarks.baselines import Biomedisa, UNet
from fewslice.annotation.planes import plane_axis
from fewslice.engines import Auto, Engine
from fewslice.evaluation.annotator import strided
from fewslice.evaluation.dataset import CaseFiles, Structure, find_dataset, read_case
from fewslice.evaluation.task import Task, dice_within_extent, reason_to_skip
from fewslice.metrics.scores import score_slices
from fewslice.volumes.image import Image, LabelMap
from fewslice.workflow.segment import segment

SETS = {
    "004": ("Dataset004_Hippocampus", "1"),
    "101": ("Dataset101_HeadNeckCT", "auto"),
    "102": ("Dataset102_CardiacCineMRI", "auto"),
    "103": ("Dataset103_SpleenCT", "auto"),
    "104": ("Dataset104_RetinaFluidOCT", "auto"),
}
COMPARED = ("interpolation", "random-walker", "network", "finetuned", "auto", "u-net")
FINETUNING = "auto 30 s"
PEER = "biomedisa"
KEY = ["set", "case", "structure", "slices", "engine"]
COLUMNS = [*KEY, "dice", "dice_extent", "seconds"]


@dataclass(frozen=True)
class Question:
    """One structure of one case, and how many slices are drawn."""

    number: str
    case: CaseFiles
    structure: Structure
    plane: str
    slices: int

    def key(self, engine: str) -> tuple[str, ...]:
        return (self.number, self.case.name, self.structure.name, str(self.slices), engine)


def questions(data: Path, cases: int, slices: Sequence[int]) -> Iterator[Question]:
    """Yield the questions that can be scored; the n-th case of a set gives its n-th structure."""
    for number, (folder, plane) in SETS.items():
        if not (data / folder).exists():
            continue
        for at, case in enumerate(find_dataset(data / folder, most=cases).cases):
            _, labels = _read(case)
            there = [
                each
                for each in case.structures_in(labels.array)
                if case.knows(each) and each.mask(labels.array).any()
            ]
            for count in slices:
                asked = Question(number, case, there[at % len(there)], plane, count)
                if reason_to_skip(task_of(asked)) is None:
                    yield asked


@lru_cache(maxsize=4)
def _read(case: CaseFiles) -> tuple[Image, LabelMap]:
    return read_case(case)


def task_of(asked: Question) -> Task:
    image, labels = _read(asked.case)
    mask = asked.structure.mask(labels.array)
    revealed = strided(mask, plane_axis(image.geometry, asked.plane), asked.slices)
    return Task(asked.case.name, image, asked.structure, mask, asked.slices, revealed)


def baselines(peer: Path | None) -> dict[str, Engine]:
    """Return what is compared beside the engines that have a name. peer: see `main`."""
    found: dict[str, Engine] = {"u-net": UNet(), FINETUNING: Auto(seconds=30.0)}
    return found if peer is None else found | {PEER: Biomedisa(peer)}


def answered(asked: Question, engine: str, peer: Path | None) -> tuple[str, ...]:
    """Return the row of one engine on one question."""
    task = task_of(asked)
    sparse = LabelMap(task.revealed.sparse_labels(task.mask), task.image.geometry)
    start = perf_counter()
    chosen = baselines(peer).get(engine, engine)
    answer = segment(task.image, sparse, annotated=task.revealed.annotated, engine=chosen)
    seconds = perf_counter() - start
    found = answer.labels.array == 1
    spacing = task.image.geometry.spacing
    scores = score_slices(found, task.mask, spacing, task.revealed.axis, task.annotated)
    extent = dice_within_extent(task, found)
    return (*asked.key(engine), f"{scores.dice:.4f}", f"{extent:.4f}", f"{seconds:.2f}")


def measure(
    asked: Sequence[Question], engines: Sequence[str], work: Path, jobs: int, peer: Path | None
) -> pd.DataFrame:
    """Measure what is not in the work file yet, and return everything in it."""
    if not work.exists():
        append(work, COLUMNS)
    done = set(read(work)[KEY].astype(str).itertuples(index=False, name=None))
    waiting = [
        (each, engine) for each in asked for engine in engines if each.key(engine) not in done
    ]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(answered, each, engine, peer) for each, engine in waiting]
        for future in as_completed(running):
            append(work, future.result())
            print(*future.result(), flush=True)
    return read(work)


def append(work: Path, row: Sequence[object]) -> None:
    with work.open("a", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerow(row)


def read(work: Path) -> pd.DataFrame:
    return pd.read_csv(work, dtype=dict.fromkeys(("set", "case", "structure", "engine"), "str"))


def table(found: pd.DataFrame, engines: Sequence[str], column: str = "dice") -> str:
    """Return Markdown: means of every engine, over the tasks that all of them were given."""
    dice = found.pivot_table(index=KEY[:4], columns="engine", values=column)
    shared = dice[list(engines)].dropna()
    seconds = found.pivot_table(index=KEY[:4], columns="engine", values="seconds")
    head = ["set", "slices", "tasks", *engines]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    grouped = shared.groupby(level=["set", "slices"])
    for (number, count), part in grouped:
        lines.append(f"| {number} | {count} | {len(part)} | {_cells(part.mean(), engines)} |")
    lines.append(f"| **all** | | {len(shared)} | {_cells(shared.mean(), engines)} |")
    spent = seconds.loc[shared.index, list(engines)].median()
    lines.append(
        "| **seconds**, median | | | " + " | ".join(f"{spent[each]:.1f}" for each in engines) + " |"
    )
    return "\n".join(lines)


def _cells(means: pd.Series[float], engines: Sequence[str]) -> str:
    return " | ".join(f"{means[engine]:.3f}" for engine in engines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--engines", default=",".join(COMPARED))
    parser.add_argument("--peer", type=Path, help="a Python that has Biomedisa")
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--slices", default="3,5")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("comparison.csv"))
    options = parser.parse_args()
    if options.jobs > 1:
        os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that are started
    counts = [int(count) for count in options.slices.split(",")]
    asked = list(questions(options.data, options.cases, counts))
    found = measure(asked, options.engines.split(","), options.work, options.jobs, options.peer)
    named = dict.fromkeys((*COMPARED, FINETUNING, PEER, *options.engines.split(",")))
    present = [each for each in named if each in set(found["engine"])]
    ours = [each for each in present if each != PEER] or present
    print("\n" + table(found, ours))
    print("\nWithin the object's extent:\n\n" + table(found, ours, "dice_extent"))
    if PEER in present and len(present) > 1:
        print("\nOn the tasks that Biomedisa was given:\n\n" + table(found, present))
        print("\nWithin the object's extent:\n\n" + table(found, present, "dice_extent"))


if __name__ == "__main__":
    main()
