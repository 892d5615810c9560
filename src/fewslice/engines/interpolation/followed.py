"""Outlines carried along with what the images show, where that foretells drawn slices better.

From one drawn slice alone nothing but the images tells how its outline changes. Between two, each
is carried to the other: where that overlaps it better than moving along with the middle
(`fewslice.engines.interpolation.centreline`) does, outlines follow the images in that gap. Beyond
the outermost slice they do as in the gap next to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from fewslice.engines.interpolation.centreline import overlap
from fewslice.engines.interpolation.slice_motion import SliceMotion
from fewslice.engines.interpolation.slice_shapes import SliceShape
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.working_grid import WorkingGrid, apply_along

Moved = Callable[[SliceShape, int, float], Float32Array]
"""Returns the signed distance of a slice's outline of a structure, moved to a position."""


@dataclass(frozen=True, eq=False)
class Carrier:
    """Carries outlines on a grid along with what the images show.

    motion: of the plane. rows, columns: float32 (pixel of the outlines, pixel of the motion), how
    the motion is interpolated. scale: rows and columns of the outlines' grid to one of the
    motion's, float32 (2, 1, 1).
    """

    motion: SliceMotion
    rows: Float32Array
    columns: Float32Array
    scale: Float32Array

    @classmethod
    def on(cls, grid: WorkingGrid, motion: SliceMotion) -> Carrier:
        """Return what carries outlines that lie on a grid of the same scan."""
        inplane = inplane_axes(motion.plane)
        rows, columns = (_interpolating(motion.grid, grid, axis) for axis in inplane)
        scale = [motion.grid.spacing[axis] / grid.spacing[axis] for axis in inplane]
        return cls(motion, rows, columns, np.array(scale, dtype=np.float32)[:, None, None])

    def carried(self, shape: SliceShape, number: int, at: float) -> Float32Array:
        """Return the signed distance (mm) of a drawn slice's outline of a structure, at a position.

        at: the position, in slices of the scan.
        """
        from scipy import ndimage

        path = self.motion.path(shape.index, at)
        path = apply_along(apply_along(path, self.rows, 1), self.columns, 2)
        places = np.indices(path.shape[1:], dtype=np.float32) + self.scale * path
        found = ndimage.map_coordinates(shape.distances[number], places, order=1, mode="nearest")
        return np.asarray(found, dtype=np.float32)


def _interpolating(known: WorkingGrid, asked: WorkingGrid, axis: int) -> Float32Array:
    """Return the matrix (pixel asked, pixel known) of linear interpolation along an axis."""
    places = np.interp(asked.centres(axis), known.centres(axis), np.arange(known.shape[axis]))
    away = np.abs(places[:, None] - np.arange(known.shape[axis]))
    return np.asarray(np.maximum(1 - away, 0), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Followed:
    """Outlines of one plane that follow what the images show.

    gaps: by structure, the drawn slices that hold it, ascending, and whether its outline follows
    between each two of them.
    """

    carrier: Carrier
    gaps: Mapping[int, tuple[tuple[int, ...], tuple[bool, ...]]] = field(default_factory=dict)

    def follows(self, number: int, drawn: int, at: float) -> bool:
        """Whether the outline of a structure on a drawn slice follows the images to a position."""
        if number not in self.gaps or at == drawn:
            return False
        indices, follows = self.gaps[number]
        if not follows:
            return True
        gap = indices.index(drawn) - (at < drawn)
        return follows[min(max(gap, 0), len(follows) - 1)]

    def outline(self, shape: SliceShape, number: int, at: float) -> Float32Array:
        """Return the signed distance (mm) of a structure's outline, carried to a position."""
        return self.carrier.carried(shape, number, at)


def followed(carrier: Carrier, shapes: Sequence[SliceShape], moved: Moved) -> Followed:
    """Return outlines that follow the images in gaps where these foretell them better.

    shapes: of the plane, on the carrier's grid. moved: what is done otherwise.
    """
    gaps = {}
    for number in np.flatnonzero(np.any([shape.present for shape in shapes], axis=0)).tolist():
        mine = sorted((one for one in shapes if one.present[number]), key=lambda one: one.index)
        better = [
            one.whole and other.whole and _foretold((one, other), number, carrier.carried, moved)
            for one, other in pairwise(mine)
        ]
        gaps[number] = (tuple(one.index for one in mine), tuple(better))
    return Followed(carrier, gaps)


def _foretold(
    pair: tuple[SliceShape, SliceShape], number: int, carried: Moved, moved: Moved
) -> bool:
    """Whether two outlines, carried to one another, overlap better than moved."""
    gain = 0.0
    for one, other in (pair, pair[::-1]):
        drawn, at = other.distances[number] > 0, float(other.index)
        gain += overlap(carried(one, number, at) > 0, drawn)
        gain -= overlap(moved(one, number, at) > 0, drawn)
    return gain > 0
