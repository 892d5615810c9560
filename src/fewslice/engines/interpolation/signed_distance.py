"""Where a structure is, judged by its outlines alone: signed distances between annotated slices.

Between two slices that hold a structure its signed distance (mm) is interpolated linearly (Raya
and Udupa 1990), on the way of its middle (`fewslice.engines.interpolation.centreline`). Towards a
slice known not to
hold it, and beyond the outermost slice, it tapers: the outline shrinks like an ellipsoid cap of a
stated length in mm. Several planes are averaged by how much their slices tell
(`fewslice.engines.interpolation.plane_weights`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from fewslice.engines.interpolation.centreline import (
    HARDLY,
    CentrePath,
    Outline,
    centre_path,
    shifted,
)
from fewslice.engines.interpolation.end_caps import Cap, EndCapSettings, Extent, tapered
from fewslice.engines.interpolation.followed import Carrier, Followed, followed
from fewslice.engines.interpolation.piecewise import SATURATED, Piecewise, piecewise
from fewslice.engines.interpolation.plane_weights import DrawnSlice, PlaneWeights, plane_weights
from fewslice.engines.interpolation.slice_motion import SliceMotion
from fewslice.engines.interpolation.slice_shapes import SliceShape, structure_radii
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.working_grid import WorkingGrid

# Log-odds are cut here: beyond this the outlines leave no doubt that intensities could remove.
CERTAIN = 2 * SATURATED


def _inplane(axis: int) -> list[int]:
    return list(inplane_axes(axis))


@dataclass(frozen=True, eq=False)
class _PlaneOdds:
    """What one plane says of the whole grid, for slices across any axis.

    odds: float16 (structure, i, j, k). distance: mm to the plane's nearest annotated slice, per
    position across the plane.
    """

    plane: int
    odds: npt.NDArray[np.float16]
    distance: npt.NDArray[np.float64]

    def slice_at(self, axis: int, position: int) -> tuple[Float32Array, npt.NDArray[np.float64]]:
        """Return odds (structure, rows, columns) of a slice, and distances broadcasting over it."""
        odds = np.take(self.odds, position, axis=1 + axis).astype(np.float32)
        if self.plane == axis:
            return odds, self.distance[position].reshape(1, 1)
        along_rows = _inplane(axis).index(self.plane) == 0
        return odds, self.distance[:, None] if along_rows else self.distance[None, :]


@dataclass(frozen=True, eq=False)
class ShapePrior:
    """The outlines of all annotated slices on one working grid, ready to be asked per slice.

    axis: the axis across which slices are asked. radii: median inscribed radius of each structure
    over its slices, mm. paths: of each plane with slices, the way of each structure's middle.
    crossing: what each plane says, computed beforehand (see `_PlaneOdds`); empty where all slices
    lie across `axis`. weights: how much each plane counts; empty for a single one. followed: of
    each plane whose outlines are carried along with what the images show.
    """

    shapes: tuple[SliceShape, ...]
    grid: WorkingGrid
    axis: int
    end_caps: EndCapSettings
    radii: npt.NDArray[np.float64]
    paths: Mapping[int, tuple[CentrePath, ...]]
    crossing: tuple[_PlaneOdds, ...] = ()
    pieces: Mapping[tuple[int, int], Piecewise] = field(default_factory=dict)
    weights: PlaneWeights = field(default_factory=PlaneWeights)
    followed: Mapping[int, Followed] = field(default_factory=dict)

    @classmethod
    def on_grid(
        cls,
        shapes: tuple[SliceShape, ...],
        grid: WorkingGrid,
        axis: int,
        end_caps: EndCapSettings,
        motions: Sequence[SliceMotion] = (),
    ) -> ShapePrior:
        """Resample outlines to a working grid, to be asked for slices across `axis`.

        motions: what the images show to move, of planes with slices; outlines of others move along
        with their middle only.
        """
        coarse = tuple(
            replace(shape, distances=grid.down(shape.distances, _inplane(shape.axis)))
            for shape in shapes
        )
        planes = sorted({shape.axis for shape in shapes})
        paths = {plane: _paths(shapes, plane, grid.native_spacing) for plane in planes}
        pieces = _pieces(shapes, planes, grid, end_caps)
        alone = cls(coarse, grid, axis, end_caps, structure_radii(shapes), paths, (), pieces)
        alone = replace(alone, followed={one.plane: alone._following(one) for one in motions})
        if len(planes) == 1 and planes[0] == axis:
            return alone
        crossing = tuple(alone._said_by(plane) for plane in planes)
        weights = alone._weighed(shapes, crossing) if len(planes) > 1 else PlaneWeights()
        return replace(alone, crossing=crossing, weights=weights)

    def log_odds(self, position: int) -> Float32Array:
        """Return the log-odds of each class on one slice of the grid, from all planes together.

        position: the slice, in voxels of the working grid. Result: float32
        (class, rows, columns), background first; only differences between classes mean something,
        and they are at most `CERTAIN`.
        """
        if not self.crossing:
            return _with_background(self._at(self.axis, self.grid.centres(self.axis)[position])[0])
        answers = [one.slice_at(self.axis, position) for one in self.crossing]
        if len(answers) == 1:
            return _with_background(answers[0][0])
        sums = np.zeros((2, *answers[0][0].shape), dtype=np.float32)
        for one, (odds, distance) in zip(self.crossing, answers, strict=True):
            weight = self._counted(one.plane, np.ravel(distance)).reshape(-1, *distance.shape)
            sums += weight * odds, np.broadcast_to(weight, odds.shape)
        return _with_background(sums[0] / sums[1])

    def doubt(self) -> npt.NDArray[np.float64]:
        """Return how little is known of each structure's end, (structure, i, j, k) on the grid.

        By how many mm the outline may be off for every mm (see `Cap`), over that of the only slice
        and at most 1; 0 between the outermost annotated slices. Of several planes it is averaged as
        their outlines are. Sides along which it does not change are 1.
        """
        doubts = [self._doubt_across(plane) for plane in self.paths]
        if len(doubts) == 1:
            return doubts[0]
        sums = [np.zeros(()), np.zeros(())]
        for plane, doubt in zip(self.paths, doubts, strict=True):
            weight = self._counted(plane, self._distances(plane))
            weight = np.expand_dims(weight, tuple(1 + axis for axis in inplane_axes(plane)))
            sums = [sums[0] + weight * doubt, sums[1] + weight]
        return np.asarray(sums[0] / sums[1], dtype=np.float64)

    def _distances(self, plane: int) -> npt.NDArray[np.float64]:
        """Return mm from each position across a plane to its nearest slice."""
        drawn = [shape.index for shape in self.shapes if shape.axis == plane]
        away = np.abs(self.grid.centres(plane)[:, None] - drawn).min(axis=1)
        return np.asarray(away * self.grid.native_spacing[plane], dtype=np.float64)

    def _counted(self, plane: int, distance: npt.NDArray[np.float64]) -> Float32Array:
        """Return how much a plane's outlines count, (structure, position), at distances in mm."""
        weights = self.weights.at(plane, distance + self.grid.native_spacing[plane])
        return np.asarray(weights, dtype=np.float32)

    def _weighed(
        self, shapes: tuple[SliceShape, ...], crossing: Sequence[_PlaneOdds]
    ) -> PlaneWeights:
        """Return how much planes count, by what each alone says of the other planes' slices.

        shapes: the outlines at full resolution. crossing: what each plane says.
        """
        foretold = {
            said.plane: [
                (np.take(said.odds, at, axis=1 + one.axis) > 0, one.distances > 0)
                for one in self.shapes
                if one.axis != said.plane and one.whole
                if (at := self.grid.index_of(one.axis, one.index)) is not None
            ]
            for said in crossing
        }
        drawn = [DrawnSlice(one.axis, one.distances > 0) for one in shapes]
        return plane_weights(drawn, foretold, self.grid.native_spacing)

    def _doubt_across(self, plane: int) -> npt.NDArray[np.float64]:
        """Return the doubt that one plane's slices leave (see `doubt`)."""
        drawn = [shape for shape in self.shapes if shape.axis == plane]
        first, last = (choose(shape.index for shape in drawn) for choose in (min, max))
        at, step = self.grid.centres(plane), self.grid.native_spacing[plane]
        found = np.zeros((len(self.radii), len(at)))
        for number in np.flatnonzero(np.any([shape.present for shape in drawn], axis=0)):
            for above, beyond in ((False, at < first), (True, at > last)):
                if beyond.any():
                    cap = self._cap(drawn, int(number), above=above, step=step)
                    found[number, beyond] = min(cap.doubt / self.end_caps.doubt_of_one, 1.0)
        if plane in self.weights.agreement:
            found *= 1 - self.weights.agreement[plane][:, None]
        return np.expand_dims(found, tuple(1 + axis for axis in inplane_axes(plane)))

    def _said_by(self, plane: int) -> _PlaneOdds:
        answers = [self._at(plane, float(at)) for at in self.grid.centres(plane)]
        odds = np.stack([odds.astype(np.float16) for odds, _ in answers], axis=1 + plane)
        return _PlaneOdds(plane, odds, np.array([distance for _, distance in answers]))

    def _at(self, plane: int, at: float) -> tuple[Float32Array, float]:
        """Return half log-odds (structure, rows, columns) at a position across one plane."""
        shapes = [shape for shape in self.shapes if shape.axis == plane]
        step = self.grid.native_spacing[plane]
        distance = min(abs(shape.index - at) for shape in shapes) * step
        numbers = range(len(shapes[0].present))
        distances = np.stack([self._structure_at(shapes, number, at, step) for number in numbers])
        blur = self._blur(shapes, at, max(distance, step))
        odds = distances / blur[:, None, None]
        for number in numbers:
            if (plane, number) in self.pieces:
                odds[number] = self.pieces[plane, number].odds(at, max(distance, step))
        odds = np.clip(odds, -CERTAIN / 2, CERTAIN / 2)
        return odds.astype(np.float32), distance

    def _blur(
        self, shapes: list[SliceShape], at: float, distance: float
    ) -> npt.NDArray[np.float64]:
        """Return by how many mm each structure's outline may be off at a position.

        One mm per mm from the nearest slice, but no more than two inscribed radii: a thin layer
        would otherwise be anywhere within the distance between two slices. Beyond the outermost
        slice it may be more (see `Cap`), and without a limit.
        """
        blur = np.minimum(distance, 2.0 * self.radii)
        above = at > max(shape.index for shape in shapes)
        outside = above or at < min(shape.index for shape in shapes)
        step = self.grid.native_spacing[shapes[0].axis]
        for number, drawn in enumerate(np.sum([shape.present for shape in shapes], axis=0)):
            if drawn == 1:
                blur[number] = distance
            if drawn and outside:
                cap = self._cap(shapes, number, above=above, step=step)
                blur[number] = max(blur[number], cap.doubt * distance)
        return np.maximum(blur, min(self.grid.spacing))

    def _structure_at(
        self, shapes: list[SliceShape], number: int, at: float, step: float
    ) -> Float32Array:
        """Return the signed distance (mm) of one structure at a position across one plane."""
        below = max((s for s in shapes if s.index <= at), key=lambda s: s.index, default=None)
        above = min((s for s in shapes if s.index >= at), key=lambda s: s.index, default=None)
        holds_below = below is not None and bool(below.present[number])
        holds_above = above is not None and bool(above.present[number])
        if below is not None and above is not None and holds_below and holds_above:
            if below.index == above.index:
                exact: Float32Array = below.distances[number]
                return exact
            part = np.float32((at - below.index) / (above.index - below.index))
            between: Float32Array = (1 - part) * self._moved(below, number, at)
            between += part * self._moved(above, number, at)
            return between
        last = below if holds_below else above if holds_above else None
        if last is None:
            return np.full(shapes[0].distances.shape[1:], -1e6, dtype=np.float32)
        length = (
            abs(above.index - below.index) * step
            if below is not None and above is not None
            else self._cap(shapes, number, above=above is None, step=step).length
        )
        return tapered(self._moved(last, number, at), abs(at - last.index) * step, length)

    def _following(self, motion: SliceMotion) -> Followed:
        mine = [shape for shape in self.shapes if shape.axis == motion.plane]
        return followed(Carrier.on(self.grid, motion), mine, self._moved)

    def _moved(self, shape: SliceShape, number: int, at: float) -> Float32Array:
        """Return the signed distance (mm) of a slice's outline, carried along to a position."""
        following = self.followed.get(shape.axis)
        if following is not None and following.follows(number, shape.index, at):
            return following.outline(shape, number, at)
        return shifted(shape.distances[number], self.move(shape, number, at), HARDLY)

    def move(self, shape: SliceShape, number: int, at: float) -> npt.NDArray[np.float64]:
        """Return by how many rows and columns of the grid, (2,), a structure's outline moves.

        shape: a drawn slice next to the position `at`, on either side.
        """
        by = self.paths[shape.axis][number].moved(shape.index, at)
        return by / [self.grid.spacing[other] for other in _inplane(shape.axis)]

    def _cap(self, shapes: list[SliceShape], number: int, *, above: bool, step: float) -> Cap:
        """Return how a structure goes on beyond its last drawn slice, above or below."""
        plane = shapes[0].axis
        cap = Extent.of(shapes, number, step, above=above).cap(step, self.end_caps)
        if plane not in self.followed:
            return cap
        ends = self.followed[plane].carrier.motion.ends
        return replace(cap, length=max(cap.length, ends.get((number, above), 0.0)))


