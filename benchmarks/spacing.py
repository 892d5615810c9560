"""How often a wrong spacing is noticed in the image, and how often a right one is doubted.

    python -m benchmarks.spacing [--data DIR] [--cases N]

Training scans only. As they are; with thick slices made of isotropic ones (the mean of five, and
the same with noise); and made-up OCT. A spacing is swapped between the coarsest axis and each axis
that is less than half as coarse.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.accuracy import markdown
from fewslice.pretraining.generators.oct_layers import random_oct
from fewslice.volumes.correlation_length import correlation_lengths, disagreement
from fewslice.volumes.spacing import CONTRADICTION

SETS = ("004", "101", "105", "106", "108", "109", "110", "113", "114", "115")
THICK = 5
FEWEST = 30  # voxels along each axis of scans that are made thick
_NOISE = 0.3  # standard deviations of the image
_COARSER = 2.0
_OCT = 20

Array = npt.NDArray[Any]
Case = tuple[str, Array, tuple[float, float, float]]


def files(data: Path, number: str, most: int | None, part: str = "Tr") -> list[Path]:
    """Return scans of a part of a set, evenly chosen if there are more than `most`."""
    found = sorted(data.glob(f"Dataset{number}_*/images{part}/*_0000.nii.gz"))
    return found if most is None else found[:: max(1, -(-len(found) // most))]


def read(path: Path) -> tuple[Array, tuple[float, float, float]]:
    """Return the first channel and its spacing in mm."""
    image = nibabel.load(path)
    array = np.asarray(image.dataobj)
    i, j, k = (float(step) for step in image.header.get_zooms()[:3])
    return array[..., 0] if array.ndim == 4 else array, (i, j, k)


def isotropic(spacing: tuple[float, float, float]) -> bool:
    """Whether voxels are nearly cubes."""
    return max(spacing) < 1.2 * min(spacing)


def thick(array: Array, axis: int) -> Array:
    """Return the mean of every five slices across an axis."""
    turned = np.moveaxis(array, axis, 0)
    count = len(turned) // THICK
    slabs = turned[: count * THICK].reshape(count, THICK, *turned.shape[1:])
    return np.moveaxis(slabs.mean(axis=1, dtype=np.float32), 0, axis)


def scans(data: Path, most: int | None) -> Iterator[Case]:
    """Yield the name of a set, intensities and the right spacing."""
    for number in SETS:
        for path in files(data, number, most):
            array, spacing = read(path)
            yield number, array, spacing
            if isotropic(spacing) and min(array.shape) >= FEWEST:
                rng = np.random.default_rng(0)
                for axis in range(3):
                    slabs = thick(array, axis)
                    i, j, k = (s * (THICK if at == axis else 1) for at, s in enumerate(spacing))
                    yield f"{number} thick", slabs, (i, j, k)
                    noise = rng.normal(0, _NOISE * float(slabs.std()), slabs.shape)
                    yield f"{number} thick, noise", slabs + noise, (i, j, k)
    for seed in range(_OCT):
        volume = random_oct(np.random.default_rng(seed))
        yield "made-up OCT", volume.scan.channels[0], volume.scan.spacing


def swapped(spacing: tuple[float, float, float]) -> Iterator[tuple[float, ...]]:
    """Yield spacings with the coarsest step exchanged for one that is clearly finer."""
    coarsest = int(np.argmax(spacing))
    for axis in range(3):
        if spacing[coarsest] > _COARSER * spacing[axis]:
            steps = list(spacing)
            steps[axis], steps[coarsest] = steps[coarsest], steps[axis]
            yield tuple(steps)


def table(data: Path, most: int | None) -> str:
    """Return false alarms and hits by set."""
    rows = []
    for name, array, spacing in scans(data, most):
        start = time.perf_counter()
        lengths = correlation_lengths(array)
        seconds = time.perf_counter() - start
        right = 1.0 if lengths is None else disagreement(spacing, lengths)[0]
        wrong = [
            1.0 if lengths is None else disagreement(each, lengths)[0] for each in swapped(spacing)
        ]
        rows.append((name, right, wrong, seconds))
    found = pd.DataFrame(rows, columns=["set", "right", "wrong", "seconds"])
    lines = []
    for of_set, group in found.groupby("set", sort=False):
        factors = np.concatenate([np.asarray(each, float) for each in group["wrong"]])
        hits = int((factors > CONTRADICTION).sum())
        alarms = int((group["right"] > CONTRADICTION).sum())
        lines.append(
            {
                "set": str(of_set),
                "scans": len(group),
                "right: median": f"{group['right'].median():.2f}",
                "right: largest": f"{group['right'].max():.2f}",
                "false alarms": f"{alarms} of {len(group)}",
                "swapped: median": f"{np.median(factors):.1f}" if factors.size else "",
                "noticed": f"{hits} of {factors.size}" if factors.size else "",
                "slowest (s)": f"{group['seconds'].max():.3f}",
            }
        )
    return markdown(list(lines[0]), [[str(value) for value in line.values()] for line in lines])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cases", type=int)
    options = parser.parse_args()
    print(table(options.data, options.cases))
