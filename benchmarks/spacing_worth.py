"""What an estimate is worth to scans that are stripped of their spacing.

    python -m benchmarks.spacing_worth [--data DIR] [--part Tr|Ts] [--cases N] [--engine NAME]

Dice of an engine from two drawn slices, on the slices that are not drawn, with four spacings: the
right one; ones; the image's own estimate; and what fewslice assumes (ones, unless the estimate
finds one axis much coarser than the others). The scans: isotropic ones, of which ones are right, so
that an estimate can only lose; the same with every five slices averaged; and those that are not
isotropic, as they were scanned.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.accuracy import markdown
from benchmarks.spacing import FEWEST, SETS, THICK, files, isotropic, read, thick
from fewslice.annotation.finding import find_annotation
from fewslice.engines import Scan, find_engine
from fewslice.volumes.correlation_length import estimated_spacing
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.spacing import assumed_spacing

EVALUATION_ONLY = ("102", "103", "104")
KINDS = ("right", "ones", "estimate", "assumed")
_LEAST = 4  # slices that hold a structure
_MOST = 4  # structures of a scan

Array = npt.NDArray[Any]
Spacing = tuple[float, float, float]
Case = tuple[str, str, Array, Array, Spacing]


def cases(data: Path, part: str, most: int) -> Iterator[Case]:
    """Yield what a scan shows, its set, intensities, labels and the right spacing."""
    for number in (*SETS, *(EVALUATION_ONLY if part == "Ts" else ())):
        for path in files(data, number, most, part):
            array, spacing = read(path)
            labels = np.asarray(nibabel.load(_labels_of(path)).dataobj).astype(np.uint16)
            if not isotropic(spacing):
                yield "as scanned", number, array, labels, spacing
                continue
            yield "isotropic", number, array, labels, spacing
            if min(array.shape) >= FEWEST:
                slabs = thick(array, 2)
                middles = labels[..., THICK // 2 :: THICK][..., : slabs.shape[2]]
                steps = (spacing[0], spacing[1], THICK * spacing[2])
                yield "thick slices", number, slabs, middles, steps


def _labels_of(path: Path) -> Path:
    folder = path.parent.name.replace("images", "labels")
    return path.parent.parent / folder / path.name.replace("_0000.nii.gz", ".nii.gz")


def scores(case: Case, engine: str) -> Iterator[dict[str, Any]]:
    """Yield the Dice of every structure by kind of spacing."""
    shows, number, array, truth, right = case
    spacings = {
        "right": right,
        "ones": (1.0, 1.0, 1.0),
        "estimate": estimated_spacing(array) or (1.0, 1.0, 1.0),
        "assumed": assumed_spacing(array),
    }
    axis = 2 if isotropic(right) else int(np.argmax(right))
    for value in np.unique(truth[(truth > 0) & (truth != 255)])[:_MOST]:
        mask = truth == value
        made = _draw(mask, axis)
        if made is None:
            continue
        labels, drawn = made
        left = np.setdiff1d(np.arange(mask.shape[axis]), drawn)
        dice: dict[Spacing, float] = {}
        for spacing in set(spacings.values()):
            answer = _answer(engine, array, labels, spacing, axis)
            dice[spacing] = _dice(answer.take(left, axis), mask.take(left, axis))
        found = {kind: dice[spacings[kind]] for kind in KINDS}
        yield {"scans": shows, "set": number, **found}


def _draw(mask: Array, axis: int) -> tuple[Array, Array] | None:
    """Return two slices of a structure, as drawn, and where; None if it is on too few."""
    by_slice = np.moveaxis(mask, axis, 0)
    holding = np.flatnonzero(by_slice.any(axis=(1, 2)))
    if len(holding) < _LEAST:
        return None
    drawn = holding[[len(holding) // 4, (3 * len(holding)) // 4]]
    labels = np.zeros(by_slice.shape, np.uint8)
    labels[drawn] = by_slice[drawn]
    return np.moveaxis(labels, 0, axis), drawn


def _answer(engine: str, array: Array, labels: Array, spacing: Spacing, axis: int) -> Array:
    """Return where the engine finds the structure."""
    others = inplane_axes(axis)
    named = tuple((axis, int(at)) for at in np.flatnonzero(labels.any(axis=others)))
    annotation = find_annotation(labels, Geometry.from_spacing(labels.shape, spacing), named)
    scan = Scan.from_spacing(np.asarray(array, np.float32)[np.newaxis], spacing)
    prediction = find_engine(engine).prepare(scan).predict(annotation)
    answer = np.zeros(labels.shape, bool)
    answer[prediction.region.slices] = prediction.probability[1] > prediction.probability[0]
    return answer


def _dice(one: Array, other: Array) -> float:
    return float(2 * (one & other).sum() / max(one.sum() + other.sum(), 1))


def table(found: pd.DataFrame) -> str:
    """Return the mean Dice by kind of scan and set; means are over sets."""
    rows = []
    for shows, group in found.groupby("scans", sort=False):
        means = group.groupby("set", sort=False)[list(KINDS)].mean()
        counts = group.groupby("set", sort=False).size()
        rows += [
            [str(shows), str(number), str(counts[number]), *_text(means.loc[number])]
            for number in means.index
        ]
        rows.append([str(shows), "mean of sets", str(len(group)), *_text(means.mean())])
    return markdown(["scans", "set", "tasks", *KINDS], rows)


def _text(means: pd.Series[float]) -> list[str]:
    return [f"{means[kind]:.3f}" for kind in KINDS]


def comparison(found: pd.DataFrame) -> str:
    """Say in how many tasks what is assumed was better, and worse, than ones."""
    lines = []
    for shows, group in found.groupby("scans", sort=False):
        gain = group["assumed"] - group["ones"]
        lines.append(
            f"{shows}: what is assumed did better than ones in {int((gain > 0).sum())} tasks, "
            f"worse in {int((gain < 0).sum())} (at worst {gain.min():+.3f}) and the same in "
            f"{int((gain == 0).sum())}."
        )
    return "\n\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--part", choices=("Tr", "Ts"), default="Tr")
    parser.add_argument("--cases", type=int, default=4)
    parser.add_argument("--engine", default="random-walker")
    options = parser.parse_args()
    results = pd.DataFrame(
        [
            row
            for case in cases(options.data, options.part, options.cases)
            for row in scores(case, options.engine)
        ]
    )
    print(table(results))
    print()
    print(comparison(results))
