"""Annotated slices of support scans, as examples in the network's memory.

What the network uses of support scans is how structures look on the slices drawn there, beside
this scan's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.base import Scan, SupportScan
from fewslice.engines.interpolation.slice_shapes import slice_shapes
from fewslice.engines.network.features import SliceFeatures, origin_in_scan, slices_first_order
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.intensity_range import width_between
from fewslice.volumes.region import Region, bounding_region, margins_in_voxels
from fewslice.volumes.working_grid import WorkingGrid

if TYPE_CHECKING:
    from fewslice.networks.inputs import Remembered


_MOST_SLICES = 28


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


def remembered_support(
    support: tuple[SupportScan, ...], values: tuple[int, ...], axis: int, features: SliceFeatures
) -> tuple[Remembered, ...]:
    """Return slices of support scans on which structures of this scan are drawn as well."""
    examples = find_examples(support, values, axis)
    return remembered(examples, values, axis, features)


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


def _blank_features(  # noqa: PLR0913, PLR0917 - what makes up features
    scan: Scan,
    grid: WorkingGrid,
    axis: int,
    radius: float,
    structures: int,
    levels: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> SliceFeatures:
    """Return features that say nothing but what the slices look like."""
    images = np.stack(
        [
            _scaled(grid.down(channel[grid.region.slices].astype(np.float32)), low, high)
            for channel, low, high in zip(scan.channels, *levels, strict=True)
        ]
    )
    images = np.ascontiguousarray(np.moveaxis(images, 1 + axis, 0))
    order = slices_first_order(axis)
    blank = np.zeros((len(images), structures, *images.shape[2:]), dtype=np.float32)
    return SliceFeatures(
        step=(grid.spacing[order[0]], grid.spacing[order[1]], grid.spacing[order[2]]),
        origin=origin_in_scan(grid, scan, order),
        images=images,
        seeds=np.full((len(images), *images.shape[2:]), -1, dtype=np.intp),
        shape=blank,
        appearance=blank,
        walk=blank,
        outlines=blank[:0],
        positions=(),
        moves=np.zeros((0, structures, len(images), 2), dtype=np.float32),
        radii=np.full(structures, radius),
    )


def _scaled(values: Float32Array, low: float, high: float) -> Float32Array:
    width = width_between(low, high, values)
    scaled: Float32Array = (values - np.float32(low)) / np.float32(width)
    return np.clip(scaled, -0.25, 1.25, out=scaled)


def remembered(
    examples: tuple[Example, ...],
    values: tuple[int, ...],
    axis: int,
    features: SliceFeatures,
) -> tuple[Remembered, ...]:
    """Return slices of support scans around the structures, in pixels of the features' size."""
    from fewslice.engines.network.inputs import rescaled_memory
    from fewslice.networks.inputs import OTHER_SCAN

    if not examples:
        return ()
    each = max(2, _MOST_SLICES // len(examples))
    return tuple(
        rescaled_memory(
            _example_features(example, values, axis, features, each), features, OTHER_SCAN
        )
        for example in examples
    )


def _example_features(
    example: Example,
    values: tuple[int, ...],
    axis: int,
    features: SliceFeatures,
    most: int,
) -> SliceFeatures:
    """Return what a support scan shows, on a grid about as fine as the target's."""
    scan, annotation = example.support.scan, example.support.annotation
    region = example.region
    inplane = list(inplane_axes(axis))
    shape = list(region.shape)
    for other, step in zip(inplane, features.step[1:], strict=True):
        wanted = round(region.shape[other] * scan.spacing[other] / step)
        shape[other] = min(max(wanted, 8), region.shape[other])
    grid = WorkingGrid(region, (shape[0], shape[1], shape[2]), scan.spacing)
    blank = _blank_features(
        scan, grid, axis, example.radius, len(values), (example.low, example.high)
    )
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
