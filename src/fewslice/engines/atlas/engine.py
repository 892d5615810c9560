"""Carrying structures over from other scans to one on which they are not drawn.

Support scans are laid over the new scan and vote (`fewslice.engines.atlas.label_fusion`); a random
walk drawn to their vote and to looks then moves boundaries to where intensities change. The network
is not asked: on training scans it made things worse. Mean Dice of three scans each of hippocampus,
mandible and spinal cord (5, 8 and 8 support scans): the vote 0.86, 0.78 and 0.72; with the walk
0.86, 0.84 and
0.73; the network given the vote as its cues 0.79, 0.68 and 0.70, and averaged with the vote 0.83,
0.71 and 0.72; from memory alone 0.51 on the hippocampus and nearly 0 on the others. What it does
use of support scans is how they look on slices drawn on, beside this scan's own:
`remembered_support`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.atlas.label_fusion import Vote, voted
from fewslice.engines.atlas.registration import grid_of
from fewslice.engines.base import (
    Prediction,
    Progress,
    Scan,
    SupportScan,
    as_half,
    empty_probability,
)
from fewslice.engines.interpolation.signed_distance import softmax
from fewslice.engines.network.features import Cues, origin_in_scan, slices_first_order
from fewslice.engines.random_walker.appearance import (
    AppearanceSettings,
    LearningTask,
    appearance_log_odds,
    background_band,
    local_features,
)
from fewslice.engines.random_walker.engine import scaled_intensities
from fewslice.engines.random_walker.graph import edge_weights, laplacian, walk
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.region import Region, bounding_region, margins_in_voxels
from fewslice.volumes.working_grid import WorkingGrid

if TYPE_CHECKING:
    from fewslice.engines.network.engine import PreparedNetwork
    from fewslice.networks.inputs import Remembered

Float32Array = npt.NDArray[np.float32]

_MOST_SLICES = 28
_MOST_VOXELS = 1_000_000
_LEAST_PROBABILITY = 1e-4
_DECIDED = 0.995
_LEARNED_FROM = 0.9
_NEAR = 0.05
_LOOKS = 0.5
_INTENSITY_EDGES = 100.0
_PULL = 2.0
_POOR_AGREEMENT = 0.5

NOT_HELD = (
    "A structure that was asked for is drawn on no support scan, so nothing was answered for it."
)
NOT_ALIKE = (
    "No support scan looks enough like this scan to be laid over it, so that nothing was carried "
    "over; choose support scans of the same part of the body, or draw a slice on this scan."
)


@dataclass(frozen=True, eq=False)
class Example:
    """One support scan, looked at for some structures.

    region: around them. radius: typical inscribed radius on a slice, mm. low, high: intensities
    that become 0 and 1, per channel.
    """

    support: SupportScan
    region: Region
    radius: float
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


def carried_over(
    prepared: PreparedNetwork, annotation: Annotation, values: tuple[int, ...], progress: Progress
) -> Prediction:
    """Segment structures of which nothing is drawn on this scan, from support scans alone.

    Remarks say which of them no support scan has, that none looks like this scan, and on which
    structures the support scans agree badly.
    """
    from fewslice.engines.network.engine import joined

    axis, scan = annotation.axis, prepared.scan
    votes = voted(scan, prepared.support, values, lambda part: progress(0.85 * part))
    answers = []
    for number, vote in enumerate(votes, start=1):
        answers.append(_walked(scan, vote, axis))
        progress(0.85 + 0.15 * number / len(votes))
    missing = tuple(v for v in values if not any(v in vote.values for vote in votes))
    if missing:
        region = answers[0].region if answers else Region((0, 0, 0), scan.shape)
        answers.append(_nothing(region, missing, axis))
    found = reduce(lambda one, other: joined(one, other, axis), answers)
    progress(1.0)
    return replace(found, remarks=tuple(_remarks(prepared.support, votes, missing)))


def _remarks(
    support: tuple[SupportScan, ...], votes: tuple[Vote, ...], missing: tuple[int, ...]
) -> list[str]:
    """Return what a person should know: see `carried_over`."""
    held = {value for each in support for value in each.annotation.drawn_values}
    found = []
    if any(value not in held for value in missing):
        found.append(NOT_HELD)
    if any(value in held for value in missing):
        found.append(NOT_ALIKE)
    poor = [
        value
        for vote in votes
        for value, agreement in zip(vote.values, vote.agreement, strict=True)
        if agreement < _POOR_AGREEMENT
    ]
    if poor:
        named = ", ".join(str(value) for value in sorted(poor))
        found.append(
            f"The support scans do not agree well on where label {named} lies here; look at it "
            "closely."
        )
    return found


def _walked(scan: Scan, vote: Vote, axis: int) -> Prediction:
    """Return the vote at the scan's own resolution, its boundaries moved to edges in the scan.

    The random walker of Grady 2005, drawn to the vote and to looks, which are learned where the
    vote is sure. It walks only where neither is.
    """
    grid = grid_of(vote.grid.region, scan.spacing, _MOST_VOXELS)
    odds = _odds(vote, grid)
    sure = softmax(odds)
    intensities = scaled_intensities(scan, grid, sure[0] < 1 - _NEAR)
    prior = softmax(odds + _LOOKS * _looks(intensities, sure, grid, axis))
    seeds = np.where(sure.max(axis=0) > _DECIDED, sure.argmax(axis=0), -1)
    edges = edge_weights(
        intensities * np.float32(np.sqrt(_INTENSITY_EDGES / len(intensities))), grid.spacing
    )
    pull = np.full(seeds.size, _PULL, dtype=np.float32)
    answers = walk(laplacian(edges, grid.shape), seeds.ravel(), prior.reshape(len(prior), -1), pull)
    probability = empty_probability(len(prior), vote.grid.region.shape, axis)
    structures = np.zeros(vote.grid.region.shape, dtype=np.float32)
    for number, answer in enumerate(answers, start=1):
        full = grid.up(answer.reshape(grid.shape))
        probability[number] = as_half(full)
        structures += full
    probability[0] = as_half(np.clip(1 - structures, 0, 1))
    return Prediction(vote.grid.region, (0, *vote.values), probability)


def _looks(
    intensities: Float32Array, sure: Float32Array, grid: WorkingGrid, axis: int
) -> Float32Array:
    """Return log-likelihoods (class, i, j, k) of looks learned where the vote is nearly sure.

    intensities: (channel, i, j, k). sure: (class, i, j, k), the vote's probabilities.
    """
    from scipy.ndimage import distance_transform_edt

    seeds = np.where(sure.max(axis=0) > _LEARNED_FROM, sure.argmax(axis=0), -1)
    inside = [
        distance_transform_edt(sure[number] > 0.5, sampling=grid.spacing).max()
        for number in range(1, len(sure))
    ]
    band = background_band(seeds, axis, grid.spacing, float(np.median(inside)))
    doubtful = sure.max(axis=0) < _DECIDED
    task = LearningTask(local_features(intensities, axis), seeds, band, doubtful)
    return appearance_log_odds(task, len(sure), AppearanceSettings())


def _odds(vote: Vote, grid: WorkingGrid) -> Float32Array:
    """Return the vote on another grid over its region: log-odds (class, i, j, k) against the first.

    Log-odds are interpolated, not probabilities, so that boundaries stay as sharp as they are.
    """
    background = np.clip(1 - vote.probability.sum(axis=0), _LEAST_PROBABILITY, 1)
    odds = np.log(np.clip(vote.probability, _LEAST_PROBABILITY, 1) / background)
    found = np.zeros((1 + len(odds), *grid.shape), dtype=np.float32)
    for number, each in enumerate(odds, start=1):
        found[number] = grid.down(vote.grid.up(each))
    return found


def remembered_support(
    support: tuple[SupportScan, ...], values: tuple[int, ...], axis: int, cues: Cues
) -> tuple[Remembered, ...]:
    """Return slices of support scans on which structures of this scan are drawn as well."""
    examples = find_examples(support, values, axis)
    return remembered(examples, values, axis, cues, whole=False)


def find_examples(
    support: tuple[SupportScan, ...], values: tuple[int, ...], axis: int
) -> tuple[Example, ...]:
    """Return the support scans with slices across the axis on which a structure is drawn."""
    found = []
    for each in support:
        annotation = each.annotation
        drawn = np.isin(annotation.labels, values)
        along = annotation.along(axis)
        if not along or not drawn[_at(along, axis)].any():
            continue
        found.append(_example(each, drawn, axis))
    return tuple(found)


def _at(indices: tuple[int, ...], axis: int) -> tuple[slice | list[int], ...]:
    place: list[slice | list[int]] = [slice(None)] * 3
    place[axis] = list(indices)
    return tuple(place)


def _example(support: SupportScan, drawn: npt.NDArray[np.bool_], axis: int) -> Example:
    from fewslice.engines.interpolation.signed_distance import slice_shapes

    spacing = support.scan.spacing
    region = bounding_region(drawn)
    sides = np.array(region.shape) * spacing
    region = region.grown(margins_in_voxels(list(0.35 * sides), spacing), drawn.shape)
    holding = [i for i in support.annotation.along(axis) if drawn[on_slice(axis, i)].any()]
    few = [holding[n] for n in np.linspace(0, len(holding) - 1, min(len(holding), 5)).astype(int)]
    sparse = Annotation(
        np.where(drawn, 1, 0).astype(np.uint8), tuple((axis, index) for index in sorted(set(few)))
    )
    radii = [shape.radii[0] for shape in slice_shapes(sparse, region, spacing)]
    near = support.scan.channels[(slice(None), *region.slices)].reshape(
        len(support.scan.channels), -1
    )
    low, high = np.percentile(near, [2, 98], axis=1)
    return Example(support, region, float(np.median(radii)), low, high)


def _blank_cues(  # noqa: PLR0913, PLR0917 - what makes up cues
    scan: Scan,
    grid: WorkingGrid,
    axis: int,
    radius: float,
    structures: int,
    levels: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> Cues:
    """Return cues that say nothing but what the slices look like."""
    images = np.stack(
        [
            _scaled(grid.down(channel[grid.region.slices].astype(np.float32)), low, high)
            for channel, low, high in zip(scan.channels, *levels, strict=True)
        ]
    )
    images = np.ascontiguousarray(np.moveaxis(images, 1 + axis, 0))
    order = slices_first_order(axis)
    blank = np.zeros((len(images), structures, *images.shape[2:]), dtype=np.float32)
    return Cues(
        step=(grid.spacing[order[0]], grid.spacing[order[1]], grid.spacing[order[2]]),
        origin=origin_in_scan(grid, scan, order),
        images=images,
        seeds=np.full((len(images), *images.shape[2:]), -1, dtype=np.intp),
        shape=blank,
        looks=blank,
        walk=blank,
        outlines=blank[:0],
        positions=(),
        moves=np.zeros((0, structures, len(images), 2), dtype=np.float32),
        radii=np.full(structures, radius),
    )


def _scaled(values: Float32Array, low: float, high: float) -> Float32Array:
    width = max(high - low, 1e-6 * max(abs(high), 1.0))
    scaled: Float32Array = (values - np.float32(low)) / np.float32(width)
    return np.clip(scaled, -0.25, 1.25, out=scaled)


def remembered(
    examples: tuple[Example, ...],
    values: tuple[int, ...],
    axis: int,
    cues: Cues,
    *,
    whole: bool,
) -> tuple[Remembered, ...]:
    """Return slices of support scans, in pixels of the size the cues have.

    whole: with all of their slices seen, or only the surroundings of the structures.
    """
    from fewslice.engines.network.inputs import rescaled_memory
    from fewslice.networks.inputs import OTHER_SCAN

    if not examples:
        return ()
    each = max(2, _MOST_SLICES // len(examples))
    return tuple(
        rescaled_memory(_example_cues(example, values, axis, cues, each, whole), cues, OTHER_SCAN)
        for example in examples
    )


def _example_cues(  # noqa: PLR0913, PLR0917 - what makes up cues
    example: Example, values: tuple[int, ...], axis: int, cues: Cues, most: int, whole: bool
) -> Cues:
    """Return what a support scan shows, on a grid about as fine as the target's."""
    scan, annotation = example.support.scan, example.support.annotation
    region = Region((0, 0, 0), scan.shape) if whole else example.region
    inplane = [other for other in range(3) if other != axis]
    shape = list(region.shape)
    for other, step in zip(inplane, cues.step[1:], strict=True):
        wanted = round(region.shape[other] * scan.spacing[other] / step)
        shape[other] = min(max(wanted, 8), region.shape[other])
    grid = WorkingGrid(region, (shape[0], shape[1], shape[2]), scan.spacing)
    blank = _blank_cues(scan, grid, axis, example.radius, len(values), (example.low, example.high))
    seeds = _seeds(annotation, values, grid)
    positions = _informative(np.moveaxis(seeds, axis, 0), most)
    moves = np.zeros((len(positions), *blank.moves.shape[1:]), dtype=np.float32)
    return replace(blank, seeds=np.moveaxis(seeds, axis, 0), positions=positions, moves=moves)


