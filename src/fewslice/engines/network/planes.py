"""Answers along several planes, and what they say together.

The network answers slice by slice. Where slices of several planes are drawn it is asked once along
each of them: those of the plane are its examples, those of the others are known voxels and crossing
examples. Each answer is surest near the drawn slices of its own plane, so that answers count by
their inverse squared distance to these, as outlines do
(`fewslice.engines.interpolation.signed_distance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.engines.network.features import SliceFeatures, between
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.working_grid import WorkingGrid

_LEAST = 1e-5  # probability of the background that odds are taken against
_NEAR = 0.25  # radii of a structure over which one plane's slices stay as good as they are


@dataclass(frozen=True, eq=False)
class PlaneAnswer:
    """What was answered along one plane.

    axis: array axis across its slices. indices: those of the scan that are drawn. grid, features:
    the working grid and what is known on it. odds: float32 (slice, structure, rows, columns),
    against the background.
    """

    axis: int
    indices: tuple[int, ...]
    grid: WorkingGrid
    features: SliceFeatures
    odds: Float32Array

    def on(self, grid: WorkingGrid) -> Float32Array:
        """Return the probability of each structure on another grid of the region, (class, i, j, k).

        The background is left out.
        """
        exponents = np.exp(np.clip(self.odds, -30, 30))
        share = exponents / (1 + exponents.sum(axis=1, keepdims=True))
        return between(np.moveaxis(share, 0, 1 + self.axis), grid)

    def distance(self, grid: WorkingGrid) -> npt.NDArray[np.float64]:
        """Return mm from each position across the plane, on another grid, to its drawn slices."""
        away = np.abs(grid.centres(self.axis)[:, None] - np.array(self.indices))
        step = grid.native_spacing[self.axis]
        return np.asarray(away.min(axis=1) * step, dtype=np.float64)


def fused(answers: Sequence[PlaneAnswer]) -> Float32Array:
    """Return the odds of all planes together, on the grid of the first and in its order."""
    first = answers[0]
    if len(answers) == 1:
        return first.odds
    near = _NEAR * float(np.median(first.features.radii))
    total = np.zeros((first.odds.shape[1], *first.grid.shape), dtype=np.float32)
    weights = np.zeros(first.grid.shape, dtype=np.float32)
    for answer in answers:
        falling = (
            answer.distance(first.grid) + near + first.grid.native_spacing[answer.axis]
        ) ** -2
        along = np.expand_dims(falling, inplane_axes(answer.axis)).astype(np.float32)
        total += along * answer.on(first.grid)
        weights += along
    total /= weights
    background = np.maximum(1 - total.sum(axis=0), _LEAST)
    odds = np.log(np.maximum(total, _LEAST) / background)
    return np.ascontiguousarray(np.moveaxis(odds, 1 + first.axis, 0))
