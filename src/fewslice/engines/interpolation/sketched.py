"""Slices of which a person marked only a few voxels, beside slices drawn as a whole.

A click or a short stroke is no outline: the voxels nearest to it are not all of its kind. Where
whole slices show a structure, the marks are therefore known voxels and nothing else; taking them
for outlines made answers far worse than leaving them out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fewslice.typing import BoolArray, Float32Array

_NEARLY_ALL = 0.8  # of an expected outline
_LITTLE = 0.2  # of a slice; clicks and strokes are a few hundredths
_MOSTLY = 0.5  # of one that counts as drawn


def is_sketched(known: BoolArray) -> bool:
    """Whether so little of a slice (rows, columns) is known that it outlines nothing."""
    return float(known.mean()) < _LITTLE


def is_drawn(known: BoolArray) -> bool:
    """Whether so much of a slice (rows, columns) is known that it stands for what was not drawn.

    Scribbles all over a slice are neither this nor a sketch, but outlines as good as there are.
    """
    return float(known.mean()) >= _MOSTLY


def expected_outline(at: int, drawn: Sequence[tuple[int, Float32Array]]) -> Float32Array:
    """Return the signed distance (mm) that drawn slices let expect on another slice.

    at: index of that slice. drawn: index and signed distance (rows, columns) of other slices of the
    plane that hold the structure, at least one. Beyond them the nearest one goes on.
    """
    below = max((one for one in drawn if one[0] < at), key=lambda one: one[0], default=None)
    above = min((one for one in drawn if one[0] > at), key=lambda one: one[0], default=None)
    if below is None or above is None:
        return (below or above or drawn[0])[1]
    part = np.float32((at - below[0]) / (above[0] - below[0]))
    between: Float32Array = (1 - part) * below[1] + part * above[1]
    return between


def is_ruled_out(expected: Float32Array, outside: BoolArray) -> bool:
    """Whether a person said of nearly all of an expected outline that it is not there.

    expected: signed distance (rows, columns). outside: what is known not to be the structure.
    """
    there = expected > 0
    return bool(there.any()) and float(outside[there].mean()) >= _NEARLY_ALL
