"""How far a structure goes on beyond the last drawn slice, as far as the images tell.

From one slice, or some close to one another, nobody can tell by outlines how long a structure is: a
cord goes on through the whole scan, a gland for about its own radius. An eye that pages on sees it:
what lies within the outline, carried along (`fewslice.engines.interpolation.slice_motion`), still
looks as it did on the drawn slice, and stands out from its surroundings as it did. So from slice to
slice a logistic regression says how likely the structure still goes on; `benchmarks/seen_ends.py`
fits it on training scans, beyond a single slice, and tells how well it does on whole kinds that
were left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Self

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Scan
from fewslice.engines.interpolation.end_caps import EndCapSettings, Extent
from fewslice.engines.interpolation.followed import Carrier
from fewslice.engines.interpolation.pieces import find_pieces
from fewslice.engines.interpolation.slice_motion import find_motions
from fewslice.engines.interpolation.slice_shapes import SliceShape, slice_shapes
from fewslice.typing import BoolArray, Float32Array, Float64Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid

FEATURES = (
    "log distance",
    "distance",
    "log step",
    "drift",
    "log area",
    "contrast",
    "told apart",
    "told apart less",
)
"""What the chance of going on is told from, on each slice.

Distance: from the drawn slice, and step: from slice to slice, in radii of a circle as large as what
was drawn. Drift: by how much the mean intensity within the carried outline has differed at most
from that within the drawn one, over the contrast. Area: of the carried outline, over that of the
drawn one. Contrast: between what was drawn and a rim around it, in standard deviations of both
together. Told apart: how often a pixel within is told from one in the rim by its intensity, on the
drawn slice; less: by how much less often on the worst slice so far, which is negative.
"""

_WEIGHTS = (-1.966, 0.274, 0.854, -0.925, 0.832, -0.687, 4.316, 1.515)
_BIAS = 1.098
_FEWEST = 4  # pixels within, and of the rim
_AT_ONCE = 12  # slices between which motion is looked for
_LEAST = 0.1  # squared contrasts that a drift is measured in, so that it stays finite


@dataclass(frozen=True)
class EndSettings:
    """Where ends are looked for.

    most: radii (see `FEATURES`) from the drawn slice. sure: a structure goes on for as long as the
    chance of it stays above this: to go on too far costs more than to end where outlines would.
    """

    most: float = 12.0
    sure: float = 0.9


DEFAULT = EndSettings()


def seen_ends(
    scan: Scan, annotation: Annotation, region: Region, settings: EndSettings = DEFAULT
) -> Mapping[tuple[int, bool], float]:
    """Return mm from the outermost drawn slice up to which structures go on, by number and side.

    Sides are whether it is above. scan: with a memo, in which what moves is kept. region: around
    what was drawn. There are none where slices of several planes are annotated, where they are
    spread so evenly that they tell the ends themselves, on a side where a slice was looked at that
    does not show the structure, beyond a slice that is known in part, and of structures in pieces.
    """
    if len(annotation.axes) != 1:
        return {}
    shapes = slice_shapes(annotation, region, scan.spacing)
    ends: dict[tuple[int, bool], float] = {}
    for last, sides in _outermost(shapes):
        shown = last.shown()
        numbers = np.flatnonzero(last.present & last.whole).tolist()
        for place, number in enumerate(numbers):
            if _tell_end(shapes, last, number, scan.spacing):
                continue
            drawn = DrawnStructure.of(scan, region, shown, place)
            if drawn is not None:
                ends |= {(number, above): _end(drawn, settings, above=above) for above in sides}
    return ends


def _outermost(shapes: Sequence[SliceShape]) -> list[tuple[SliceShape, tuple[bool, ...]]]:
    """Return the slices beyond which ends are looked for, each with its sides."""
    ordered = sorted(shapes, key=lambda one: one.index)
    if len(ordered) == 1:
        return [(ordered[0], (False, True))]
    return [(ordered[0], (False,)), (ordered[-1], (True,))]


def _tell_end(
    shapes: Sequence[SliceShape],
    last: SliceShape,
    number: int,
    spacing: tuple[float, float, float],
) -> bool:
    """Whether slices of one plane tell themselves where a structure ends beyond the last of them.

    They do if they are spread evenly; and what is in pieces there ends piece by piece.
    """
    step = spacing[last.axis]
    rows, columns = inplane_axes(last.axis)
    if Extent.of(shapes, number, step, above=True).spread_evenly(step, EndCapSettings()):
        return True
    drawn = last.distances[number] > 0
    return find_pieces(drawn, last.index, (spacing[rows], spacing[columns])).count > 1


def _end(drawn: DrawnStructure, settings: EndSettings, *, above: bool) -> float:
    """Return mm up to which a structure surely goes on on one side."""
    rows = drawn.outlook(settings.most, above=above)
    goes_on = sum(1 for _ in takewhile(lambda row: chance(row) > settings.sure, rows))
    return (goes_on + 0.5) * drawn.step


def chance(row: Float64Array) -> float:
    """Return the probability that a structure goes on on a slice. row: its `FEATURES`."""
    return 0.5 * (1 + math.tanh(0.5 * (float(np.asarray(_WEIGHTS) @ row) + _BIAS)))


@dataclass(frozen=True, eq=False)
class DrawnStructure:
    """A structure on its last drawn slice, on a grid as coarse as motion needs.

    scan: with a memo. region: around what was drawn; as far as it reaches across the plane does not
    matter. shape: the outlines of the slice at full resolution. number: of the structure. grid: of
    the region. outline: float32 (rows, columns), signed distance in mm on the grid, positive
    inside. middle, spread, contrasts: of each channel, float64 (channel,): the mean intensity
    within, the standard deviation within and in the rim together, and by how many of these the
    means of both differ.
    """

    scan: Scan
    region: Region
    shape: SliceShape
    number: int
    grid: WorkingGrid
    outline: Float32Array
    middle: Float64Array
    spread: Float64Array
    contrasts: Float64Array

    @classmethod
    def of(cls, scan: Scan, region: Region, shape: SliceShape, number: int) -> Self | None:
        """Return what was drawn; None if there are too few pixels within or around."""
        inplane = list(inplane_axes(shape.axis))
        (motion,) = find_motions(scan, region, (shape,))
        size = list(region.shape)
        for axis in inplane:
            window = motion.grid.region.shape[axis]
            size[axis] = max(round(region.shape[axis] * motion.grid.shape[axis] / window), 1)
        grid = WorkingGrid(region, (size[0], size[1], size[2]), scan.spacing)
        outline = grid.down(shape.distances[number], inplane)
        inside, rim = _inside_and_rim(outline, shape, number, grid)
        if min(np.count_nonzero(inside), np.count_nonzero(rim)) < _FEWEST:
            return None
        image = _seen(scan, grid, shape.axis, shape.index)
        middle = image[:, inside].mean(axis=1, dtype=np.float64)
        spread = image[:, inside | rim].std(axis=1, dtype=np.float64) + 1e-6
        contrasts = (middle - image[:, rim].mean(axis=1, dtype=np.float64)) / spread
        return cls(scan, region, shape, number, grid, outline, middle, spread, contrasts)

    @property
    def step(self) -> float:
        """From slice to slice, in mm."""
        return self.scan.spacing[self.shape.axis]

    @property
    def radius(self) -> float:
        """Of a circle as large as what was drawn, in mm."""
        return math.sqrt(float(self.shape.area[self.number]) / math.pi)

    def outlook(self, most: float, *, above: bool) -> Iterator[Float64Array]:
        """Yield the `FEATURES` of slices from the drawn one outwards, each when it is asked for.

        most: radii up to which there are any. It ends where the carried outline does.
        """
        step, radius = self.step / self.radius, self.radius
        contrast = float(np.linalg.norm(self.contrasts))
        told = self._look(self.outline, self.shape.index)[1]
        drift, least = 0.0, told
        area = np.count_nonzero(self.outline > 0)
        for away, distances in self._carried(int(most * radius / self.step), above=above):
            at = self.shape.index + (away if above else -away)
            if not (distances > 0).any():
                return
            drifted, apart = self._look(distances, at)
            drift, least = max(drift, abs(drifted)), min(least, apart)
            part = np.count_nonzero(distances > 0) / area
            distance = away * step
            known = (contrast, told, least - told)
            row = (math.log(distance), distance, math.log(step), drift, math.log(part), *known)
            yield np.array(row)

    def _carried(self, most: int, *, above: bool) -> Iterator[tuple[int, Float32Array]]:
        """Yield how many slices away, and the outline carried there, as signed distances."""
        plane, index = self.shape.axis, self.shape.index
        farthest = min(most, self.scan.shape[plane] - 1 - index if above else index)
        coarse = replace(self.shape, distances=self.outline[None])
        for first in range(1, farthest + 1, _AT_ONCE):
            until = min(first + _AT_ONCE - 1, farthest)
            region = self.region.reaching(plane, index + (until if above else -until))
            (motion,) = find_motions(self.scan, region, (self.shape,))
            carrier = Carrier.on(self.grid, motion)
            for away in range(first, until + 1):
                at = index + away if above else index - away
                yield away, carrier.carried(coarse, 0, float(at))

    def _look(self, distances: Float32Array, at: int) -> tuple[float, float]:
        """Return the drift and how well inside and rim are told apart on a slice."""
        inside, rim = _inside_and_rim(distances, self.shape, self.number, self.grid)
        image = _seen(self.scan, self.grid, self.shape.axis, at)
        scaled = (image - self.middle[:, None, None]) / self.spread[:, None, None]
        one = np.tensordot(self.contrasts, scaled, axes=1)
        drift = float(one[inside].mean()) / (float(self.contrasts @ self.contrasts) + _LEAST)
        return drift, _told_apart(one[inside], one[rim])


def _inside_and_rim(
    distances: Float32Array, shape: SliceShape, number: int, grid: WorkingGrid
) -> tuple[BoolArray, BoolArray]:
    """Return what lies within an outline, and what around it is as wide as the drawn structure."""
    pixels = [grid.spacing[axis] for axis in inplane_axes(shape.axis)]
    width = max(float(shape.radii[number]), 2 * min(pixels))
    return distances > 0, (distances <= 0) & (distances > -width)


def _seen(scan: Scan, grid: WorkingGrid, plane: int, at: int) -> Float32Array:
    """Return a slice of the scan on the grid, float32 (channel, rows, columns)."""
    inplane = list(inplane_axes(plane))
    rows, columns = (grid.region.slices[axis] for axis in inplane)
    whole = np.moveaxis(scan.channels, 1 + plane, 1)[:, at, rows, columns]
    return grid.down(whole.astype(np.float32), inplane)


def _told_apart(inside: npt.NDArray[np.floating], rim: npt.NDArray[np.floating]) -> float:
    """Return how often a value within is above one of the rim; half if they are equal."""
    if not len(rim):
        return 0.5
    ordered = np.sort(rim)
    below, up_to = (np.searchsorted(ordered, inside, side) for side in ("left", "right"))
    return float(np.mean(below + up_to)) / (2 * len(rim))
