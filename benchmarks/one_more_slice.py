"""One more slice where drawn ones lie in several planes: what keeping answers of planes costs.

    OMP_NUM_THREADS=1 python -m benchmarks.one_more_slice --data DIR [--scans 1] [-o CSV]

Structures held out from training (see `benchmarks.held_out`). The middle slices of two planes, or
of all three, are drawn, and answered; then one more, a quarter into the structure. Three answers
are compared: *fresh*, from all slices at once; *all planes*, where every plane is asked again
between the new slice's neighbours; and *kept*, where only the planes are that the new slice lies
in (`fewslice.segmentation.update`). Prints mean Dice over the whole volume, what was drawn
included, Dice with the fresh answer, and processor seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import process_time
from typing import TypeVar

import numpy as np
import pandas as pd

from benchmarks.accuracy import markdown
from benchmarks.crossing import drawn, middle
from benchmarks.held_out import RECIPE, Structure, structures
from fewslice.annotation.annotation import Annotation, SliceIndex
from fewslice.batch.jobs import Job, stream
from fewslice.engines import ENGINES
from fewslice.engines.base import Prediction
from fewslice.segmentation.update import Answered, answer_again
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes

_COLUMNS = ["set", "name", "planes", "answer", "dice", "as fresh", "seconds"]
_FEWEST_SLICES = 8  # along each axis
_Found = TypeVar("_Found")


def questions(structure: Structure) -> Iterator[tuple[int, list[SliceIndex]]]:
    """Yield the number of planes, and the slices, the one more last."""
    mask, axis = structure.mask, structure.axis
    if min(len(np.unique(at)) for at in np.nonzero(mask)) < _FEWEST_SLICES:
        return
    middles = [middle(mask, (axis + step) % 3) for step in range(3)]
    yield 2, [*middles[:2], _a_quarter_in(mask, axis)]
    yield 3, [*middles, _a_quarter_in(mask, (axis + 1) % 3)]


def _a_quarter_in(mask: BoolArray, axis: int) -> SliceIndex:
    holding = np.flatnonzero(mask.any(axis=inplane_axes(axis)))
    return axis, int(holding[len(holding) // 4])


def measure(structure: Structure, engine: str) -> list[list[object]]:
    """Return rows of `_COLUMNS`."""
    rows: list[list[object]] = []
    for planes, places in questions(structure):
        then, now = drawn(structure.mask, places[:-1]), drawn(structure.mask, places)
        if then is None or now is None:
            continue
        before = Answered(then, ENGINES[engine].prepare(structure.scan).predict(then))
        forgotten = replace(before, prediction=replace(before.prediction, kept=()))
        ways = {"fresh": None, "all planes": forgotten, "kept": before}
        found = {
            name: timed(partial(answer, structure, engine, now, earlier))
            for name, earlier in ways.items()
        }
        fresh = found["fresh"][0]
        for name, (mask, seconds) in found.items():
            scores = [dice(mask, structure.mask), dice(mask, fresh)]
            rows.append([structure.of, structure.name, planes, name, *scores, seconds])
    return rows


def answer(
    structure: Structure, engine: str, annotation: Annotation, earlier: Answered | None
) -> BoolArray:
    """Return where a structure is, drawn voxels as they were drawn."""
    found = answer_again(ENGINES[engine], structure.scan, annotation, earlier)
    return filled(found, structure.mask, annotation)


def filled(prediction: Prediction, mask: BoolArray, annotation: Annotation) -> BoolArray:
    """Return a prediction's first structure in the whole scan, drawn voxels as they were drawn."""
    found = np.zeros(mask.shape, dtype=bool)
    found[prediction.region.slices] = prediction.probability[1] > prediction.probability[0]
    known = annotation.known()
    found[known] = mask[known]
    return found


def dice(one: BoolArray, other: BoolArray) -> float:
    return float(2 * (one & other).sum() / max(one.sum() + other.sum(), 1))


def timed(work: Callable[[], _Found]) -> tuple[_Found, float]:
    """Return what is computed, and the processor seconds that took."""
    started = process_time()
    return work(), process_time() - started


def table(found: pd.DataFrame) -> str:
    """Return Markdown: means by set, number of planes and way of answering."""
    rows = [
        [str(of), str(planes), str(len(part) // 3), *_means(part)]
        for (of, planes), part in [
            *found.groupby(["set", "planes"], sort=False),
            *((("all", planes), part) for planes, part in found.groupby("planes")),
        ]
    ]
    ways = ["fresh", "all planes", "kept"]
    head = [
        "set", "planes", "structures", *ways, "worst of kept - all planes",
        *(f"{way}, as fresh" for way in ways[1:]), *(f"{way}, s" for way in ways),
    ]  # fmt: skip
    return markdown(head, rows)


def _means(part: pd.DataFrame) -> list[str]:
    way = {str(name): rows for name, rows in part.groupby("answer")}
    names = ("fresh", "all planes", "kept")
    lost = way["kept"]["dice"].to_numpy() - way["all planes"]["dice"].to_numpy()
    return [
        *(f"{way[name]['dice'].mean():.3f}" for name in names),
        f"{lost.min():+.3f}",
        *(f"{way[name]['as fresh'].mean():.3f}" for name in names[1:]),
        *(f"{way[name]['seconds'].mean():.2f}" for name in names),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--scans", type=int, default=1, help="at most, of each source")
    parser.add_argument("--structures", type=int, default=2, help="at most, of each scan")
    parser.add_argument("--made-up", type=int, default=1, help="volumes of either kind")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("-o", "--output", type=Path, help="CSV of every answer, kept up to date")
    options = parser.parse_args()
    size = (options.made_up, options.scans, options.structures)
    tasks = structures(options.data, RECIPE, *size)
    jobs = (Job(f"{at}", (one, options.engine)) for at, one in enumerate(tasks))
    rows: list[list[object]] = []
    found = pd.DataFrame(columns=_COLUMNS)
    for outcome in stream(measure, jobs, workers=options.workers):
        if outcome.failure is not None:
            raise SystemExit(f"{outcome.failure}\n{outcome.trace or ''}")
        rows += outcome.result
        found = pd.DataFrame(rows, columns=_COLUMNS)
        if options.output is not None:
            found.to_csv(options.output, index=False)
    print(table(found))


if __name__ == "__main__":
    main()
