"""What slices of several planes are worth: crossing ones against one, and against parallel ones.

    python -m benchmarks.crossing --data DIR [--sets 101,102,103] [--engine auto] [-o CSV]

Structures held out from training (see `benchmarks.held_out`), or with --sets those of evaluation
sets. Of each the middle slices of its extent in the three planes are drawn: one alone, two that
cross, all three; and three strided ones of the plane that people draw in. Prints mean Dice over the
whole volume, what was drawn included, and how often a second, crossing slice made it worse.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import displaced
from benchmarks.accuracy import SETS, markdown
from benchmarks.held_out import RECIPE, Structure, structures
from fewslice.annotation.annotation import Annotation, SliceIndex, on_slice
from fewslice.annotation.planes import plane_axis
from fewslice.batch.jobs import Job, stream
from fewslice.engines import ENGINES, Scan
from fewslice.engines.aligned import Aligned
from fewslice.engines.base import Prediction
from fewslice.evaluation.dataset import find_dataset
from fewslice.io import read_image, read_labels
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes

_FEWEST_SLICES = 6  # along each axis
_MOST_VALUES = 8  # structures of a case


def evaluation_structures(data: Path, sets: list[str], most: int) -> Iterator[Structure]:
    """Yield the structures of evaluation sets, part Ts."""
    for number in sets:
        asked = SETS[number]
        for case in find_dataset(data / asked.folder, "Ts", most).cases:
            images, labels = [read_image(file) for file in case.images], read_labels(case.labels)
            channels = np.concatenate([image.channels for image in images])
            axis = plane_axis(labels.geometry, asked.plane)
            scan = Scan.from_spacing(channels, labels.geometry.spacing)
            for value in [one for one in labels.values if one < 200][:_MOST_VALUES]:
                yield Structure(number, f"{case.name} {value}", scan, labels.array == value, axis)


def middle(mask: BoolArray, axis: int) -> SliceIndex:
    """Return the middle of the slices across an axis that hold a structure."""
    holding = np.flatnonzero(mask.any(axis=inplane_axes(axis)))
    return axis, int(holding[len(holding) // 2])


def drawn(mask: BoolArray, places: list[SliceIndex]) -> Annotation | None:
    """Return the annotation of some slices; None if one of them misses the structure."""
    labels = np.zeros(mask.shape, dtype=np.uint8)
    for place in places:
        if not mask[on_slice(*place)].any():
            return None
        labels[on_slice(*place)] = mask[on_slice(*place)]
    return Annotation(labels, tuple(sorted(places)))


def whole_dice(prediction: Prediction, mask: BoolArray, annotation: Annotation) -> float:
    """Return Dice over the whole volume, drawn voxels as they were drawn."""
    found = np.zeros(mask.shape, dtype=bool)
    found[prediction.region.slices] = prediction.probability[1] > prediction.probability[0]
    known = annotation.known()
    found[known] = mask[known]
    return float(2 * (found & mask).sum() / max(found.sum() + mask.sum(), 1))


def questions(structure: Structure) -> Mapping[str, Annotation]:
    """Return what is drawn, by name: "0" to "2" one middle slice, "01" two, "012", "strided"."""
    mask = structure.mask
    if min(len(np.unique(at)) for at in np.nonzero(mask)) < _FEWEST_SLICES:
        return {}
    found: dict[str, Annotation] = {}
    for count in (1, 2, 3):
        for axes in combinations(range(3), count):
            annotation = drawn(mask, [middle(mask, axis) for axis in axes])
            if annotation is not None:
                found["".join(map(str, axes))] = annotation
    found["strided"] = displaced.drawn(mask, structure.axis, 3)
    return found


def measure(structure: Structure, engine: str) -> list[list[object]]:
    """Return rows (set, name, drawn, Dice)."""
    prepared = Aligned(ENGINES[engine]).prepare(structure.scan)
    return [
        [structure.of, structure.name, name, _isotropic(structure.scan), dice]
        for name, annotation in questions(structure).items()
        for dice in [whole_dice(prepared.predict(annotation), structure.mask, annotation)]
    ]


def _isotropic(scan: Scan) -> bool:
    return max(scan.spacing) < 1.5 * min(scan.spacing)


def table(found: pd.DataFrame) -> str:
    """Return Markdown: mean Dice of one, two and three slices, and of the differences."""
    rows = [_row(str(of), part) for of, part in found.groupby("set", sort=False)]
    rows.append(_row("all", found))
    head = [
        "set", "structures", "better of two single", "two crossing", "gain", "worst",
        "worse by .05", "three orthogonal", "three strided", "isotropic: orthogonal - strided",
    ]  # fmt: skip
    return markdown(head, rows)


def _row(name: str, part: pd.DataFrame) -> list[str]:
    dice = part.pivot_table(index=["set", "name"], columns="drawn", values="dice")
    pairs = [pair for pair in ("01", "02", "12") if pair in dice]
    single = pd.concat([dice[list(pair)].max(axis=1) for pair in pairs])
    double = pd.concat([dice[pair] for pair in pairs])
    held = double.notna() & single.notna()
    single, double = single[held], double[held]
    gain = double - single
    both = dice[["012", "strided"]].dropna()
    cubic = part[part["isotropic"]].groupby(["set", "name"]).first().index
    even = both[both.index.isin(cubic)]
    return [
        name,
        str(len(dice)),
        f"{single.mean():.3f}",
        f"{double.mean():.3f}",
        f"{gain.mean():+.3f}",
        f"{gain.min():+.3f}",
        f"{(gain < -0.05).sum()} of {len(gain)}",
        f"{both['012'].mean():.3f}",
        f"{both['strided'].mean():.3f}",
        f"{(even['012'] - even['strided']).mean():+.3f} ({len(even)})" if len(even) else "-",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", help="evaluation sets; held-out structures if not given")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--scans", type=int, default=3, help="at most, of each source")
    parser.add_argument("--structures", type=int, default=8, help="at most, of each scan")
    parser.add_argument("--made-up", type=int, default=3, help="volumes of either kind")
    parser.add_argument("--workers", type=int, help="processes; one per processor if not given")
    parser.add_argument("-o", "--output", type=Path, help="CSV of every answer, kept up to date")
    options = parser.parse_args()
    if options.sets:
        tasks = evaluation_structures(options.data, options.sets.split(","), options.scans)
    else:
        size = (options.made_up, options.scans, options.structures)
        tasks = structures(options.data, RECIPE, *size)
    jobs = (Job(f"{at}", (one, options.engine)) for at, one in enumerate(tasks))
    rows: list[list[object]] = []
    found = pd.DataFrame()
    for outcome in stream(measure, jobs, workers=options.workers):
        if outcome.failure is not None:
            raise SystemExit(f"{outcome.failure}\n{outcome.trace or ''}")
        rows += outcome.result
        found = pd.DataFrame(rows, columns=["set", "name", "drawn", "isotropic", "dice"])
        if options.output is not None:
            found.to_csv(options.output, index=False)
    print(table(found))


if __name__ == "__main__":
    main()
