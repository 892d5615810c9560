"""Random walker with priors: intensity-aware propagation from the annotated slices, in 3D."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.base import (
    Prediction,
    Progress,
    Scan,
    SupportScan,
    as_half,
    empty_probability,
    silent,
)
from fewslice.engines.interpolation.end_caps import EndCapSettings
from fewslice.engines.interpolation.signed_distance import ShapePrior, softmax
from fewslice.engines.interpolation.slice_shapes import structure_radii
from fewslice.engines.interpolation.surroundings import surroundings
from fewslice.engines.random_walker.appearance import (
    AppearanceSettings,
    LearningTask,
    appearance_log_odds,
    background_band,
    local_features,
)
from fewslice.engines.random_walker.graph import edge_weights, laplacian, walk
from fewslice.engines.random_walker.growth import Drawn, GrowthSettings, with_growth
from fewslice.engines.random_walker.refinement import refined
from fewslice.engines.seeds import UNSEEDED, seeds_on_grid
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.intensity_range import IntensityRange
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid, working_grid


@dataclass(frozen=True)
class WalkerSettings:
    """Settings of the random walker; the defaults were chosen on the training data sets.

    intensity_edges: weakening of an edge by a difference of intensity, in units of the range of
    intensities at the structure (the beta of Grady 2006). appearance_edges: the same for the
    probability of looking like a structure. appearance_weight: of the appearance log-odds against
    the outlines'. smoothing: the walk is drawn to its prior so that it smooths over 1/smoothing of
    a structure's inscribed radius. margin: of the region, in the slices, as a fraction of what was
    drawn. radius_in_voxels, most_voxels: the working grid is as fine as the first asks for the
    thinnest structure, and never larger than the second.
    """

    intensity_edges: float = 100.0
    appearance_edges: float = 20.0
    appearance_weight: float = 0.5
    smoothing: float = 2.0
    margin: float = 0.35
    radius_in_voxels: float = 12.0
    most_voxels: int = 1_200_000
    decided: float = 1e-4
    end_caps: EndCapSettings = field(default_factory=EndCapSettings)
    appearance: AppearanceSettings = field(default_factory=AppearanceSettings)
    growth: GrowthSettings = field(default_factory=GrowthSettings)


@dataclass(frozen=True)
class RandomWalker:
    """Solve the random walker of Grady 2006 with the prior models of Grady 2005.

    The prior of a voxel is what the outlines say (signed-distance interpolation, see
    `fewslice.engines.interpolation.signed_distance`) times what its appearance says
    (`fewslice.engines.random_walker.appearance`). All labels are solved over one graph, so they
    share the space and never overwrite one another.
    """

    settings: WalkerSettings = field(default_factory=WalkerSettings)

    @property
    def uses_support(self) -> bool:
        """IntensityModel are learned from this scan only."""
        return False

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedRandomWalker:
        """Return the scan ready for predicting. support: ignored."""
        return PreparedRandomWalker(scan, self.settings)


@dataclass(frozen=True, eq=False)
class PreparedRandomWalker:
    """A scan to walk in."""

    scan: Scan
    settings: WalkerSettings

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities, solved on a working grid (see `PreparedScan`)."""
        spacing = self.scan.spacing
        around = surroundings(self.scan, annotation, self.settings.margin)
        region, shapes, motions = around.region, around.shapes, around.motions
        radii = structure_radii(shapes)
        grid = working_grid(
            region,
            spacing,
            finest=float(radii.min()) / self.settings.radius_in_voxels,
            most=self.settings.most_voxels,
            runs=run_lengths(annotation, spacing),
        )
        progress(0.1)
        prior = ShapePrior.on_grid(shapes, grid, annotation.axis, self.settings.end_caps, motions)
        problem = pose_walk(self.scan, annotation, prior, self.settings)
        progress(0.4)
        probability = _solve(problem, grid, annotation.axis, lambda part: progress(0.9 * part))
        coarse = Prediction(region, (0, *annotation.values), probability)
        fine = refined(
            coarse, self.scan, annotation, grid, progress=lambda part: progress(0.9 + 0.1 * part)
        )
        progress(1.0)
        return fine


