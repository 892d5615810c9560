"""What is known of each slice before a network sees it: intensities, outlines, a walk.

The features lie slice by slice on one working grid. Outlines are those of signed-distance
interpolation; appearance and the random walk are solved on a coarser grid of their own (a sketch)
and interpolated, since the network sharpens what they only have to suggest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Scan
from fewslice.engines.interpolation.signed_distance import CERTAIN, ShapePrior
from fewslice.engines.interpolation.slice_shapes import SliceShape, structure_radii
from fewslice.engines.interpolation.surroundings import surroundings
from fewslice.engines.random_walker.appearance import AppearanceSettings, background_band
from fewslice.engines.random_walker.engine import (
    WalkerSettings,
    pose_walk,
    run_lengths,
    scaled_intensities,
)
from fewslice.engines.seeds import seeds_on_grid
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.working_grid import (
    WorkingGrid,
    apply_along,
    averaging_matrix,
    interpolating_matrix,
    working_grid,
)

SUREST = 6.0
"""Log-odds of the random walk are cut at plus and minus this."""


@dataclass(frozen=True)
class FeatureSettings:
    """How fine the features are, and how much of the scan they cover.

    margin, reach: of the region, see `surroundings`. radius_in_voxels, most_voxels: of the grid,
    see `WalkerSettings`. sketch: the random walker that is solved on its own, coarser grid.
    finer_sketch: so many times as many voxels may be sketched where the other grid is coarser than
    the scan: there noise is averaged out already, and a finer walk is a better one. On grids as
    fine as the scan it is a worse one for thin layers in speckle.
    """

    margin: float = 0.35
    reach: float = 1.0
    radius_in_voxels: float = 14.0
    most_voxels: int = 700_000
    finer_sketch: int = 2
    sketch: WalkerSettings = field(
        default_factory=lambda: WalkerSettings(
            radius_in_voxels=9.0,
            most_voxels=160_000,
            appearance=AppearanceSettings(trees=30, samples=5000),
        )
    )


@dataclass(frozen=True, eq=False)
class SliceFeatures:
    """Everything known of a scan's slices, on a grid of their own, slices first.

    Rows and columns are the other two array axes in their order. step: mm from slice to slice,
    row to row and column to column. origin: mm from the middle of the scan to the first voxel,
    along the same three. images: float32 (slice, channel, rows, columns), about 0 to 1 at
    the structure. seeds: int (slice, rows, columns), class numbers, -1 unknown. shape, appearance,
    walk: float32 (slice, structure, rows, columns), log-odds of each structure against the
    background, within 12, 4 and `SUREST`. outlines: signed distance in mm of each annotated slice
    of the axis, float32 (annotated, structure, rows, columns), positive inside. positions: slice on
    the grid of each. moves: by how many rows and columns each outline has moved (see
    `fewslice.engines.interpolation.centreline`) on every slice up to the next annotated ones,
    float32 (annotated, structure, slice, 2), 0 elsewhere. radii: inscribed radius of each
    structure, mm. crossing: annotated slices of the other two planes, as (1 or 2, place): all
    voxels of that row or column of the grid, on every slice, were looked at.
    """

    step: tuple[float, float, float]
    origin: tuple[float, float, float]
    images: Float32Array
    seeds: npt.NDArray[np.intp]
    shape: Float32Array
    appearance: Float32Array
    walk: Float32Array
    outlines: Float32Array
    positions: tuple[int, ...]
    moves: Float32Array
    radii: npt.NDArray[np.float64]
    crossing: tuple[tuple[int, int], ...] = ()


def find_features(
    scan: Scan, annotation: Annotation, settings: FeatureSettings
) -> tuple[WorkingGrid, SliceFeatures]:
    """Gather the features around what was drawn; there must be at least one annotated slice.

    Returns the grid they lie on, with the scan's array axes in their own order, and the features.
    """
    axis = annotation.axis
    around = surroundings(scan, annotation, settings.margin, settings.reach)
    region, shapes, motions = around.region, around.shapes, around.motions
    radii = structure_radii(shapes)
    runs = run_lengths(annotation, scan.spacing)
    smallest = float(radii.min())
    grid = working_grid(
        region,
        scan.spacing,
        finest=smallest / settings.radius_in_voxels,
        most=settings.most_voxels,
        runs=runs,
    )
    finer = 1 if grid.is_native else settings.finer_sketch
    sketch_grid = working_grid(
        region,
        scan.spacing,
        finest=smallest / settings.sketch.radius_in_voxels,
        most=min(finer * settings.sketch.most_voxels, int(np.prod(grid.shape))),
        runs=runs,
    )
    caps = settings.sketch.end_caps
    sketch = ShapePrior.on_grid(shapes, sketch_grid, axis, caps, motions)
    problem = pose_walk(scan, annotation, sketch, settings.sketch)
    structures = np.stack(list(problem.solve()))
    background = np.clip(1 - structures.sum(axis=0), 1e-4, 1)
    walked = np.log(np.clip(structures, 1e-4, 1) / background)
    seeds = seeds_on_grid(annotation, grid)
    band = background_band(seeds, axis, grid.spacing, 0.5 * float(np.median(radii)))
    near = (seeds > 0) | band
    prior = ShapePrior.on_grid(shapes, grid, axis, caps, motions)
    # A slice marked "not on this slice" may lie outside of the region.
    along = [
        (position, shape)
        for shape in prior.shapes
        if shape.axis == axis and (position := grid.index_of(axis, shape.index)) is not None
    ]
    order = slices_first_order(axis)
    features = SliceFeatures(
        step=(grid.spacing[order[0]], grid.spacing[order[1]], grid.spacing[order[2]]),
        origin=origin_in_scan(grid, scan, order),
        images=_slices_first(scaled_intensities(scan, grid, near), axis),
        seeds=np.moveaxis(seeds, axis, 0),
        shape=_shape_odds(prior, grid.shape[axis]),
        appearance=_slices_first(
            between(problem.appearance[1:] - problem.appearance[:1], grid), axis
        ),
        walk=np.clip(_slices_first(between(walked, grid), axis), -SUREST, SUREST),
        outlines=_outlines([shape for _, shape in along], prior),
        positions=tuple(position for position, _ in along),
        moves=_moves(along, prior, grid.shape[axis]),
        radii=radii,
        crossing=_crossing(annotation, grid, order),
    )
    return grid, features


def _crossing(
    annotation: Annotation, grid: WorkingGrid, order: tuple[int, int, int]
) -> tuple[tuple[int, int], ...]:
    """Return the slices of the other planes that show a structure, as features name them."""
    found = set()
    for axis, index in annotation.drawn_slices:
        position = grid.index_of(axis, index)
        if axis != order[0] and position is not None:
            found.add((order.index(axis), position))
    return tuple(sorted(found))


def slices_first_order(axis: int) -> tuple[int, int, int]:
    """Return the array axes as features have them: across the slices, rows, columns."""
    row, column = inplane_axes(axis)
    return axis, row, column


def origin_in_scan(
    grid: WorkingGrid, scan: Scan, order: tuple[int, int, int]
) -> tuple[float, float, float]:
    """Return mm from the middle of the scan to the grid's first voxel, along axes in an order."""
    first, second, third = (
        float(grid.centres(axis)[0] - (scan.shape[axis] - 1) / 2) * scan.spacing[axis]
        for axis in order
    )
    return first, second, third


