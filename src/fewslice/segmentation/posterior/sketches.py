"""Sketches: a committee of contexts on one coarse grid, for answers that are only ranked.

As `Committee` with a random walker and interpolation: a walk, the outlines of all drawn slices, and
those with some slices left out. All of them are asked on the grid of a coarse walk and stay there,
so that what they cost does not grow with the size of a structure in voxels: the outlines of a slice
are measured once for all, and no boundary is placed anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.base import Scan, as_half
from fewslice.engines.field_of_view import field_of_view
from fewslice.engines.interpolation.end_caps import EndCapSettings
from fewslice.engines.interpolation.signed_distance import ShapePrior, softmax
from fewslice.engines.interpolation.slice_motion import find_motions
from fewslice.engines.interpolation.slice_shapes import SliceShape, slice_shapes, structure_radii
from fewslice.engines.network.features import FeatureSettings
from fewslice.engines.random_walker.engine import WalkerSettings, pose_walk, run_lengths
from fewslice.engines.seeds import UNSEEDED, seeds_on_grid
from fewslice.segmentation.posterior.committee import left_out
from fewslice.segmentation.posterior.samples import Samples
from fewslice.typing import Float32Array
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid, working_grid

Shapes = tuple[SliceShape, ...]


@dataclass(frozen=True)
class Sketches:
    """Ask a coarse random walk and outlines with all slices, then outlines without some.

    walker: the walk, and the grid of all answers; as many voxels as there are at most in the scans
    that suggestions were fitted on (`benchmarks/advice_tasks.py`), so that those lie on native
    grids. contexts, share: as of `Committee`.
    """

    walker: WalkerSettings = field(
        default_factory=lambda: replace(FeatureSettings().sketch, most_voxels=240_000)
    )
    contexts: int = 4
    share: float = 0.25

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        """Return the answers from everything, then those of the contexts, on a coarse grid."""
        axis = annotation.axis
        # Not `surroundings`: what is asked next was fitted to ends as outlines alone tell them.
        region = field_of_view(annotation, scan.spacing, self.walker.margin, reach=1.0)
        shapes = slice_shapes(annotation, region, scan.spacing)
        grid = self._grid(scan, annotation, region, shapes)
        motions = find_motions(scan, region, shapes)
        prior = ShapePrior.on_grid(shapes, grid, axis, self.walker.end_caps, motions)
        problem = pose_walk(scan, annotation, prior, self.walker)
        walked = _with_background(np.stack(list(problem.solve())))
        seeds = seeds_on_grid(annotation, grid)
        coarse = _on_grid(annotation, grid, seeds)
        rng = np.random.default_rng(seed)
        contexts = _contexts(shapes, self.contexts, self.share, rng)
        answers = [
            _outlined(part, grid, coarse, self.walker.end_caps) for part in (shapes, *contexts)
        ]
        probability = as_half(np.stack([walked, *answers]))
        _put_seeds(probability, seeds)
        by_slice = np.moveaxis(probability, 2 + axis, 2)
        return Samples(region, axis, (0, *annotation.values), by_slice, grid)

    def _grid(
        self, scan: Scan, annotation: Annotation, region: Region, shapes: Shapes
    ) -> WorkingGrid:
        return working_grid(
            region,
            scan.spacing,
            finest=float(structure_radii(shapes).min()) / self.walker.radius_in_voxels,
            most=self.walker.most_voxels,
            runs=run_lengths(annotation, scan.spacing),
        )


def _contexts(
    shapes: Shapes, most: int, share: float, rng: np.random.Generator
) -> Iterator[Shapes]:
    """Yield the outlines of drawn slices with some left out; every structure stays drawn."""
    drawn = [(shape.axis, shape.index) for shape in shapes if shape.present.any()]
    for places in left_out(drawn, most, share, rng):
        kept = tuple(shape for shape in shapes if (shape.axis, shape.index) not in places)
        if np.any([shape.present for shape in kept], axis=0).all():
            yield kept


def _outlined(
    shapes: Shapes, grid: WorkingGrid, coarse: Annotation, end_caps: EndCapSettings
) -> Float32Array:
    """Return what outlines say of each class, (class, i, j, k) on the grid.

    coarse: what was drawn, on the grid. As an engine would, outlines answer the surroundings of
    what they were made of and leave the rest to the background.
    """
    axis = coarse.axis
    prior = ShapePrior.on_grid(shapes, grid, axis, end_caps)
    found = np.stack([softmax(prior.log_odds(at)) for at in range(grid.shape[axis])], axis=1 + axis)
    kept = {(shape.axis, grid.index_of(shape.axis, shape.index)) for shape in shapes}
    for place in coarse.slices:
        if place not in kept:
            coarse = coarse.without(place)
    near = field_of_view(coarse, grid.spacing, inplane=0.0, reach=1.0).slices
    result = np.zeros_like(found)
    result[0] = 1
    result[(slice(None), *near)] = found[(slice(None), *near)]
    return result


def _on_grid(annotation: Annotation, grid: WorkingGrid, seeds: npt.NDArray[np.intp]) -> Annotation:
    """Return what was drawn as an annotation of the grid's voxels; seeds: the same as numbers."""
    labels = np.where(seeds == UNSEEDED, 0, np.array([0, *annotation.values])[seeds])
    slices = []
    for axis, index in annotation.slices:
        position = grid.index_of(axis, index)
        if position is not None:
            slices.append((axis, position))
            place = on_slice(axis, position)
            labels[place][seeds[place] == UNSEEDED] = UNKNOWN
    return Annotation(labels.astype(np.uint16), tuple(sorted(set(slices))))


def _with_background(structures: Float32Array) -> Float32Array:
    background = np.clip(1 - structures.sum(axis=0, keepdims=True), 0, 1)
    return np.concatenate([background, structures])


def _put_seeds(probability: npt.NDArray[np.float16], seeds: npt.NDArray[np.intp]) -> None:
    """Set what a person said of a voxel of the grid to 1 and 0 in all samples."""
    known = seeds != UNSEEDED
    for number in range(probability.shape[1]):
        probability[:, number][:, known] = seeds[known] == number
