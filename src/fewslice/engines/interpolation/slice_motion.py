"""How what a scan shows moves from slice to slice of a plane, as far as its images tell.

Neighbouring slices are laid over one another (`fewslice.engines.interpolation.demons`), and what is
found between neighbours is strung together from each drawn slice outwards. So outlines can be
carried along with what they were drawn around, as an eye does that pages through a scan.

Neighbours are looked at in a window around what was drawn, on a grid as coarse as the structure
allows. Windows and grids change in steps only, so that what a memo keeps serves for the next
answer, too, with one more slice drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Scan
from fewslice.engines.interpolation.slice_shapes import SliceShape, structure_radii
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.intensity_range import IntensityRange
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid

_SAMPLED = 16  # slices that the range of intensities is told from
_BLOCK = 16  # slices whose displacements are found together


@dataclass(frozen=True)
class MotionSettings:
    """How finely motion is looked at.

    radius_in_voxels: pixels to the radius of the smallest structure. most_pixels: of a slice.
    """

    radius_in_voxels: float = 9.0
    most_pixels: int = 5000


DEFAULT = MotionSettings()


@dataclass(frozen=True, eq=False)
class SliceMotion:
    """Where what the slices of a region show was on the drawn ones.

    plane: the array axis across the slices. grid: on which it was found, all slices of the scan.
    first: slice of the scan that `paths` begin with. drawn: slices of the scan. paths: float32
    (drawn, slice, 2, rows, columns): by how many rows and columns of the grid what a pixel shows
    lies elsewhere on the drawn slice. ends: mm from the last drawn slice up to which structures are
    seen to go on, by number and whether above it (`fewslice.engines.interpolation.seen_ends`).
    """

    plane: int
    grid: WorkingGrid
    first: int
    drawn: tuple[int, ...]
    paths: Float32Array
    ends: Mapping[tuple[int, bool], float] = field(default_factory=dict)

    def path(self, drawn: int, at: float) -> Float32Array:
        """Return displacements (2, rows, columns) from a position to a drawn slice.

        at: the position, in slices of the scan.
        """
        nearest = min(max(round(at - self.first), 0), self.paths.shape[1] - 1)
        path: Float32Array = self.paths[self.drawn.index(drawn), nearest]
        return path


def find_motions(
    scan: Scan,
    region: Region,
    shapes: Sequence[SliceShape],
    settings: MotionSettings = DEFAULT,
) -> tuple[SliceMotion, ...]:
    """Return how what is seen in a region moves from the slices that show a structure.

    shapes: the outlines on all drawn slices. Of each plane with slices there is one.
    """
    finest = float(structure_radii(tuple(shapes)).min()) / settings.radius_in_voxels
    shown = [shape for shape in shapes if shape.present.any()]
    found = []
    for plane in sorted({shape.axis for shape in shown}):
        drawn = sorted(shape.index for shape in shown if shape.axis == plane)
        grid = _grid(scan, region, plane, finest, settings.most_pixels)
        steps = _kept_steps(scan, grid, plane)
        first, last = region.start[plane], region.stop[plane] - 1
        steps.find(scan, range(drawn[0] + 1, last + 1), range(first, drawn[-1]))
        paths = _paths(steps, (first, last), drawn)
        found.append(SliceMotion(plane, grid, first, tuple(drawn), paths))
    return tuple(found)


def _grid(scan: Scan, region: Region, plane: int, finest: float, most: int) -> WorkingGrid:
    """Return the window around a region and how finely it is looked at, both in steps."""
    start, stop, shape = [0, 0, 0], list(scan.shape), list(scan.shape)
    for axis in inplane_axes(plane):
        side = region.stop[axis] - region.start[axis]
        unit = 2 ** max(int(math.log2(side)) - 3, 0)
        start[axis] = region.start[axis] // unit * unit
        stop[axis] = min(-(-region.stop[axis] // unit) * unit, scan.shape[axis])
        coarser = max(finest / scan.spacing[axis], 1.0)
        shape[axis] = _coarsened(stop[axis] - start[axis], math.floor(2 * math.log2(coarser)))
    while shape[inplane_axes(plane)[0]] * shape[inplane_axes(plane)[1]] > most:
        longest = max(inplane_axes(plane), key=lambda axis: shape[axis])
        shape[longest] = _coarsened(shape[longest], 1)
    window = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    return WorkingGrid(window, (shape[0], shape[1], shape[2]), scan.spacing)


def _coarsened(length: int, times: int) -> int:
    """Return a number of pixels divided so many times by the square root of two."""
    return max(round(length / math.sqrt(2) ** times), 1)


@dataclass(frozen=True, eq=False)
class _Steps:
    """Displacements between neighbouring slices of a window, found when they are first asked for.

    ranges: of the intensities of each channel. rising, falling: float16 (slice, 2, rows, columns),
    from each slice to the one before and to the one after. known: bool (2, slice), which of them
    are found.
    """

    grid: WorkingGrid
    plane: int
    ranges: tuple[IntensityRange, ...]
    rising: npt.NDArray[np.float16]
    falling: npt.NDArray[np.float16]
    known: npt.NDArray[np.bool_]

    @classmethod
    def none(cls, scan: Scan, grid: WorkingGrid, plane: int) -> Self:
        """Return those of which nothing is found yet."""
        rows, columns = (grid.shape[axis] for axis in inplane_axes(plane))
        size = (grid.shape[plane], 2, rows, columns)
        rising, falling = np.zeros(size, dtype=np.float16), np.zeros(size, dtype=np.float16)
        spread = _spread(grid.shape[plane])
        windows = (_window(channel, grid, plane) for channel in scan.channels)
        ranges = tuple(IntensityRange.of(window[spread]) for window in windows)
        return cls(grid, plane, ranges, rising, falling, np.zeros((2, size[0]), dtype=bool))

    @property
    def nbytes(self) -> int:
        """How much memory they take."""
        return self.rising.nbytes + self.falling.nbytes + self.known.nbytes

    def find(self, scan: Scan, rising: range, falling: range) -> None:
        """Find displacements from slices to the one before, and to the one after.

        They are found in blocks, always of the same slices: in how large a batch, and where in it,
        products of matrices are computed changes their last bits, and an answer must not depend on
        what was asked before. The scan is not held here: its memo, which keeps this, would keep it
        alive.
        """
        from fewslice.engines.interpolation.demons import displacements

        ways = (
            (rising, -1, self.rising, self.known[0]),
            (falling, 1, self.falling, self.known[1]),
        )
        missing = [{at // _BLOCK for at in asked if not known[at]} for asked, _, _, known in ways]
        for block in sorted(missing[0] | missing[1]):
            images, begin = self._images(scan, block)
            for (_, away, found, known), blocks in zip(ways, missing, strict=True):
                if block not in blocks:
                    continue
                here = np.arange(block * _BLOCK, (block + 1) * _BLOCK)
                here = here[(here + min(away, 0) >= 0) & (here + max(away, 0) < len(known))]
                found[here] = displacements(images[here - begin], images[here + away - begin])
                known[here] = True

    def _images(self, scan: Scan, block: int) -> tuple[Float32Array, int]:
        """Return a block's slices and their neighbours on the grid, and which is the first.

        float32 (slice, channel, rows, columns), about 0 to 1.
        """
        first = max(block * _BLOCK - 1, 0)
        slices = slice(first, (block + 1) * _BLOCK + 1)
        scaled = []
        for channel, values in zip(scan.channels, self.ranges, strict=True):
            seen = _window(channel, self.grid, self.plane)[slices].astype(np.float32)
            scaled.append(values.scaled(self.grid.down(seen, inplane_axes(self.plane))))
        return np.stack(scaled, axis=1).astype(np.float32), first


def _kept_steps(scan: Scan, grid: WorkingGrid, plane: int) -> _Steps:
    begin = partial(_Steps.none, scan, grid, plane)
    if scan.memo is None:
        return begin()
    seen = scan.channels[(slice(None), *grid.region.slices)]
    return scan.memo.of(seen, ("motion", plane, grid.shape), begin)


def _window(channel: npt.NDArray[Any], grid: WorkingGrid, plane: int) -> npt.NDArray[Any]:
    """Return what a channel shows in the grid's region, slices first."""
    return np.moveaxis(channel[grid.region.slices], plane, 0)


