"""Slices of one plane drawn one after the other: do answers that go on stay as good as fresh ones?

    OMP_NUM_THREADS=1 python -m benchmarks.going_on --data DATA [--scans 1] [-o CSV]

Structures held out from training (see `benchmarks.held_out`). A simulated person draws one slice
more after each answer, in one of `ORDERS`; the answer of a session, which goes on from the one
before (`fewslice.segmentation.update`), is compared with one from all slices at once. Prints mean
Dice over the whole volume, what was drawn included, and processor seconds.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import markdown
from benchmarks.crossing import drawn
from benchmarks.held_out import RECIPE, Structure, structures
from benchmarks.one_more_slice import dice, filled, timed
from fewslice.annotation.annotation import SliceIndex
from fewslice.batch.jobs import Job, stream
from fewslice.engines import ENGINES
from fewslice.segmentation.update import Answered, answer_again
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes

ORDERS = {
    "from the middle": (0.5, 0.15, 0.85, 0.32, 0.68),
    "ends first": (0.1, 0.9, 0.5, 0.3, 0.7),
}
"""Where slices are drawn, in parts of the extent."""

_COLUMNS = ["set", "name", "order", "slices", "going on", "fresh", "s", "fresh s"]
_FEWEST_SLICES = 8


def places_of(mask: BoolArray, axis: int, parts: tuple[float, ...]) -> list[SliceIndex]:
    """Return the slices at parts of the extent along an axis, each once."""
    held = np.flatnonzero(mask.any(axis=inplane_axes(axis)))
    indices = (int(held[round(part * (len(held) - 1))]) for part in parts)
    return [(axis, index) for index in dict.fromkeys(indices)]


def measure(structure: Structure, engine: str) -> list[list[object]]:
    """Return rows of `_COLUMNS`; none if the structure is on few slices."""
    held = structure.mask.any(axis=inplane_axes(structure.axis))
    if np.count_nonzero(held) < _FEWEST_SLICES:
        return []
    return [
        [structure.of, structure.name, order, *row]
        for order, parts in ORDERS.items()
        for row in _followed(structure, engine, places_of(structure.mask, structure.axis, parts))
    ]


def _followed(structure: Structure, engine: str, places: list[SliceIndex]) -> list[list[object]]:
    rows: list[list[object]] = []
    before: Answered | None = None
    for count in range(1, len(places) + 1):
        now = drawn(structure.mask, places[:count])
        if now is None:  # a slice in a gap of the structure
            break
        found, fresh = (
            timed(partial(answer_again, ENGINES[engine], structure.scan, now, earlier))
            for earlier in (before, None)
        )
        scores = [
            dice(filled(prediction, structure.mask, now), structure.mask)
            for prediction, _ in (found, fresh)
        ]
        rows.append([count, *scores, found[1], fresh[1]])
        before = Answered(now, found[0])
    return rows


def table(found: pd.DataFrame) -> str:
    """Return Markdown: means by order and number of slices."""
    rows = []
    for (order, slices), part in found.groupby(["order", "slices"], sort=False):
        lost = part["going on"] - part["fresh"]
        rows.append(
            [
                str(order),
                str(slices),
                str(len(part)),
                *(f"{part[name].mean():.3f}" for name in ("going on", "fresh")),
                f"{lost.min():+.3f}",
                *(f"{part[name].mean():.2f}" for name in ("s", "fresh s")),
            ]
        )
    head = ["order", "slices", "structures", "going on", "fresh", "worst", "s", "fresh, s"]
    return markdown(head, rows)


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
    given = parser.parse_args()
    tasks = structures(given.data, RECIPE, given.made_up, given.scans, given.structures)
    jobs = (Job(f"{at}", (one, given.engine)) for at, one in enumerate(tasks))
    rows: list[list[object]] = []
    for outcome in stream(measure, jobs, workers=given.workers):
        if outcome.failure is not None:
            raise SystemExit(f"{outcome.failure}\n{outcome.trace or ''}")
        rows += outcome.result
        if given.output is not None:
            pd.DataFrame(rows, columns=_COLUMNS).round(4).to_csv(given.output, index=False)
    print(table(pd.DataFrame(rows, columns=_COLUMNS)))


if __name__ == "__main__":
    main()