def _outlines(along: list[SliceShape], prior: ShapePrior) -> Float32Array:
    if along:
        return np.stack([shape.distances for shape in along])
    inplane = [prior.grid.shape[other] for other in inplane_axes(prior.axis)]
    return np.zeros((0, len(prior.radii), *inplane), dtype=np.float32)


def _moves(along: list[tuple[int, SliceShape]], prior: ShapePrior, slices: int) -> Float32Array:
    """Return how outlines move up to the next annotated slice: (annotated, structure, slice, 2)."""
    moves = np.zeros((len(along), len(prior.radii), slices, 2), dtype=np.float32)
    ends = [0, *(position for position, _ in along), slices - 1]
    centres = prior.grid.centres(prior.axis)
    for number, (_, shape) in enumerate(along):
        for structure in np.flatnonzero(shape.present):
            for at in range(ends[number], ends[number + 2] + 1):
                moves[number, structure, at] = prior.move(shape, int(structure), float(centres[at]))
    return moves


def _shape_odds(prior: ShapePrior, slices: int) -> Float32Array:
    """Return log-odds of each structure against the background: (slice, structure, h, w)."""
    odds = np.stack([prior.log_odds(at) for at in range(slices)])
    against = odds[:, 1:] - odds[:, :1]
    return np.clip(against, -CERTAIN, CERTAIN, out=against)


def _slices_first(array: Float32Array, axis: int) -> Float32Array:
    """Turn (first, i, j, k) into (slice, first, rows, columns)."""
    return np.ascontiguousarray(np.moveaxis(array, 1 + axis, 0))


def between(array: Float32Array, grid: WorkingGrid) -> Float32Array:
    """Bring (first, i, j, k) from another grid over the same region to this one's shape."""
    result = np.asarray(array, dtype=np.float32)
    for axis, wanted in enumerate(grid.shape, start=1):
        length = result.shape[axis]
        if length < wanted:
            result = apply_along(result, interpolating_matrix(length, wanted), axis)
        elif length > wanted:
            result = apply_along(result, averaging_matrix(length, wanted), axis)
    return result
