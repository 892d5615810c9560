"""Where structures of clear contrast go on, beyond what their outlines can tell.

Beyond the outermost drawn slice outlines only allow for a cap, but a lung or an airway is plainly
seen to go on. Structures and background are grown from the drawn slices (GrowCut, Vezhnevets and
Konouchine 2005, as shortest paths: Zhu et al. 2014), and the growth counts the more, the farther
the intensities around a structure are from those inside: its spread is the unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.typing import BoolArray, Float32Array, Float64Array
from fewslice.volumes.distance import distance_to
from fewslice.volumes.geometry import inplane_axes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_LEAST_TRUST = 0.05  # less than this changes nothing worth the time
_LEAST_SPREAD = 0.01  # of intensities scaled to 0 to 1
_FEWEST = 10  # pixels that intensities can be told from
_SAME = 1e-6  # intensities that differ by so little are the same
_WIDEST = 1.5  # difference of intensities that nothing grows across


@dataclass(frozen=True)
class GrowthSettings:
    """How far growth is trusted; the defaults were chosen on the training data sets.

    clear: contrast, in standard deviations inside, at which growth counts as much as outlines.
    odds: half log-odds of what has grown. most_voxels: growth is solved on a grid of at most so
    many, every so many-th row and column.
    """

    clear: float = 6.0
    odds: float = 2.0
    most_voxels: int = 160_000


@dataclass(frozen=True, eq=False)
class Drawn:
    """What was drawn, on a grid.

    intensities: float32 (channel, i, j, k), scaled to 0 to 1. seeds: int (i, j, k), class numbers,
    0 background, -1 unknown. axis: across the slices. spacing: mm. radii: inscribed radius of each
    structure, mm. slices: (axis, position) of those that were looked at.
    """

    intensities: Float32Array
    seeds: npt.NDArray[np.intp]
    axis: int
    spacing: tuple[float, float, float]
    radii: Float64Array
    slices: tuple[SliceIndex, ...]


def contrast(drawn: Drawn) -> Float64Array:
    """Return how far the surroundings of each structure are from its inside: (structure,).

    On the slices that were looked at, within two radii: the 5th percentile of the distance to the
    median inside, in standard deviations inside, in the channel in which a pixel differs most.
    Pixels at the outline, which hold some of both, are left out, and blank ones where the inside is
    not: a scan of which only some surroundings were kept says nothing of what is beyond. 0 where
    there are too few. Of slices of several planes those of the plane with the clearest contrast
    count.
    """
    planes = sorted({axis for axis, _ in drawn.slices})
    numbers = range(1, 1 + len(drawn.radii))
    return np.array(
        [max(_contrast(drawn, number, plane) for plane in planes) for number in numbers]
    )


def _contrast(drawn: Drawn, number: int, plane: int) -> float:
    inside, around = _inside_and_around(drawn, number, plane)
    if np.count_nonzero(inside) < _FEWEST or np.count_nonzero(around) < _FEWEST:
        return 0.0
    values = drawn.intensities[:, inside]
    spread = np.maximum(values.std(axis=1), _LEAST_SPREAD)
    apart = np.abs(drawn.intensities[:, around] - np.median(values, axis=1)[:, None])
    apart /= spread[:, None]
    blank = _flat(drawn.intensities, plane, around) & ~_flat(drawn.intensities, plane, inside).all(
        axis=1, keepdims=True
    )
    told = ~blank.all(axis=0)
    if np.count_nonzero(told) < _FEWEST:
        return 0.0
    return float(np.percentile(np.where(blank, 0, apart)[:, told].max(axis=0), 5))


def _flat(intensities: Float32Array, plane: int, chosen: BoolArray) -> BoolArray:
    """Return where a channel is the same on a voxel and its neighbours on a slice of a plane.

    (channel, voxel), of the chosen ones. Air and tissue are noisy; what was blanked is not.
    """
    from scipy import ndimage

    flat = np.zeros((len(intensities), *chosen.shape), dtype=bool)
    for index in np.flatnonzero(chosen.any(axis=inplane_axes(plane))):
        place = on_slice(plane, int(index))
        for channel, values in zip(flat, intensities, strict=True):
            highest = ndimage.maximum_filter(values[place], 3)
            channel[place] = highest - ndimage.minimum_filter(values[place], 3) <= _SAME
    return flat[:, chosen]


def _inside_and_around(drawn: Drawn, number: int, plane: int) -> tuple[BoolArray, BoolArray]:
    """Return the voxels inside a structure and those known around it, without its outline.

    On the slices of one plane.
    """
    from scipy import ndimage

    inside, around = (
        np.zeros(drawn.seeds.shape, dtype=bool),
        np.zeros(drawn.seeds.shape, dtype=bool),
    )
    square = np.ones((3, 3), dtype=bool)
    steps = [drawn.spacing[other] for other in inplane_axes(plane)]
    width = max(2 * float(drawn.radii[number - 1]), 4 * min(steps))
    for axis, index in drawn.slices:
        place = on_slice(axis, index)
        mine = drawn.seeds[place] == number
        if axis == plane and mine.any():
            core = ndimage.binary_erosion(mine, square)
            inside[place] = core if np.count_nonzero(core) >= _FEWEST else mine
            near = distance_to(mine, steps, 2 * width) <= width
            other = (drawn.seeds[place] >= 0) & ~ndimage.binary_dilation(mine, square)
            around[place] = near & other
    return inside, around


def trust(contrasts: Float64Array, settings: GrowthSettings) -> Float64Array:
    """Return how much growth counts against outlines, 0 to 1: one half at a clear contrast."""
    square = contrasts**2
    return np.asarray(square / (square + settings.clear**2), dtype=np.float64)


def with_growth(
    odds: Float32Array, doubt: Float64Array, drawn: Drawn, settings: GrowthSettings
) -> Float32Array:
    """Return the outlines' odds mixed with growth beyond the outermost slices.

    odds: float32 (class, i, j, k), background first, as of `ShapePrior.log_odds`. doubt: 0 to 1,
    (structure, i, j, k) or sides of 1, how little outlines say (see `ShapePrior.doubt`).
    """
    if not doubt.any():
        return odds
    trusted = doubt * trust(contrast(drawn), settings)[:, None, None, None]
    if trusted.max() < _LEAST_TRUST:
        return odds
    label = grown(drawn, settings.most_voxels)
    structures = odds[1:].copy()
    for number, weight in enumerate(trusted.astype(np.float32)):
        mine = np.where(label == number + 1, settings.odds, -settings.odds).astype(np.float32)
        structures[number] += weight * (mine - structures[number])
    return np.concatenate([-structures.max(axis=0, keepdims=True), structures])


def grown(drawn: Drawn, most_voxels: int) -> npt.NDArray[np.intp]:
    """Return the class, (i, j, k), from whose seeds each voxel is reached first.

    A step costs the more, the more intensities differ.
    """
    from scipy.sparse.csgraph import dijkstra

    rows, columns = inplane_axes(drawn.axis)
    every = int(np.ceil(np.sqrt(drawn.seeds.size / most_voxels)))
    chosen = [slice(None)] * 3
    chosen[rows] = chosen[columns] = slice(every // 2, None, every)
    seeds = drawn.seeds[tuple(chosen)]
    known = np.flatnonzero(seeds >= 0)
    graph = _graph(drawn.intensities[(slice(None), *chosen)])
    _, _, source = dijkstra(
        graph, directed=False, indices=known, min_only=True, return_predecessors=True
    )
    coarse = seeds.ravel()[np.maximum(source, 0)].reshape(seeds.shape)
    for axis in (rows, columns):
        places = np.minimum(np.arange(drawn.seeds.shape[axis]) // every, seeds.shape[axis] - 1)
        coarse = np.take(coarse, places, axis)
    return np.asarray(coarse, dtype=np.intp)


def _graph(intensities: Float32Array) -> csr_array:
    """Return the cost of a step between neighbours, (voxels, voxels), each in one direction."""
    from scipy import sparse

    shape = intensities.shape[1:]
    numbers = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    first, second, cost = [], [], []
    for axis in range(3):
        difference = np.diff(intensities, axis=1 + axis)
        apart = np.sqrt((difference**2).mean(axis=0)).ravel() / _WIDEST
        first.append(np.delete(numbers, -1, axis).ravel())
        second.append(np.delete(numbers, 0, axis).ravel())
        cost.append(1e-5 - np.log1p(-np.minimum(apart, 0.999)))
    places = (np.concatenate(first), np.concatenate(second))
    size = numbers.size
    return sparse.coo_array((np.concatenate(cost), places), shape=(size, size)).tocsr()
