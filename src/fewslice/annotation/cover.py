"""Which slices explain what is drawn in a label map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN, LabelArray
from fewslice.volumes.memory_order import by_memory


def _touched(drawn: BoolArray, axis: int) -> set[SliceIndex]:
    others = inplane_axes(axis)
    return {(axis, int(index)) for index in np.flatnonzero(drawn.any(axis=others))}


def _voxels_per_slice(drawn: BoolArray, axis: int) -> npt.NDArray[np.intp]:
    others = inplane_axes(axis)
    return np.asarray(np.count_nonzero(drawn, axis=others), dtype=np.intp)


def covering_slices(drawn: BoolArray, axes: tuple[int, ...], preferred: int) -> set[SliceIndex]:
    """Return the slices that explain the drawn voxels.

    Those of one of the axes (the one with fewest slices, in doubt the preferred one), unless
    slices of several planes explain the voxels with at most half as many.
    """
    if not drawn.any():
        return set()
    touched = {axis: _touched(drawn, axis) for axis in axes}
    one = min(axes, key=lambda axis: (len(touched[axis]), axis != preferred, axis))
    mixed = _greedy_cover(drawn, most=len(touched[one]) // 2)
    return mixed if mixed is not None else touched[one]


def _greedy_cover(drawn: BoolArray, most: int) -> set[SliceIndex] | None:
    """Cover the drawn voxels by slices, fullest first; None if more than `most` are needed."""
    fullest = max(int(_voxels_per_slice(drawn, axis).max()) for axis in range(3))
    if np.count_nonzero(drawn) > most * fullest:  # a whole organ: not worth listing its voxels
        return None
    voxels = np.argwhere(drawn)
    chosen: set[SliceIndex] = set()
    while len(voxels):
        counts = [np.bincount(voxels[:, axis]) for axis in range(3)]
        axis = max(range(3), key=lambda axis: int(counts[axis].max()))
        index = int(counts[axis].argmax())
        if len(voxels) > (most - len(chosen)) * int(counts[axis][index]):
            return None
        chosen.add((axis, index))
        voxels = voxels[voxels[:, axis] != index]
    return chosen


def looked_at(labels: LabelArray, found: set[SliceIndex]) -> set[SliceIndex]:
    """Return further slices without a structure that somebody nevertheless looked at, in part.

    In a map that is 0 where nobody looked they hold 255; in a map that is 255 where nobody looked
    (as scribbles often are) they hold 0. They lie across the axis found in which they are fewest.
    """
    unknown = sum(np.count_nonzero(part == UNKNOWN) for part in by_memory(labels))
    if not unknown:
        return set()
    marks: BoolArray = labels == (0 if 2 * unknown > labels.size else UNKNOWN)
    for axis, index in found:
        marks[on_slice(axis, index)] = False
    axes = sorted({axis for axis, _ in found})
    return min((_touched(marks, axis) for axis in axes), key=len)
