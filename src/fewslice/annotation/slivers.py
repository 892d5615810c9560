"""What an oblique plane leaves on slices: slivers of outlines, and strips that share nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from fewslice.annotation.along import Along, complete, runs
from fewslice.typing import BoolArray

FEW = 12  # voxels that a slip of the hand leaves at most
STRIP = 0.2  # of the voxels of the slice right beside, at most, a sliver of the same outline has
_SLIVER = 0.5  # of that slice at most, where both share nothing
_SHARED = 0.05  # of the smaller of two strips of one plane, which may be a voxel thicker


def find_strips(along: Along, slips: BoolArray) -> BoolArray:
    """Return which slices hold structures that share no voxel with themselves on the next slices.

    As strips of an oblique plane do, which slices of one structure hardly ever do.
    """
    strips: BoolArray = np.zeros(len(along.indices), dtype=bool)
    held = (along.areas > FEW) & ~slips
    holding: BoolArray = np.any(held, axis=1)
    if complete(along, holding):
        return strips
    for run in runs(along.indices):
        for column in np.flatnonzero(held[run].sum(axis=0) > 1).tolist():
            own = np.flatnonzero(held[run, column]) + run.start
            if own[-1] - own[0] >= len(own):
                continue
            masks = [along.mask(int(at), along.values[column]) for at in own]
            least = sum(min(a.sum(), b.sum()) for a, b in pairwise(masks))
            if sum(int((a & b).sum()) for a, b in pairwise(masks)) <= _SHARED * least:
                strips[own] = True
    return strips & ~along.settled


def is_sliver(along: Along, number: int, column: int) -> bool:
    """Whether few voxels lie right beside a much fuller slice and share none with it.

    As a slip of the hand lies, or what a plane tilted by a degree or two leaves of its outline. The
    end of a structure lies over the next slice.
    """
    areas, value = along.areas[:, column], along.values[column]
    for other in {number - 1, number + 1} & set(range(len(areas))):
        few = min(max(FEW, STRIP * areas[other]), _SLIVER * areas[other])
        beside = abs(int(along.indices[other] - along.indices[number])) == 1
        if beside and areas[number] <= few:
            shared = along.mask(number, value) & along.mask(other, value)
            if not shared.any():
                return True
    return False
