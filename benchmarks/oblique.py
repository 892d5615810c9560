"""What is made of outlines drawn in planes that are tilted a little, and of slices drawn beside.

    python -m benchmarks.oblique [--data DIR] [--engine interpolation] [--rows] [-o CSV]

Planes through structures of the bundled scan, and of training scans in DIR, tilted by 1 to 8
degrees against each array axis; drawn is each voxel that is nearest to a plane. Dice of the whole
structure with these voxels as they are understood, with every touched slice taken as drawn in full,
and with the slice at the middle of each plane drawn instead. Of each set and tilt how often planes
were recognised, how often a remark told of doubts, how often neither although slices hold what was
not drawn, and mean Dice; with --rows every drawing. Last, how many drawings of slices in full (at
ends, side by side, in turn, at random) were taken for planes, which none should be.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.accuracy import markdown
from fewslice import segment
from fewslice.annotation.annotation import on_slice
from fewslice.annotation.finding import find_annotation
from fewslice.example import labels_path, scan_path
from fewslice.io import read_image, read_labels
from fewslice.metrics.overlap import dice
from fewslice.typing import BoolArray
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.region import Region

DEGREES, COUNTS = (1, 2, 3, 5, 8), (1, 2, 3)
_CASES = (  # data set, cases, structures of each: thick slices, coarse CT, label maps alone
    ("Dataset110_SarcomaMRI", ("STS_019", "STS_002"), 1),
    ("Dataset101_HeadNeckCT", ("pt_1",), 2),
    ("Dataset117_AnatomyLabelMaps", ("knee",), 1),
)
_MARGIN = 4
_LEAST, _MOST = 300, 500_000  # voxels of a structure; of the box around it
_AZIMUTH = 0.7  # radians, the direction of the tilt grows by that from drawing to drawing
_COLUMNS = ["set", "structure", "axis", "degrees", "planes", "found", "told", "silent"]
_DICE = ["as found", "as slices", "slices"]


@dataclass(frozen=True, eq=False)
class Structure:
    """A structure in the box around it. mask: (i, j, k)."""

    of: str
    name: str
    image: Image
    mask: BoolArray


def structures(data: Path | None) -> Iterator[Structure]:
    """Yield structures of the bundled scan, and of training scans in a folder."""
    yield from _of_scan("example", "", read_image(scan_path()), read_labels(labels_path()), 2)
    if data is None:
        return
    for folder, cases, most in _CASES:
        for case in cases:
            labels = read_labels(data / folder / "labelsTr" / f"{case}.nii.gz")
            scan = data / folder / "imagesTr" / f"{case}_0000.nii.gz"
            flat = np.zeros(labels.array.shape, dtype=np.float32)
            image = read_image(scan) if scan.exists() else Image(flat, labels.geometry)
            yield from _of_scan(folder[7:10], f"{case} ", image, labels, most)


def _of_scan(of: str, case: str, image: Image, labels: LabelMap, most: int) -> Iterator[Structure]:
    """Yield the largest structures, none of them larger than what takes seconds."""
    values, counts = np.unique(labels.array[labels.array > 0], return_counts=True)
    for at in np.argsort(-counts, kind="stable"):
        mask = labels.array == values[at]
        places = np.argwhere(mask)
        start = np.maximum(places.min(axis=0) - _MARGIN, 0)
        stop = np.minimum(places.max(axis=0) + _MARGIN + 1, mask.shape)
        if most == 0 or counts[at] < _LEAST:
            return
        if np.prod(stop - start) > _MOST:
            continue
        most -= 1
        box = Region(tuple(start.tolist()), tuple(stop.tolist())).slices
        affine = image.geometry.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ start
        part = np.ascontiguousarray(mask[box])
        around = Image(image.array[box], Geometry(part.shape, affine))
        yield Structure(of, f"{case}{values[at]}", around, part)


def in_planes(
    structure: Structure, axis: int, degrees: float, count: int, azimuth: float
) -> tuple[BoolArray, list[int]]:
    """Return the voxels nearest to tilted planes, and the slices at the middle of each.

    One plane runs through the structure's middle, several through the middles of equal parts of it.
    """
    steps = structure.image.geometry.affine[:3, :3]
    across = np.linalg.inv(steps)[axis]
    across = across / np.linalg.norm(across)
    along = steps[:, inplane_axes(axis)[0]] / np.linalg.norm(steps[:, inplane_axes(axis)[0]])
    aside = np.cos(azimuth) * along + np.sin(azimuth) * np.cross(across, along)
    angle = np.deg2rad(degrees)
    normal = (np.cos(angle) * across + np.sin(angle) * aside) @ steps  # height of a step, in mm
    voxels = np.argwhere(structure.mask)
    height = voxels @ normal / normal[axis]  # in slices
    low, high = height.min(), height.max()
    parts = low + (np.arange(count) + 0.5) / count * (high - low)
    drawn = np.zeros_like(structure.mask)
    middles = []
    for middle in [float(height.mean())] if count == 1 else parts.tolist():
        near = voxels[np.abs(height - middle) <= 0.5]
        drawn[tuple(near.T)] = True
        middles += [int(np.median(near[:, axis]))] if len(near) else []
    return drawn, sorted(set(middles))


def measure(structure: Structure, engine: str) -> Iterator[list[object]]:
    """Yield a row of each drawing whose slices hold more of the structure than was drawn."""
    azimuth = 0.0
    for axis in range(3):
        for degrees in DEGREES:
            for count in COUNTS:
                azimuth += _AZIMUTH
                drawn, middles = in_planes(structure, axis, degrees, count, azimuth)
                if drawn.any():
                    what = [structure.of, structure.name, axis, degrees, count]
                    yield [*what, *_answers(structure, axis, drawn, middles, engine)]


def _answers(
    structure: Structure, axis: int, drawn: BoolArray, middles: list[int], engine: str
) -> list[object]:
    """Return planes found, whether a remark told, whether neither did, and Dice of all three."""
    labels, image = drawn.astype(np.uint8), structure.image
    found = find_annotation(labels, image.geometry)
    told = bool(found.remarks)
    touched = drawn.any(axis=inplane_axes(axis))
    left_out = int(np.moveaxis(structure.mask, axis, 0)[touched].sum()) - int(drawn.sum())
    silent = not told and left_out > 0
    whole = np.zeros_like(labels)
    for index in middles:
        whole[on_slice(axis, index)] = structure.mask[on_slice(axis, index)]

    def answered(what: npt.NDArray[np.uint8], strict: bool) -> float:
        answer = segment(image, what, strict=strict, engine=engine).labels.array == 1
        return float(dice(answer, structure.mask))

    strict = answered(labels, True)
    as_found = answered(labels, False) if told else strict
    same = np.array_equal(whole, labels)
    return [
        len(found.planes),
        told,
        silent,
        as_found,
        strict,
        strict if same else answered(whole, True),
    ]


def taken_for_planes(structure: Structure) -> tuple[int, int]:
    """Return how many drawings of slices in full were taken for planes, and of how many."""
    rng = np.random.default_rng(0)
    taken = total = 0
    for axis in range(3):
        holding = np.flatnonzero(structure.mask.any(axis=inplane_axes(axis)))
        if len(holding) < 3:
            continue
        starts = rng.choice(len(holding) - 1, min(3, len(holding) - 1), replace=False)
        chosen = [holding[:2], holding[-2:], holding[:3], holding[-3:], holding[::2], holding]
        chosen += [holding[at : at + 2] for at in range(0, len(holding) - 1, 2)]
        chosen += [np.union1d(holding[starts], holding[starts + 1])]
        most = min(7, len(holding) + 1)
        chosen += [rng.choice(holding, rng.integers(1, most), replace=False) for _ in range(10)]
        for indices in chosen:
            labels = np.zeros(structure.mask.shape, dtype=np.uint8)
            for index in indices.tolist():
                labels[on_slice(axis, index)] = structure.mask[on_slice(axis, index)]
            taken += bool(find_annotation(labels, structure.image.geometry).planes)
            total += 1
    return taken, total


def summary(rows: pd.DataFrame) -> str:
    """Return Markdown: of each set and tilt, how many were recognised, and mean Dice."""
    lines = []
    for (of, degrees), part in rows.groupby(["set", "degrees"], sort=False):
        doubted = part["told"] & (part["found"] == 0)
        counts = [len(part), (part["found"] > 0).sum(), doubted.sum(), part["silent"].sum()]
        means = [f"{part[name].mean():.3f}" for name in _DICE]
        lines.append([str(of), str(degrees), *map(str, counts), *means])
    head = ["set", "degrees", "drawings", "recognised", "in doubt", "silent", *_DICE]
    return markdown(head, lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--engine", default="interpolation")
    parser.add_argument("--rows", action="store_true", help="print every drawing, too")
    parser.add_argument("-o", "--output", type=Path, help="CSV of every drawing")
    options = parser.parse_args()
    found: list[list[object]] = []
    slices = np.zeros(2, dtype=int)
    for structure in structures(options.data):
        found += measure(structure, options.engine)
        slices += taken_for_planes(structure)
    rows = pd.DataFrame(found, columns=_COLUMNS + _DICE)
    if options.output is not None:
        rows.round(4).to_csv(options.output, index=False)
    if options.rows:
        cells = [[str(cell) for cell in row] for row in rows.round(3).itertuples(index=False)]
        print(markdown(list(rows.columns), cells), "\n")
    print(summary(rows))
    print(f"\nSlices in full that were taken for planes: {slices[0]} of {slices[1]}.")


if __name__ == "__main__":
    main()
