"""What peers are asked: the arrays that one task becomes, in every variant of every peer.

A peer has options that nobody who draws would know best, so each is asked in several variants, and
`benchmarks/peers.py` counts the one that does best on a set.

fill between slices: with a ball or a cross, and with a distance transform or repeated dilations.

grow from seeds: the drawn slices are seeds, the structure as 1 and all the rest of the slice as 2,
in the box of what was drawn, grown by 35 % of its size and by at least three voxels on every side,
as 3D Slicer does it. Across the slices that is 35 % of their own extent ("slices"), which is next
to nothing for a single slice; so a variant grows the box there by 35 % of the longest side in the
plane, in mm, where that is more ("length"). Nothing says "not here" beyond the outermost slices, so
another variant makes all faces of the box background ("closed"). Of several channels each is tried,
for the filter takes one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import on_slice
from fewslice.evaluation.task import Task
from fewslice.typing import BoolArray
from fewslice.volumes.region import Region, bounding_region

FILL = "fill between slices"
GROW = "grow from seeds"
PEERS = (FILL, GROW)
GROWTH = 0.35
LEAST_MARGIN = 3
STRUCTURE, BACKGROUND = 1, 2

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Question:
    """One task for one variant of a peer. arrays: slices first, of the region alone."""

    peer: str
    variant: str
    region: Region
    arrays: Arrays

    def whole(self, answer: BoolArray, task: Task) -> BoolArray:
        """Return an answer to the arrays as a mask of the whole scan, (i, j, k)."""
        mask = np.zeros(task.mask.shape, dtype=np.bool_)
        mask[self.region.slices] = np.moveaxis(answer, 0, task.revealed.axis)
        return mask


def questions(task: Task) -> Iterator[Question]:
    """Yield all variants of both peers."""
    yield from fill_questions(task)
    yield from grow_questions(task)


def fill_questions(task: Task) -> Iterator[Question]:
    drawn = task.revealed.sparse_labels(task.mask)
    region = bounding_region(drawn > 0).grown((1, 1, 1), task.image.geometry.shape)
    labels = slices_first(drawn[region.slices], task.revealed.axis)
    for shape, way in product(("cross", "ball"), ("distances", "dilations")):
        options = {"ball": shape == "ball", "distance_transform": way == "distances"}
        arrays = {"labels": labels} | {name: np.array(on) for name, on in options.items()}
        yield Question(FILL, f"{shape}, {way}", region, arrays)


def grow_questions(task: Task) -> Iterator[Question]:
    axis = task.revealed.axis
    seeds = seeds_of(task)
    for across, ends, (number, channel) in product(
        ("slices", "length"), ("open", "closed"), enumerate(task.image.channels)
    ):
        region = grown_region(task, across)
        inside = slices_first(seeds[region.slices], axis).copy()
        if ends == "closed":
            close(inside)
        image = slices_first(channel[region.slices], axis).astype(np.float32)
        several = f", channel {number}" if len(task.image.channels) > 1 else ""
        variant = f"{across}, {ends}{several}"
        yield Question(GROW, variant, region, {"image": image, "seeds": inside})


def seeds_of(task: Task) -> npt.NDArray[np.uint8]:
    """Return 1 for the structure and 2 for the rest on annotated slices, and 0 elsewhere."""
    seeds = task.revealed.sparse_labels(task.mask)
    for axis, index in task.revealed.annotated:
        place = on_slice(axis, index)
        seeds[place] = np.where(task.mask[place], STRUCTURE, BACKGROUND)
    return seeds


def close(seeds: npt.NDArray[np.uint8]) -> None:
    """Make the faces of a box background where nothing else is said, in place."""
    faces = np.ones(seeds.shape, dtype=np.bool_)
    faces[1:-1, 1:-1, 1:-1] = False
    seeds[faces & (seeds == 0)] = BACKGROUND


def grown_region(task: Task, across: str) -> Region:
    """Return the box of what was drawn, grown by 35 %; `across`: "slices" or "length"."""
    geometry, axis = task.image.geometry, task.revealed.axis
    box = bounding_region(task.revealed.sparse_labels(task.mask) > 0)
    margins = [max(LEAST_MARGIN, ceil(GROWTH * size)) for size in box.shape]
    if across == "length":
        pairs = zip(box.shape, geometry.spacing, strict=True)
        sides = [size * step for at, (size, step) in enumerate(pairs) if at != axis]
        margins[axis] = max(margins[axis], ceil(GROWTH * max(sides) / geometry.spacing[axis]))
    return box.grown(margins, geometry.shape)


def slices_first(array: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    return np.ascontiguousarray(np.moveaxis(array, axis, 0))
