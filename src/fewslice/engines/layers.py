"""Layers: thin structures that cross the field of view from border to border.

One slice of an organ says how far it may go on: about its radius. A layer is different: where it is
cut off by both borders of a slice it is likely to be cut off by those of the scan, too, as those of
a retina are in OCT. Its area says nothing of that.
"""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import drawn_voxels
from fewslice.typing import BoolArray
from fewslice.volumes.image import LabelArray

_THIN = 0.125
"""A layer is at most as thick as this part of what it crosses (docs/results/pieces.md)."""

_UNBROKEN = 0.6
"""It is there over at least this part of its way; at a fovea some layers are gone."""


def shows_layer(labels: LabelArray, steps: tuple[float, float]) -> bool:
    """Return whether a structure drawn on a slice is a layer.

    labels: (rows, columns), 0 background, 255 not looked at. steps: mm between rows and columns.
    """
    drawn = drawn_voxels(labels)
    cut = [drawn.take((0, -1), axis).any(axis=1 - axis).all() for axis in (0, 1)]
    if not any(cut):
        return False
    structures = [labels == value for value in np.unique(labels[drawn])]
    return any(_along_rows(one, steps) or _along_rows(one.T, steps[::-1]) for one in structures)


def _along_rows(mask: BoolArray, steps: tuple[float, float]) -> bool:
    """Whether a structure runs from the first column to the last, thin and almost unbroken."""
    thickness = mask.sum(axis=0)
    there = np.asarray(thickness > 0)
    if not (there[0] and there[-1]) or there.mean() < _UNBROKEN:
        return False
    return bool(thickness[there].mean() * steps[0] <= _THIN * len(there) * steps[1])
