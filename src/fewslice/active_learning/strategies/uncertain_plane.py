"""The plane of maximum uncertainty of a scan: axial, coronal, sagittal or tilted.

Top, Hamarneh and Abugharbieh 2011 (MICCAI, "Active Learning for Interactive 3D Image
Segmentation") ask a person to label the plane over which an uncertainty field u sums up to most:

    argmax over planes {x : n·x = d} of ∫ u dA.

Theirs is a weighted sum of entropy, boundary, regional and smoothness terms; ours is whatever the
caller brings (predictive entropy, say). They search planes by optimisation; we sum over all planes
along the array axes exactly, and over tilted ones by projecting every uncertain voxel on 200
directions and then on ever nearer ones. Positions are in mm, index times spacing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.base import Ranking
from fewslice.active_learning.candidates import Candidates
from fewslice.active_learning.ranking import best, open_rows, ranking
from fewslice.typing import Float64Array
from fewslice.volumes.geometry import inplane_axes

Spacing = tuple[float, float, float]

REACH = 10.0
"""mm within which a plane answers for its surroundings."""

_DIRECTIONS = 200
_ROUNDS = 4
_MOST_VOXELS = 100_000
# A tilted plane has to hold this much more than the best slice: nobody likes to draw on one.
_WORTH_TILTING = 1.1


@dataclass(frozen=True)
class Plane:
    """A plane {x : normal·x = offset} in mm along the array axes, and what it holds.

    normal: unit vector. offset: mm. uncertainty: ∫ u dA in mm² (times the unit of u). axis, index:
    the slice it is, or None for a tilted plane.
    """

    normal: tuple[float, float, float]
    offset: float
    uncertainty: float
    axis: int | None = None
    index: int | None = None

    def distance(self, shape: tuple[int, int, int], spacing: Spacing) -> Float64Array:
        """Return the mm of every voxel to the plane, (i, j, k)."""
        along = [
            component * np.arange(size) * step
            for component, size, step in zip(self.normal, shape, spacing, strict=True)
        ]
        result: Float64Array = np.abs(
            along[0][:, None, None] + along[1][:, None] + along[2] - self.offset
        )
        return result


def planes_of_maximum_uncertainty(
    uncertainty: npt.NDArray[np.floating], spacing: Spacing, count: int = 1, tilted: bool = True
) -> tuple[Plane, ...]:
    """Return up to `count` planes, best first; fewer if no uncertainty is left.

    uncertainty: (i, j, k), at least 0. spacing: mm per array axis. tilted: also look at planes
    that are no slices; one is taken where it holds over 10 % more than any slice. After each plane
    the uncertainty near it is scaled down, to 0 on it, by its distance over 10 mm (our choice: Top
    et al. segment again after each plane, and so can the caller, with count 1).
    """
    left = np.asarray(uncertainty, dtype=np.float64)
    shape = (left.shape[0], left.shape[1], left.shape[2])
    planes: list[Plane] = []
    while len(planes) < count and (left > 0).any():
        plane = best_slice(left, spacing)
        if tilted:
            leaning = best_tilted(left, spacing)
            if leaning.uncertainty > _WORTH_TILTING * plane.uncertainty:
                plane = leaning
        planes.append(plane)
        left = left * np.minimum(plane.distance(shape, spacing) / REACH, 1)
    return tuple(planes)


def best_slice(uncertainty: npt.NDArray[np.floating], spacing: Spacing) -> Plane:
    """Return the slice along any array axis with the greatest ∫ u dA."""
    found: list[Plane] = []
    for axis in range(3):
        others = inplane_axes(axis)
        area = spacing[others[0]] * spacing[others[1]]
        sums = uncertainty.sum(axis=others, dtype=np.float64) * area
        index = int(sums.argmax())
        normal = (float(axis == 0), float(axis == 1), float(axis == 2))
        found.append(Plane(normal, index * spacing[axis], float(sums[index]), axis, index))
    return max(found, key=lambda plane: plane.uncertainty)


def best_tilted(uncertainty: npt.NDArray[np.floating], spacing: Spacing) -> Plane:
    """Return the plane of any direction with the greatest ∫ u dA.

    The integral is that over a slab as thick as the coarsest spacing, divided by its thickness,
    with weights that fall off linearly from the plane: as trilinear interpolation would have it.
    """
    if not (uncertainty > 0).any():
        return best_slice(uncertainty, spacing)
    where, weight = _uncertain_voxels(uncertainty, spacing)
    thickness = max(spacing)
    normals = _hemisphere(_DIRECTIONS)
    angle = np.sqrt(2 * np.pi / _DIRECTIONS)
    winner = _best_of(normals, where, weight, thickness)
    for _ in range(_ROUNDS):
        angle /= 2
        near = _around(np.array(winner.normal), angle)
        winner = max(
            winner, _best_of(near, where, weight, thickness), key=lambda plane: plane.uncertainty
        )
    return winner


@dataclass(frozen=True)
class PlaneOfMaximumUncertainty:
    """The strategy over candidates: the slice of any plane with the greatest ∫ entropy dA.

    Candidates of several axes are compared by Σ entropy · mm² of a voxel, so that coarse slices
    are not favoured. Slices of the same scan and plane as one chosen before count for less: in
    proportion to the distance over `reach` mm. For tilted planes, which are no slices, see
    `planes_of_maximum_uncertainty`.
    """

    reach: float = REACH

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Rank by entropy times mm², less what slices chosen before answer for."""
        rows = open_rows(candidates, count)
        area = candidates.pixel_area[rows].astype(np.float64)
        value = candidates.entropy[rows] * area
        stack, position = candidates.place[rows, :2], candidates.position[rows]
        left = np.ones(len(rows), dtype=bool)
        chosen: list[int] = []
        score: list[float] = []
        while left.any() and len(chosen) < count:
            winner = best(np.where(left, value, -1), rng)
            chosen.append(winner)
            score.append(float(value[winner]))
            left[winner] = False
            beside = (stack == stack[winner]).all(axis=1)
            away = np.abs(position[beside] - position[winner])
            value[beside] *= np.minimum(away / self.reach, 1)
        return ranking(rows[chosen], score, "The plane over which the prediction is least sure.")


