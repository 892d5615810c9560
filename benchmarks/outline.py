"""How good an outline from a box or from one point is: Dice on slices of labelled scans.

    python -m benchmarks.outline --data DATA --sets 101,102,103,104,110 --part Ts

On three slices of each structure (a quarter, a half and three quarters of its extent): the tight
box around it, the same box two pixels wider on every side, and the point farthest from its edge.
Beside them the ellipse inscribed in the tight box. Prints a Markdown table of mean Dice.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import distance_transform_edt
from tqdm import tqdm

from fewslice.annotation.planes import annotation_axis
from fewslice.engines.outline import Box, outline_around, outline_in_box
from fewslice.evaluation.dataset import find_dataset, read_case
from fewslice.metrics.overlap import dice
from fewslice.volumes.geometry import inplane_axes

_FEWEST = 20  # pixels of a structure on a slice
WAYS = ("ellipse", "tight box", "wider box", "point")


def slices(
    folder: Path, part: str, most: int
) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Yield image (channel, rows, columns) and mask of the chosen slices."""
    for case in tqdm(find_dataset(folder, part, most).cases, desc=folder.name):
        image, labels = read_case(case)
        axis = annotation_axis(labels.geometry)
        channels = image.array[None] if image.array.ndim == 3 else image.array
        for value in np.setdiff1d(labels.values, [0, 255]):
            mask = labels.array == value
            holding = np.flatnonzero(mask.any(axis=inplane_axes(axis)))
            for share in (0.25, 0.5, 0.75):
                index = int(holding[int(share * (len(holding) - 1))])
                drawn = mask.take(index, axis)
                if drawn.sum() >= _FEWEST:
                    yield channels.take(index, 1 + axis), drawn


def scores(image: npt.NDArray[Any], mask: npt.NDArray[Any]) -> dict[str, float]:
    tight, wider = box_around(mask, 0), box_around(mask, 2)
    point = np.zeros_like(mask)
    point[np.unravel_index(distance_transform_edt(mask).argmax(), mask.shape)] = True
    return {
        "ellipse": dice(ellipse(mask.shape, tight), mask),
        "tight box": dice(outline_in_box(image, tight), mask),
        "wider box": dice(outline_in_box(image, wider), mask),
        "point": dice(outline_around(image, point), mask),
    }


def box_around(mask: npt.NDArray[Any], margin: int) -> Box:
    sides = []
    for axis in (0, 1):
        touched = np.flatnonzero(mask.any(axis=1 - axis))
        first, stop = int(touched[0]) - margin, int(touched[-1]) + 1 + margin
        sides.append(slice(max(first, 0), min(stop, mask.shape[axis])))
    return sides[0], sides[1]


def ellipse(shape: tuple[int, ...], box: Box) -> npt.NDArray[Any]:
    middles = [(part.start + part.stop - 1) / 2 for part in box]
    halves = [max((part.stop - part.start) / 2, 0.5) for part in box]
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    across = ((rows - middles[0]) / halves[0]) ** 2 + ((columns - middles[1]) / halves[1]) ** 2
    return np.asarray(across <= 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default="101,102,103,104,110")
    parser.add_argument("--part", default="Ts")
    parser.add_argument("--most", type=int, default=12, help="cases of each set")
    given = parser.parse_args()
    print(f"| set | slices | {' | '.join(WAYS)} |\n|---|---|{'---|' * len(WAYS)}")
    for number in given.sets.split(","):
        folder = next(given.data.glob(f"Dataset{number}_*"))
        found = pd.DataFrame(
            [scores(*each) for each in slices(folder, given.part, given.most)], columns=list(WAYS)
        )
        means = " | ".join(f"{found[way].mean():.3f}" for way in WAYS)
        print(f"| {folder.name} | {len(found)} | {means} |", flush=True)


if __name__ == "__main__":
    main()