def _paths(
    shapes: tuple[SliceShape, ...], plane: int, spacing: tuple[float, float, float]
) -> tuple[CentrePath, ...]:
    """Return the path of each structure over the slices of one plane."""
    rows, columns = _inplane(plane)
    steps = (spacing[rows], spacing[columns])
    mine = [shape for shape in shapes if shape.axis == plane]
    return tuple(
        centre_path(
            [
                Outline(shape.index, shape.distances[number] > 0, shape.whole)
                for shape in mine
                if shape.present[number]
            ],
            steps,
        )
        for number in range(len(mine[0].present))
    )


def _pieces(
    shapes: tuple[SliceShape, ...],
    planes: Sequence[int],
    grid: WorkingGrid,
    end_caps: EndCapSettings,
) -> dict[tuple[int, int], Piecewise]:
    """Return, by plane and structure, those of several pieces."""
    found = {}
    for plane in planes:
        mine = [shape for shape in shapes if shape.axis == plane]
        for number in range(len(mine[0].present)):
            outlines = [
                Outline(shape.index, shape.distances[number] > 0, shape.whole) for shape in mine
            ]
            if (one := piecewise(outlines, grid, plane, end_caps)) is not None:
                found[plane, number] = one
    return found


def _with_background(structures: Float32Array) -> Float32Array:
    """Put the background's log-odds, the opposite of the nearest structure's, in front."""
    return np.concatenate([-structures.max(axis=0, keepdims=True), structures])


def softmax(log_odds: Float32Array) -> Float32Array:
    """Return class probabilities along the first axis."""
    exponents = np.exp(log_odds - log_odds.max(axis=0, keepdims=True))
    result: Float32Array = exponents / exponents.sum(axis=0, keepdims=True)
    return result