def _seeds(
    annotation: Annotation, values: tuple[int, ...], grid: WorkingGrid
) -> npt.NDArray[np.intp]:
    """Return class numbers of `values` in their order, 0 for all else, -1 where unknown."""
    known = annotation.known(grid.region)
    labels = annotation.labels[grid.region.slices]
    picked = np.ix_(*(grid.pick(axis) - grid.region.start[axis] for axis in range(3)))
    labels, known = labels[picked], known[picked]
    seeds = np.zeros(labels.shape, dtype=np.intp)
    for number, value in enumerate(values, start=1):
        seeds[labels == value] = number
    seeds[~known | (labels == UNKNOWN)] = -1
    return seeds


def _informative(seeds: npt.NDArray[np.intp], most: int) -> tuple[int, ...]:
    """Return slices spread over a structure's extent, and one beyond either end if known."""
    flat = seeds.reshape(len(seeds), -1)
    holding = np.flatnonzero((flat > 0).any(axis=1))
    known = np.asarray((flat >= 0).all(axis=1))
    if not len(holding):
        return ()
    chosen = set(
        holding[np.linspace(0, len(holding) - 1, min(most, len(holding))).round().astype(int)]
    )
    gap = max(1, round((holding[-1] - holding[0]) / max(most, 1)))
    for beyond in (holding[0] - gap, holding[-1] + gap):
        if 0 <= beyond < len(seeds) and known[beyond]:
            chosen.add(beyond)
    return tuple(sorted(int(index) for index in chosen))


def _nothing(region: Region, values: tuple[int, ...], axis: int) -> Prediction:
    probability = empty_probability(len(values) + 1, region.shape, axis)
    probability[...] = 0
    probability[0] = 1
    return Prediction(region, (0, *values), probability)
