"""What aligning slices that lie out of place is worth, and which scans it touches.

    python -m benchmarks.displaced [--volumes N] [--data DIR]

Made-up OCT, whose B-scans the eye has moved (`fewslice.pretraining.generators.oct_layers`): Dice on
strided slices that were not annotated, as they lie and aligned. With --data: for how many
structures of every data set there slices would be aligned, with the middle slice of each drawn.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.accuracy import markdown
from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines import ENGINES, Scan
from fewslice.engines.aligned import Aligned, find_shifts
from fewslice.engines.base import Prediction
from fewslice.pretraining.generators.oct_layers import FLUID, random_oct
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes

_ENGINES = ("interpolation", "random-walker", "auto")
_FIRST_SEED = 1000
_LEAST = 7  # slices that hold the structure


def tasks(volumes: int) -> Iterator[tuple[str, Scan, BoolArray, int]]:
    """Yield kind, scan, structure (i, j, k) and axis: fluid, and a layer, of made-up retinas."""
    found = {"fluid": 0, "layer": 0}
    seed = _FIRST_SEED
    while min(found.values()) < volumes:
        volume = random_oct(np.random.default_rng(seed))
        seed += 1
        axis = int(np.argmax(volume.scan.spacing))
        for kind, mask in (("fluid", volume.labels >= FLUID), ("layer", volume.labels == 3)):
            if found[kind] < volumes and len(_holding(mask, axis)) >= _LEAST:
                found[kind] += 1
                yield kind, volume.scan, mask, axis


def _holding(mask: BoolArray, axis: int) -> npt.NDArray[np.intp]:
    return np.flatnonzero(mask.any(axis=inplane_axes(axis)))


def drawn(mask: BoolArray, axis: int, count: int) -> Annotation:
    """Return an annotation of the midpoints of equal parts of a structure's extent."""
    holding = _holding(mask, axis)
    middles = ((np.arange(count) + 0.5) * len(holding) / count).astype(int)
    labels = np.zeros(mask.shape, dtype=np.uint8)
    for index in holding[middles].tolist():
        labels[on_slice(axis, index)] = mask[on_slice(axis, index)]
    return Annotation(labels, tuple((axis, int(index)) for index in holding[middles]))


def dice(prediction: Prediction, mask: BoolArray, annotation: Annotation) -> float:
    """Return Dice on the slices that were not annotated."""
    axis, region = annotation.axis, prediction.region
    found = np.moveaxis(prediction.probability[1] > prediction.probability[0], axis, 0)
    there = np.moveaxis(mask, axis, 0)
    total = int(there.sum()) - sum(int(there[at].sum()) for at in annotation.along(axis))
    left = ~np.isin(np.arange(region.start[axis], region.stop[axis]), annotation.along(axis))
    found, there = found[left], np.moveaxis(mask[region.slices], axis, 0)[left]
    return float(2 * (found & there).sum() / max(found.sum() + total, 1))


def made_up(volumes: int) -> str:
    """Return the table of Dice as slices lie and aligned."""
    rows = []
    for kind, scan, mask, axis in tasks(volumes):
        for count in (3, 5):
            annotation = drawn(mask, axis, count)
            aligned = find_shifts(scan, annotation) is not None
            for name in _ENGINES:
                as_is = ENGINES[name].prepare(scan).predict(annotation)
                put = Aligned(ENGINES[name]).prepare(scan).predict(annotation)
                both = dice(as_is, mask, annotation), dice(put, mask, annotation)
                rows.append((kind, count, aligned, name, *both))
    frame = pd.DataFrame(rows, columns=["kind", "slices", "aligned", "engine", "as is", "put"])
    lines = []
    for keys, part in frame.groupby(["kind", "slices", "engine"], sort=False):
        change = part["put"] - part["as is"]
        touched = f"{int(part['aligned'].sum())} of {len(part)}"
        means = f"{part['as is'].mean():.3f}", f"{part['put'].mean():.3f}"
        lines.append([*map(str, keys), touched, *means, f"{change.min():+.3f}"])
    head = ["what", "slices", "engine", "aligned", "as they lie", "put in place", "worst change"]
    return markdown(head, lines)


def touched(data: Path) -> str:
    """Return how many structures' scans would be aligned, of all data sets in a folder."""
    from fewslice.evaluation.dataset import find_dataset
    from fewslice.io import read_image, read_labels

    rows = []
    for folder in sorted(path for path in data.iterdir() if any(path.glob("imagesT?"))):
        part = "Ts" if (folder / "imagesTs").is_dir() else "Tr"
        counts = [0, 0]
        for case in find_dataset(folder, part, 12).cases:
            image, labels = read_image(case.images[0]), read_labels(case.labels)
            scan = Scan.of(image)
            axis = int(np.argmax(scan.spacing))
            for value in np.unique(labels.array[labels.array > 0])[:10]:
                shifts = find_shifts(scan, drawn(labels.array == value, axis, 1))
                counts[0] += shifts is not None
                counts[1] += 1
        rows.append([folder.name, part, f"{counts[0]} of {counts[1]}"])
    return markdown(["data set", "part", "structures whose slices would be aligned"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--volumes", type=int, default=14, help="made-up ones of each kind")
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    print(made_up(options.volumes), "\n", sep="")
    if options.data is not None:
        print(touched(options.data))


if __name__ == "__main__":
    main()