def _uncertain_voxels(
    uncertainty: npt.NDArray[np.floating], spacing: Spacing
) -> tuple[Float64Array, Float64Array]:
    """Return places in mm (n, 3) and Σ u dV; voxels are put together until they are few."""
    values = np.asarray(uncertainty, dtype=np.float64)
    block = 1
    places, weight = _blocks(values, block)
    while len(weight) > _MOST_VOXELS:
        block += 1
        places, weight = _blocks(values, block)
    return places * np.array(spacing), weight * float(np.prod(spacing))


def _blocks(values: Float64Array, block: int) -> tuple[Float64Array, Float64Array]:
    """Sum u over cubes of block³ voxels; each is placed at its centre of uncertainty."""
    index = np.argwhere(values > 0)
    weight = values[values > 0]
    if block == 1:
        return index.astype(np.float64), weight
    cube = np.ravel_multi_index(
        tuple((index // block).T), tuple(-(-n // block) for n in values.shape)
    )
    _, member = np.unique(cube, return_inverse=True)
    total = np.bincount(member, weight).astype(np.float64)
    centre = [np.bincount(member, weight * index[:, axis]) / total for axis in range(3)]
    return np.stack(centre, axis=1), total


def _best_of(
    normals: Float64Array, where: Float64Array, weight: Float64Array, thickness: float
) -> Plane:
    found: list[Plane] = []
    for normal in normals:
        place = (where @ normal) / thickness
        lowest = np.floor(place.min())
        cell = np.floor(place - lowest).astype(np.int64)
        share = place - lowest - cell
        sums = np.bincount(cell, weight * (1 - share), cell.max() + 2)
        sums += np.bincount(cell + 1, weight * share, len(sums))
        index = int(sums.argmax())
        offset = float((lowest + index) * thickness)
        x, y, z = (float(component) for component in normal)
        found.append(Plane((x, y, z), offset, float(sums[index]) / thickness))
    return max(found, key=lambda plane: plane.uncertainty)


def _hemisphere(count: int) -> Float64Array:
    """Return unit vectors spread evenly over half a sphere (Fibonacci's spiral)."""
    height = (np.arange(count) + 0.5) / count
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    radius = np.sqrt(1 - height**2)
    return np.stack((radius * np.cos(turn), radius * np.sin(turn), height), axis=1)


def _around(normal: Float64Array, angle: float) -> Float64Array:
    """Return eight unit vectors tilted by `angle` from a normal."""
    first = np.cross(normal, np.eye(3)[int(np.abs(normal).argmin())])
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    turn = np.arange(8)[:, None] * np.pi / 4
    aside = np.cos(turn) * first + np.sin(turn) * second
    result: Float64Array = np.cos(angle) * normal + np.sin(angle) * aside
    return result
