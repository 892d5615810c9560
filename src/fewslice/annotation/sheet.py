"""Thin flat sheets of drawn voxels, in mm, from which oblique planes are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fewslice.annotation.oblique import Float64Array

# The voxels nearest to a plane deviate by .29 of a voxel (a uniform distribution), two full slices
# next to each other by .5.
_FLAT = 0.36
APART = 1.5  # voxels from one plane to the next
EXPLAINED = 0.97  # of the drawn voxels; the others are slips of the hand
_CANDIDATES = 16  # points whose surroundings are looked at
SAME_NORMAL = 0.9998  # cosine of about a degree
_NEAREST = (20, 60, 200)
_NEAREST_SHARES = (0.1, 0.25)  # of the points: a patch has to reach from slice to slice


@dataclass(frozen=True, eq=False)
class Sheet:
    """A plane in mm. voxel: how far a voxel reaches across it, mm."""

    normal: Float64Array
    offset: float
    voxel: float

    def heights(self, points: Float64Array) -> Float64Array:
        """Return the height in mm of points (n, 3) above the plane."""
        heights: Float64Array = points @ self.normal - self.offset
        return heights


def reach(normal: Float64Array, steps: Float64Array) -> float:
    """Return how far a voxel reaches along a direction, in mm."""
    return float(np.abs(normal @ steps).sum())


def apart(sheets: Sequence[Sheet]) -> bool:
    """Whether parallel sheets leave room between them, which layers of voxels do not."""
    return not any(
        np.allclose(one.normal, other.normal, atol=1e-9)
        and abs(one.offset - other.offset) < APART * one.voxel
        for number, one in enumerate(sheets)
        for other in sheets[:number]
    )


def is_flat(heights: Float64Array, voxel: float) -> bool:
    """Whether heights in mm vary no more than those of the voxels nearest to a plane."""
    return float(heights.std()) <= _FLAT * voxel


def is_wide(points: Float64Array, normal: Float64Array, wide: float) -> bool:
    """Whether points reach much farther along a plane, both ways, than across it."""
    if len(points) < 12:
        return False
    across = float((points @ normal).std())
    around = points - points.mean(axis=0)
    along = around - np.outer(around @ normal, normal)
    variances = np.linalg.eigvalsh(along.T @ along / len(points))
    return float(np.sqrt(max(variances[1], 0.0))) >= wide * max(across, 1e-9)


def principal_axes(points: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return variances along the principal axes of points, ascending, and the axes as rows."""
    around = points - points.mean(axis=0)
    variances, axes = np.linalg.eigh(around.T @ around / len(points))
    return np.maximum(variances, 0.0), axes.T


def patches(
    points: Float64Array, rng: np.random.Generator
) -> Iterator[tuple[Float64Array, Float64Array]]:
    """Yield the normal and the middle of the surroundings, more and more, of some points."""
    for at in rng.choice(len(points), min(_CANDIDATES, len(points)), replace=False):
        for near in _around(points, points[at]):
            yield principal_axes(near)[1][0], near.mean(axis=0)


def _around(points: Float64Array, middle: Float64Array) -> Iterator[Float64Array]:
    """Yield the points nearest to one of them, more and more."""
    distance = ((points - middle) ** 2).sum(axis=1)
    for count in (*_NEAREST, *(int(share * len(points)) for share in _NEAREST_SHARES)):
        if 6 < count < len(points):
            yield points[np.argpartition(distance, count)[:count]]
