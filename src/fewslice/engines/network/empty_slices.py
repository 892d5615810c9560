"""Slices that were said to hold nothing, where the answer would hold nothing there anyway.

Such a slice tells next to nothing. Yet as one that was drawn it is an example for the network, an
end for the outlines and background for the walk, and the answer shrinks away from it: where few
thick slices hold a structure, a quarter of those rightly said to be empty lowered Dice
(`docs/results/empty-slices.md`). So an answer is first made without them, and they count only if it
shows a structure on one of them or farther out.

They also count if the answer ends well before them. Beyond slices drawn close together, or a single
one, answers are mostly too short, and an empty slice farther out draws them out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, SliceIndex, on_slice
from fewslice.engines.base import Progress, part
from fewslice.engines.kept import KeptAnswer
from fewslice.engines.network.planes import PlaneAnswer
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.working_grid import WorkingGrid

Answer = tuple[PlaneAnswer, tuple[KeptAnswer, ...]]
"""What is answered on a working grid, and what to keep of it."""

_WELL_BEFORE = 2.0  # times as far away as the answer's end; chosen on training scans


def answered_where_told(
    ask: Callable[[Annotation, Progress], Answer], annotation: Annotation, progress: Progress
) -> Answer:
    """Return an answer from what is drawn, and from empty slices if these tell something.

    ask: answers from an annotation; it is asked twice if they do. What is kept knows all slices.
    """
    empty = empty_slices(annotation)
    if not empty:
        return ask(annotation, progress)
    found, kept = ask(_without(annotation, empty), part(progress, 0, 0.5))
    if told_by(empty, found, annotation):
        return ask(annotation, part(progress, 0.5, 1))
    return found, tuple(_knowing(one, empty) for one in kept)


def empty_slices(annotation: Annotation) -> tuple[SliceIndex, ...]:
    """Return the annotated slices on which every voxel is known to be background, ascending."""
    return tuple(
        place for place in annotation.slices if not annotation.labels[on_slice(*place)].any()
    )


def told_by(empty: Sequence[SliceIndex], answer: PlaneAnswer, annotation: Annotation) -> bool:
    """Return whether empty slices tell what an answer from the others does not know.

    They do if it shows a structure on one of them or farther out: before its first drawn voxel that
    is all before the slice, after its last all after it, and between them the slice alone. They do
    as well if the answer ends less than half of the way from what is drawn to the next of them.
    """
    for share, value in zip(answer.on(answer.grid), annotation.drawn_values, strict=True):
        for axis in {axis for axis, _ in empty}:
            drawn = _extent(annotation, value, axis)
            highest = _highest(share, answer.grid, axis, annotation.labels.shape[axis])
            held = np.flatnonzero(highest > 0.5)
            own = [index for other, index in empty if other == axis]
            if _far(held, own, drawn) or any(_shown(held, index, drawn) for index in own):
                return True
    return False


def _shown(held: npt.NDArray[np.intp], index: int, drawn: tuple[int, int]) -> bool:
    """Return whether an answer holds something on a slice or farther out than it.

    held: the slices that it holds something on. drawn: the first and last slice with a drawn voxel.
    """
    first, last = drawn
    if index < first:
        return bool((held <= index).any())
    return bool((held >= index).any() if index > last else (held == index).any())


def _far(held: npt.NDArray[np.intp], empty: Sequence[int], drawn: tuple[int, int]) -> bool:
    """Return whether an answer ends well before the next empty slice, on either side."""
    first, last = drawn
    below = max((index for index in empty if index < first), default=first)
    above = min((index for index in empty if index > last), default=last)
    before, after = max(first - held.min(initial=first), 0), max(held.max(initial=last) - last, 0)
    return bool(
        first - below > _WELL_BEFORE * (before + 1) or above - last > _WELL_BEFORE * (after + 1)
    )


def _without(annotation: Annotation, empty: Sequence[SliceIndex]) -> Annotation:
    """Return an annotation as if nobody had looked at some empty slices."""
    kept = tuple(place for place in annotation.slices if place not in empty)
    doubts = tuple(doubt for doubt in annotation.doubts if doubt[0] not in empty)
    return replace(annotation, slices=kept, main_axis=annotation.axis, doubts=doubts)


def _knowing(kept: KeptAnswer, empty: Sequence[SliceIndex]) -> KeptAnswer:
    own = (place for place in empty if not kept.alone or place[0] == kept.axis)
    return replace(kept, slices=kept.slices | set(own))


def _extent(annotation: Annotation, value: int, axis: int) -> tuple[int, int]:
    """Return the first and last slice across an axis that holds a drawn voxel of a structure."""
    held: set[int] = set()
    for other, index in annotation.drawn_slices:
        drawn = annotation.labels[on_slice(other, index)] == value
        if other == axis:
            held |= {index} if drawn.any() else set()
        else:
            along = inplane_axes(other).index(axis)
            held |= set(np.flatnonzero(drawn.any(axis=1 - along)).tolist())
    return min(held), max(held)


def _highest(share: Float32Array, grid: WorkingGrid, axis: int, length: int) -> Float32Array:
    """Return the highest probability on each of `length` slices of the scan across an axis."""
    profile = grid.up(share.max(axis=inplane_axes(axis))[None], (axis,))[0]
    highest = np.zeros(length, dtype=np.float32)
    highest[grid.region.start[axis] : grid.region.stop[axis]] = profile
    return highest
