"""With one slice drawn: does uncertainty tell where the answer's ends are wrong?

    python -m benchmarks.ends --data DIR [--scans 2] [--structures 4] [--made-up 1] [-o CSV]

Structures held out from training (see `benchmarks.held_out`), the middle slice of each in the plane
that people draw in. Ends are the outer half of what was answered on either side of the drawn slice,
and as many slices beyond. Prints how confidence ranks the Dice of end slices (Spearman), how
confident slices that are right and wrong are, and the same of slices beyond the box that the engine
looked at, where the structure may go on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import markdown
from benchmarks.crossing import drawn, middle
from benchmarks.held_out import RECIPE, Structure, structures
from fewslice import segment
from fewslice.annotation.annotation import on_slice
from fewslice.metrics.overlap import dice
from fewslice.volumes import Image
from fewslice.volumes.geometry import inplane_axes

_RIGHT = 0.5  # Dice above which a slice counts as right


def end_slices(held: list[int], index: int, length: int) -> list[int]:
    """Return the outer half of the slices answered on either side, and as many beyond.

    held: slices that were answered to hold the structure. index: the drawn one.
    """
    found = []
    for side in (-1, 1):
        last = max((side * (at - index) for at in held if side * (at - index) > 0), default=0)
        outer = max((last + 1) // 2, 1)
        places = range(max(last - outer + 1, 1), last + outer + 1)
        found += [index + side * away for away in places]
    return sorted(at for at in found if 0 <= at < length)


def measure(structure: Structure, engine: str) -> list[list[object]]:
    """Return rows (set, name, slice, beyond the box, confidence, uncertainty, Dice)."""
    place = middle(structure.mask, structure.axis)
    annotation = drawn(structure.mask, [place])
    if annotation is None:
        return []
    axis, index = place
    image = Image(structure.scan.channels, structure.scan.geometry)
    found = segment(image, annotation.labels, annotated=[place], engine=engine)
    answer, region = found.labels.array == 1, found.prediction.region
    held = np.flatnonzero(answer.any(axis=inplane_axes(axis))).tolist()
    uncertainty = found.uncertainty
    rows: list[list[object]] = []
    for at in end_slices(held, index, answer.shape[axis]):
        said, true = answer[on_slice(axis, at)], structure.mask[on_slice(axis, at)]
        right = dice(said, true) if said.any() or true.any() else 1.0
        beyond = not region.start[axis] <= at < region.stop[axis]
        highest = float(uncertainty[on_slice(axis, at)].max())
        confidence = float(found.confidence[at])
        rows.append([structure.of, structure.name, at, beyond, confidence, highest, right])
    return rows


def table(found: pd.DataFrame) -> str:
    """Return Markdown: in the box, beyond it, and all ends with and without what lies beyond."""
    before = found.assign(confidence=found["confidence"].where(~found["beyond"], 1.0))
    parts = {
        "in the box": found[~found["beyond"]],
        "beyond the box": found[found["beyond"]],
        "all ends": found,
        "all ends, if what lies beyond the box were certain": before,
    }
    rows = [[name, *_cells(part)] for name, part in parts.items()]
    head = ["ends", "slices", "wrong", "rank correlation", "confidence, right", "wrong"]
    return markdown(head, rows)


def _cells(part: pd.DataFrame) -> list[str]:
    right = part["dice"] > _RIGHT
    rank = part["confidence"].corr(part["dice"], method="spearman")
    means = (part["confidence"][right].mean(), part["confidence"][~right].mean())
    return [str(len(part)), str(int((~right).sum())), *(f"{one:.2f}" for one in (rank, *means))]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--scans", type=int, default=2, help="at most, of each source")
    parser.add_argument("--structures", type=int, default=4, help="at most, of each scan")
    parser.add_argument("--made-up", type=int, default=1, help="volumes of either kind")
    parser.add_argument("-o", "--output", type=Path, help="CSV of every end slice")
    options = parser.parse_args()
    size = (options.made_up, options.scans, options.structures)
    rows = [
        row
        for structure in structures(options.data, RECIPE, *size)
        for row in measure(structure, options.engine)
    ]
    columns = ["set", "name", "slice", "beyond", "confidence", "uncertainty", "dice"]
    found = pd.DataFrame(rows, columns=columns)
    if options.output is not None:
        found.to_csv(options.output, index=False)
    print(table(found))


if __name__ == "__main__":
    main()