def _spread(slices: int) -> npt.NDArray[np.intp]:
    """Return some of the slices, the same ones if they are counted from the other end."""
    half = np.linspace(0, (slices - 1) / 2, _SAMPLED // 2).astype(np.intp)
    return np.union1d(half, slices - 1 - half)


def _paths(steps: _Steps, between: tuple[int, int], drawn: Sequence[int]) -> Float32Array:
    """Return displacements (drawn, slice, 2, rows, columns) from slices to those that are drawn.

    between: the first and the last slice that is asked about. drawn: ascending.
    """
    first, last = between
    size = (len(drawn), last + 1 - first, *steps.rising.shape[1:])
    paths = np.zeros(size, dtype=np.float32)
    for at in range(min(drawn) + 1, last + 1):
        before = [number for number, start in enumerate(drawn) if start < at]
        paths[before, at - first] = _strung(paths[before, at - 1 - first], steps.rising[at])
    for at in range(max(drawn) - 1, first - 1, -1):
        after = [number for number, start in enumerate(drawn) if start > at]
        paths[after, at - first] = _strung(paths[after, at + 1 - first], steps.falling[at])
    return paths


def _strung(path: Float32Array, step: npt.NDArray[np.float16]) -> Float32Array:
    """Return displacements (drawn, 2, rows, columns) that begin a step (2, rows, columns) farther.

    What a pixel shows lies a step away on the next slice, and from there the path goes on.
    """
    import torch

    from fewslice.engines.interpolation.demons import identity, sampled

    way = torch.from_numpy(step.astype(np.float32))
    places = (identity(way.shape[-2:]) + way).expand(len(path), -1, -1, -1)
    found: Float32Array = (sampled(torch.from_numpy(path), places) + way).numpy()
    return found
