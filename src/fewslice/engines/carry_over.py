"""Carrying a structure over from other scans: what is drawn there is the memory used here.

A first pass looks at the whole scan coarsely and finds where the structures are; a second one looks
again, closely, at the surroundings of what was found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fewslice.engines.cues import Cues, origin_in_scan, slices_first_order
from fewslice.engines.protocol import Prediction, Progress, Scan, SupportScan, empty_probability
from fewslice.slices.annotation import Annotation, on_slice
from fewslice.slices.region import Region, bounding_region, margins_in_voxels
from fewslice.slices.resample import WorkingGrid, working_grid
from fewslice.volumes.image import UNKNOWN

if TYPE_CHECKING:
    from fewslice.engines.network import PreparedNetwork
    from fewslice.networks.inputs import Remembered

Float32Array = npt.NDArray[np.float32]

_FAR_RADIUS, _CLOSE_RADIUS = 8.0, 14.0
_MOST_VOXELS = 700_000
_MOST_SLICES = 28
_CLOSE_MARGIN = 0.35
_EVERYWHERE = 1000.0


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
    """Segment structures of which nothing is drawn on this scan, from support scans alone."""
    from fewslice.engines.network import as_prediction

    axis = annotation.axis
    examples = find_examples(prepared.support, values, axis)
    whole = Region((0, 0, 0), prepared.scan.shape)
    if not examples:
        return _nothing(whole, values, axis)
    radius = float(np.median([example.radius for example in examples]))
    levels = _levels(prepared.scan, examples)
    far = _looked_at(prepared, examples, whole, (axis, values), radius / _FAR_RADIUS, levels)
    progress(0.5)
    odds, grid = far
    found = _found(odds, grid, axis)
    if found is None:
        return as_prediction(odds, grid, axis, values)
    close = _looked_at(
        prepared,
        examples,
        _around(found, prepared.scan),
        (axis, values),
        radius / _CLOSE_RADIUS,
        levels,
    )
    progress(0.95)
    return as_prediction(close[0], close[1], axis, values)


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
    from fewslice.engines.shapes import slice_shapes

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


def _levels(
    scan: Scan, examples: tuple[Example, ...]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return which intensities of the new scan become 0 and 1, per channel.

    Where the support scans agree on the intensities (as in CT) theirs are taken; where they do not
    (as in MRI) the levels are those of the same rank within the scan.
    """
    lows = np.stack([example.low for example in examples])
    highs = np.stack([example.high for example in examples])
    low, high = np.median(lows, axis=0), np.median(highs, axis=0)
    for channel, values in enumerate(scan.channels):
        width = max(high[channel] - low[channel], 1e-9)
        spread = max(np.ptp(lows[:, channel]), np.ptp(highs[:, channel])) / width
        mine = np.percentile(values, [1, 99])
        overlapping = mine[0] < high[channel] and mine[1] > low[channel]
        if spread < 1.0 and overlapping and len(examples) > 1:
            continue
        ranks = np.array([_ranks(example, channel) for example in examples]).mean(axis=0)
        low[channel], high[channel] = np.quantile(values, np.clip(ranks, 0, 1))
    return low, high


def _ranks(example: Example, channel: int) -> tuple[float, float]:
    values = example.support.scan.channels[channel]
    return (
        float((values < example.low[channel]).mean()),
        float((values <= example.high[channel]).mean()),
    )


def _looked_at(  # noqa: PLR0913, PLR0917 - one pass needs all of it
    prepared: PreparedNetwork,
    examples: tuple[Example, ...],
    region: Region,
    asked: tuple[int, tuple[int, ...]],
    finest: float,
    levels: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> tuple[Float32Array, WorkingGrid]:
    """Return log-odds (slice, structure, rows, columns) of one pass, and its grid."""
    from fewslice.engines.model import structure_odds
    from fewslice.engines.network_inputs import blank_inputs

    axis, values = asked
    spacing = prepared.scan.spacing
    runs = [_EVERYWHERE] * 3
    runs[axis] = np.inf
    grid = working_grid(
        region, spacing, finest=finest, most=_MOST_VOXELS, runs=(runs[0], runs[1], runs[2])
    )
    radius = float(np.median([example.radius for example in examples]))
    cues = _blank_cues(prepared.scan, grid, axis, radius, len(values), levels)
    whole = region.shape == prepared.scan.shape
    memory = remembered(examples, values, axis, cues, whole=whole)
    shape = (grid.shape[axis], len(values), *cues.images.shape[2:])
    odds = structure_odds(
        prepared.network,
        memory,
        lambda targets: blank_inputs(cues, targets, ()),
        (shape[0], shape[1], shape[2], shape[3]),
    )
    return odds, grid


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
    from fewslice.engines.network_inputs import rescaled_memory
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
    return replace(blank, seeds=np.moveaxis(seeds, axis, 0), positions=positions)


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


def _found(odds: Float32Array, grid: WorkingGrid, axis: int) -> Region | None:
    """Return the box, in voxels of the scan, around what is likelier than not; None if nothing."""
    likely = np.moveaxis(np.asarray((odds > 0).any(axis=1)), 0, axis)
    if not likely.any():
        return None
    box = bounding_region(_largest_parts(likely))
    start, stop = [], []
    for each in range(3):
        scale = grid.region.shape[each] / grid.shape[each]
        start.append(grid.region.start[each] + int(np.floor(box.start[each] * scale)))
        stop.append(grid.region.start[each] + int(np.ceil(box.stop[each] * scale)))
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _largest_parts(likely: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the connected parts that hold at least a tenth of what the largest one holds."""
    from scipy import ndimage

    parts, count = ndimage.label(likely)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    kept: npt.NDArray[np.bool_] = (sizes >= 0.1 * sizes.max())[parts] & likely
    return kept


def _around(found: Region, scan: Scan) -> Region:
    sides = np.array(found.shape) * scan.spacing
    margins = margins_in_voxels(list(_CLOSE_MARGIN * sides), scan.spacing)
    return found.grown([max(margin, 2) for margin in margins], scan.shape)


def _nothing(region: Region, values: tuple[int, ...], axis: int) -> Prediction:
    probability = empty_probability(len(values) + 1, region.shape, axis)
    probability[...] = 0
    probability[0] = 1
    remark = "No support scan has a slice across the same axis on which the structure is drawn."
    return Prediction(region, (0, *values), probability, (remark,))
