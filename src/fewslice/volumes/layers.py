"""Layers: thin structures that cross the field of view from border to border.

One slice of an organ says how far it may go on: about its radius. A layer is different: where it is
cut off by both borders of a slice it is likely to be cut off by those of the scan, too, as those of
a retina are in OCT. Its area says nothing of that.
"""

from __future__ import annotations

import numpy as np

from fewslice.typing import BoolArray

_THIN = 0.125
"""A layer is at most as thick as this part of what it crosses (docs/results/pieces.md)."""

_UNBROKEN = 0.6
"""It is there over at least this part of its way; at a fovea some layers are gone."""


def is_layer(mask: BoolArray, steps: tuple[float, float]) -> bool:
    """Return whether a structure on a slice of a scan is a layer.

    mask: (rows, columns), the whole slice. steps: mm between rows and between columns.
    """
    return _along_rows(mask, steps) or _along_rows(mask.T, steps[::-1])


def _along_rows(mask: BoolArray, steps: tuple[float, float]) -> bool:
    """Whether a structure runs from the first column to the last, thin and almost unbroken."""
    if not (mask[:, 0].any() and mask[:, -1].any()):
        return False
    thickness = mask.sum(axis=0)
    there = np.asarray(thickness > 0)
    if there.mean() < _UNBROKEN:
        return False
    return bool(thickness[there].mean() * steps[0] <= _THIN * len(there) * steps[1])
