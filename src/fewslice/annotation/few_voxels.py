"""Structures of which hardly any voxels are drawn, as a slip of the hand leaves them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.annotation.phrases import counted
from fewslice.errors import Remark

_FEW = 5  # voxels; a structure that was meant has more


def few_voxels(annotation: Annotation) -> dict[int, int]:
    """Return the structures of which hardly any voxels are drawn, with how many, ascending."""
    found: dict[int, set[tuple[int, ...]]] = {value: set() for value in annotation.drawn_values}
    for axis, index in annotation.slices:
        labels = np.ascontiguousarray(annotation.labels[on_slice(axis, index)])
        for value in list(found):
            here = labels == value
            count = np.count_nonzero(here)
            if count < _FEW:
                # By their places: where slices of two planes cross, they are met twice.
                places = np.insert(np.argwhere(here), axis, index, axis=1)
                found[value].update(map(tuple, places.tolist()))
            if count >= _FEW or len(found[value]) >= _FEW:
                del found[value]
        if not found:
            break
    return {value: len(places) for value, places in found.items()}


def few_voxels_remarks(voxels: Mapping[int, int]) -> tuple[Remark, ...]:
    """Say which structures have hardly any voxels. voxels: how many of each."""
    return tuple(
        Remark(
            "few-voxels-in-all",
            f"Label {{}} holds only {counted(count, 'voxel')}; erase it if it was a slip of the "
            "hand.",
            (value,),
        )
        for value, count in voxels.items()
        if count < _FEW
    )
