"""Distances between the surfaces of two masks, in mm.

The surface of a mask is cut into elements, as Nikolov et al. (2021, "Clinically Applicable
Segmentation of Head and Neck Anatomy for Radiotherapy", JMIR 23(7)) do: one wherever a corner
between 2x2x2 voxels has voxels of both kinds around it. An element lies at that corner and has the
area that marching cubes give it; every measure weighs elements by area, so that it does not depend
on how finely an axis is sampled. What lies outside the volume counts as background.

The areas come from the authors' reference implementation, the package surface-distance. Its
function for the distances forgets where the elements lie, which is needed to leave slices out, so
the elements are found and compared here; the tests check that both agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.metrics.masks import require_unmasked
from fewslice.typing import BoolArray, Float64Array

Spacing = tuple[float, float, float]

# A distance of exactly one tolerance is within it, whatever the last digits of its square root.
ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Directed:
    """The way from every element of one surface to the nearest element of the other one.

    distances: (n,) mm; infinite if the other mask is empty. areas: (n,) mm², all positive.
    """

    distances: Float64Array
    areas: Float64Array


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances both ways.

    longest: diagonal of the volume in mm. No distance within the volume is longer; the measures
    give it when one of the masks is empty.
    """

    prediction: Directed
    reference: Directed
    longest: float


def surface_distances(
    prediction: BoolArray,
    reference: BoolArray,
    spacing: Spacing,
    plane_weights: tuple[int, Float64Array] | None = None,
) -> SurfaceDistances:
    """Measure the distances between the surfaces of two masks.

    prediction, reference: bool arrays (i, j, k) of one shape.
    spacing: mm along each array axis.
    plane_weights: an axis, and (n + 1,) factors from 0 to 1 for the areas of the elements in each
    plane between its n slices, first and last face of the volume included. Elements with factor 0
    are left out, but the other surface still finds them as its nearest.

    Raises InputError if an array is masked.
    """
    require_unmasked(prediction, reference)
    longest = float(np.linalg.norm(np.array(prediction.shape) * spacing))
    box = _bounding_box(prediction | reference)
    mine = _elements(prediction[box], spacing)
    theirs = _elements(reference[box], spacing)
    start = (box[0].start, box[1].start, box[2].start)
    return SurfaceDistances(
        _directed(mine, theirs, spacing, _factors(mine, start, plane_weights)),
        _directed(theirs, mine, spacing, _factors(theirs, start, plane_weights)),
        longest,
    )


def hd95(distances: SurfaceDistances) -> float:
    """Return the 95th percentile Hausdorff distance in mm.

    For each direction the distance that 95 % of the area keep within, then the greater of the two.
    Both masks empty: 0. One empty: the diagonal of the volume.
    """
    both = (distances.prediction, distances.reference)
    return min(max(_percentile(way, 0.95) for way in both), distances.longest)


def mean_surface_distance(distances: SurfaceDistances) -> float:
    """Return the mean distance in mm over the area of both surfaces (symmetric).

    Both masks empty: 0. One empty: the diagonal of the volume.
    """
    there, back = distances.prediction, distances.reference
    area = there.areas.sum() + back.areas.sum()
    if area == 0:
        return 0.0
    total = (there.distances * there.areas).sum() + (back.distances * back.areas).sum()
    return min(float(total / area), distances.longest)


def surface_dice(distances: SurfaceDistances, tolerance: float) -> float:
    """Return the share of both surfaces, from 0 to 1, that lies within a tolerance of the other.

    tolerance: mm; at least 0. The measure is of Nikolov et al. (2021). Both masks empty: 1. One
    empty: 0.
    """
    area = within = 0.0
    for way in (distances.prediction, distances.reference):
        area += float(way.areas.sum())
        within += float(way.areas[way.distances <= tolerance * (1 + ROUNDING)].sum())
    return within / area if area else 1.0


@dataclass(frozen=True, eq=False)
class _Elements:
    """corners: (n, 3) the plane between voxels along each axis, from 0. areas: (n,) mm²."""

    corners: npt.NDArray[np.int64]
    areas: Float64Array


def _bounding_box(mask: BoolArray) -> tuple[slice, slice, slice]:
    return _extent(mask, (1, 2)), _extent(mask, (0, 2)), _extent(mask, (0, 1))


def _extent(mask: BoolArray, across: tuple[int, int]) -> slice:
    inside = np.flatnonzero(mask.any(axis=across))
    return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0)


def _elements(mask: BoolArray, spacing: Spacing) -> _Elements:
    from surface_distance import lookup_tables

    weights = lookup_tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL
    table = lookup_tables.create_table_neighbour_code_to_surface_area(spacing)
    padded = np.pad(mask.astype(np.uint8), 1)
    i, j, k = (n + 1 for n in mask.shape)
    # One bit for each of the eight voxels around a corner; faster and leaner than a correlation.
    codes = np.zeros((i, j, k), dtype=np.uint8)
    for (a, b, c), weight in np.ndenumerate(weights):
        codes |= padded[a : a + i, b : b + j, c : c + k] * np.uint8(weight)
    corners = np.argwhere((codes != 0) & (codes != 255))
    return _Elements(corners, table[codes[tuple(corners.T)]])


def _factors(
    elements: _Elements,
    start: tuple[int, int, int],
    plane_weights: tuple[int, Float64Array] | None,
) -> Float64Array:
    if plane_weights is None:
        return np.ones(len(elements.areas))
    axis, weights = plane_weights
    return weights[elements.corners[:, axis] + start[axis]]


def _directed(
    mine: _Elements, theirs: _Elements, spacing: Spacing, factors: Float64Array
) -> Directed:
    from scipy.spatial import cKDTree

    kept = factors > 0
    points = mine.corners[kept] * np.array(spacing)
    areas = (mine.areas * factors)[kept]
    if len(theirs.corners) == 0:
        return Directed(np.full(len(points), np.inf), areas)
    # A tree over the elements needs far less memory than a distance map of the volume. These two
    # options are for grid points: without them, surfaces far apart take many times as long.
    positions = theirs.corners * np.array(spacing)
    tree = cKDTree(positions, balanced_tree=False, compact_nodes=False)
    distances = tree.query(points)[0] if len(points) else np.zeros(0)
    return Directed(np.asarray(distances, dtype=np.float64), areas)


def _percentile(way: Directed, share: float) -> float:
    if len(way.distances) == 0:
        return 0.0
    order = np.argsort(way.distances, kind="stable")
    covered = np.cumsum(way.areas[order])
    reached = np.searchsorted(covered, share * covered[-1] * (1 - ROUNDING))
    return float(way.distances[order[reached]])