def pose_walk(
    scan: Scan,
    annotation: Annotation,
    prior: ShapePrior,
    settings: WalkerSettings,
) -> WalkProblem:
    """Return the random walk to solve: what outlines and appearance say of each voxel.

    prior: the outlines, on the grid to walk on, for slices across the annotation's main axis.
    """
    axis, grid, radii = annotation.axis, prior.grid, prior.radii
    odds = np.stack([prior.log_odds(at) for at in range(grid.shape[axis])], axis=1 + axis)
    seeds = seeds_on_grid(annotation, grid)
    band = background_band(
        seeds, axis, grid.spacing, settings.appearance.band * float(np.median(radii))
    )
    intensities = scaled_intensities(scan, grid, (seeds > 0) | band)
    slices = tuple(
        (across, position)
        for across, index in annotation.slices
        if (position := grid.index_of(across, index)) is not None
    )
    drawn = Drawn(intensities, seeds, axis, grid.spacing, radii, slices)
    odds = with_growth(odds, prior.doubt(), drawn, settings.growth)
    doubtful = (seeds == UNSEEDED) & (softmax(odds).max(axis=0) < 1 - settings.decided)
    task = LearningTask(local_features(intensities, axis), seeds, band, doubtful | (seeds >= 0))
    appearance = appearance_log_odds(task, len(odds), settings.appearance)
    chances = softmax(odds + settings.appearance_weight * appearance)
    seeds = np.where(doubtful | (seeds >= 0), seeds, chances.argmax(axis=0))
    features = np.concatenate(
        [
            intensities * np.sqrt(settings.intensity_edges / len(intensities)),
            softmax(appearance)[1:] * np.sqrt(settings.appearance_edges),
        ]
    )
    pull = _pull(chances, radii / min(_inplane_spacing(grid, axis)), settings.smoothing)
    return WalkProblem(features, seeds, chances, pull, appearance, grid.spacing)


@dataclass(frozen=True, eq=False)
class WalkProblem:
    """One random walk: features (feature, i, j, k) of the edges, seeds (i, j, k) with -1 unknown,
    prior (class, i, j, k) and pull (i, j, k) towards it. appearance: (class, i, j, k), what
    appearance alone says (see `appearance_log_odds`). spacing: mm per voxel of the grid.
    """

    features: Float32Array
    seeds: npt.NDArray[np.intp]
    prior: Float32Array
    pull: Float32Array
    appearance: Float32Array
    spacing: tuple[float, float, float]

    def solve(self) -> Iterator[Float32Array]:
        """Yield the probability of each structure on the grid, (i, j, k), background left out."""
        shape = self.seeds.shape
        graph = laplacian(edge_weights(self.features, self.spacing), (shape[0], shape[1], shape[2]))
        answers = walk(
            graph, self.seeds.ravel(), self.prior.reshape(len(self.prior), -1), self.pull.ravel()
        )
        for answer in answers:
            yield answer.reshape(shape)


def _solve(
    problem: WalkProblem, grid: WorkingGrid, axis: int, progress: Progress
) -> npt.NDArray[np.float16]:
    """Walk, and bring the probabilities back to the region's own voxels."""
    classes = len(problem.prior)
    probability = empty_probability(classes, grid.region.shape, axis)
    structures = np.zeros(grid.region.shape, dtype=np.float32)
    for number, answer in enumerate(problem.solve(), start=1):
        full = grid.up(answer)
        probability[number] = as_half(full)
        structures += full
        progress(0.4 + 0.6 * number / (classes - 1))
    probability[0] = as_half(np.clip(1 - structures, 0, 1))
    return probability


def run_lengths(
    annotation: Annotation, spacing: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return the mean length in mm of the straight runs through what was drawn, along each axis.

    On the slices of the main axis; of the structure with the shortest runs, and the side of the
    scan where nothing is drawn on them. Infinite along the main axis itself.
    """
    lengths = [side * step for side, step in zip(annotation.labels.shape, spacing, strict=True)]
    lengths[annotation.axis] = np.inf
    drawn = np.stack(
        [
            annotation.labels[on_slice(annotation.axis, at)]
            for at in annotation.along(annotation.axis)
        ]
    )
    inplane = list(inplane_axes(annotation.axis))
    for value in annotation.values:
        inside = drawn == value
        if not inside.any():
            continue
        for place, axis in enumerate(inplane, start=1):
            starts = np.count_nonzero(np.diff(inside.astype(np.int8), axis=place, prepend=0) == 1)
            lengths[axis] = min(lengths[axis], inside.sum() / starts * spacing[axis])
    return lengths[0], lengths[1], lengths[2]


def _inplane_spacing(grid: WorkingGrid, axis: int) -> list[float]:
    return [grid.spacing[other] for other in inplane_axes(axis)]


def scaled_intensities(scan: Scan, grid: WorkingGrid, near: npt.NDArray[np.bool_]) -> Float32Array:
    """Return intensities on the grid, (channel, i, j, k), scaled to the range at the structure.

    The 2nd to 98th percentile of the voxels `near` the structure become 0 and 1; of all voxels if
    the grid is too coarse to hold any near it.
    """
    if not near.any():
        near = np.ones_like(near)
    region: Region = grid.region
    scaled = []
    for channel in scan.channels:
        values = grid.down(channel[region.slices].astype(np.float32))
        scaled.append(IntensityRange.of(values[near]).scaled(values))
    return np.stack(scaled).astype(np.float32)


def _pull(prior: Float32Array, radii: npt.NDArray[np.float64], smoothing: float) -> Float32Array:
    """Return how strongly each voxel keeps to its prior: more where structures are thin.

    A walk is drawn back to its prior within 1/sqrt(pull) voxels. radii: in voxels.
    """
    rates = np.clip((smoothing / radii) ** 2, 0.005, 2.0).astype(np.float32)
    share = prior[1:] + 1e-6
    return np.asarray(np.tensordot(rates, share, axes=1) / share.sum(axis=0), dtype=np.float32)
