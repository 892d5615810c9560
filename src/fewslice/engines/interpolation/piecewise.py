"""The outlines of a structure of several pieces: each piece interpolated and capped by itself.

Between two drawn slices a group of pieces (`fewslice.engines.interpolation.pieces`) is interpolated
as a structure of one piece is, on the way of its own middle. A piece that the next slice does not
hold tapers towards it by a cap of its own, and so does each piece beyond the outermost slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fewslice.engines.interpolation.centreline import CentrePath, Outline, centre_path
from fewslice.engines.interpolation.end_caps import (
    Cap,
    EndCapSettings,
    Extent,
    cap_between,
    piece_cap,
    tapered,
)
from fewslice.engines.interpolation.pieces import Group, Pieces, find_pieces, match
from fewslice.engines.interpolation.plane_view import PlaneView, Window
from fewslice.typing import BoolArray, Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.working_grid import WorkingGrid

SATURATED = 6.0
"""Half log-odds beyond which nothing changes any more."""


@dataclass(frozen=True, eq=False)
class _Part:
    """A group of pieces between two slices, or a piece beyond its last, in a window of the grid.

    index: of the slice it is drawn on. here: float32 (rows, columns), signed distance in mm there.
    following, there: the same of the next slice; there is None if it ends before. path: the way of
    its middle. cap: how it ends.
    """

    index: int
    here: Float32Array
    following: int
    there: Float32Array | None
    window: Window
    path: CentrePath
    cap: Cap

    @cached_property
    def radius(self) -> float:
        """Radius in mm of the largest inscribed circle."""
        drawn = [self.here] if self.there is None else [self.here, self.there]
        return max(0.0, *(float(one.max()) for one in drawn))

    def odds(self, at: float, view: PlaneView, distance: float) -> Float32Array:
        """Return half log-odds in the window at a position, `distance` mm from a drawn slice."""
        here = view.moved(self.here, self.path.moved(self.index, at))
        if self.there is not None:
            part = np.float32((at - self.index) / (self.following - self.index))
            there = view.moved(self.there, self.path.moved(self.following, at))
            field = (1 - part) * here + part * there
        else:
            field = tapered(here, abs(at - self.index) * view.step, self.cap.length)
        blur = max(min(distance, 2 * self.radius), self.cap.doubt * distance, view.finest)
        return np.asarray(field / np.float32(blur), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Piecewise:
    """A structure of several pieces on the slices of one plane.

    indices: of all annotated slices of the plane, ascending. gaps: the groups between each and the
    next. below, above: the pieces beyond the outermost slices.
    """

    indices: tuple[int, ...]
    gaps: tuple[tuple[_Part, ...], ...]
    below: tuple[_Part, ...]
    above: tuple[_Part, ...]
    view: PlaneView

    def odds(self, at: float, distance: float) -> Float32Array:
        """Return half log-odds (rows, columns) at a position across the plane.

        at: in slices of the volume. distance: mm to the nearest annotated slice, not 0.
        """
        result = np.full(self.view.shape, -1e6, dtype=np.float32)
        for part in self._parts(at):
            here = result[part.window]
            np.maximum(here, part.odds(at, self.view, distance), out=here)
        return result

    def _parts(self, at: float) -> tuple[_Part, ...]:
        if at <= self.indices[0]:
            return self.below
        if at >= self.indices[-1]:
            return self.above
        return self.gaps[int(np.searchsorted(self.indices, at)) - 1]


def piecewise(
    outlines: Sequence[Outline], grid: WorkingGrid, plane: int, settings: EndCapSettings
) -> Piecewise | None:
    """Return a structure piece by piece; None if it is one piece on every slice, or partly known.

    outlines: of all annotated slices of the plane, at the volume's resolution, in any order; empty
    where the structure is not.
    """
    if not all(outline.whole for outline in outlines):
        return None
    row, column = inplane_axes(plane)
    steps = (grid.native_spacing[row], grid.native_spacing[column])
    ordered = sorted(outlines, key=lambda outline: outline.index)
    slices = [find_pieces(outline.inside, outline.index, steps) for outline in ordered]
    if max(pieces.count for pieces in slices) < 2:
        return None
    view = PlaneView(grid, plane)
    groups = [
        match(one, other, (other.index - one.index) * view.step) for one, other in pairwise(slices)
    ]
    turned = [tuple(Group(group.above, group.below) for group in gap) for gap in groups[::-1]]
    around = zip([(), *groups], groups, [*groups[1:], ()], pairwise(slices), strict=False)
    gaps = (
        tuple(_between(group, places, _lone(group, before, after), view, settings) for group in gap)
        for before, gap, after, places in around
    )
    return Piecewise(
        tuple(pieces.index for pieces in slices),
        tuple(gaps),
        _beyond(slices[::-1], turned, view, settings),
        _beyond(slices, groups, view, settings),
        view,
    )


def _lone(group: Group, before: Sequence[Group], after: Sequence[Group]) -> bool:
    """Whether the pieces of a group are on one slice only. before, after: groups of other gaps."""
    if group.matched:
        return False
    if len(group.below):
        return not any(np.isin(one.above, group.below).any() and one.matched for one in before)
    return not any(np.isin(one.below, group.above).any() and one.matched for one in after)


def _between(
    group: Group,
    places: tuple[Pieces, Pieces],
    lone: bool,
    view: PlaneView,
    settings: EndCapSettings,
) -> _Part:
    """Return a group between two slices. lone: whether its pieces are on one slice only."""
    one, other = places
    gap = (other.index - one.index) * view.step
    masks = one.mask(group.below), other.mask(group.above)
    if group.matched:
        window = _window(masks[0] | masks[1], gap / 2, 0.0, view)
        here, there = (view.distances(mask, window) for mask in masks)
        path = _path([(one, group.below), (other, group.above)])
        grid_window = view.on_grid(window)
        return _Part(one.index, here, other.index, there, grid_window, path, Cap(0.0, 0.0))
    mask = masks[0] | masks[1]
    drawn, next_ = (one, other) if len(group.below) else (other, one)
    area = float(mask.sum()) * one.steps[0] * one.steps[1]
    cap = cap_between(gap, area if lone else None, view.step, settings)
    window = _window(mask, gap / 2, 0.0, view)
    here = view.distances(mask, window)
    return _Part(drawn.index, here, next_.index, None, view.on_grid(window), _path([]), cap)


def _window(inside: BoolArray, distance: float, doubt: float, view: PlaneView) -> Window:
    """Return where pieces leave any doubt up to a distance in mm from their slice.

    Elsewhere odds would be cut (see `_Part.odds`). No inscribed circle is larger than one of the
    same area.
    """
    pixel = [view.grid.native_spacing[other] for other in inplane_axes(view.plane)]
    radius = float(np.sqrt(inside.sum() * pixel[0] * pixel[1] / np.pi)) + max(pixel)
    distance = max(distance, view.step)
    blur = max(min(distance, 2 * radius), doubt * distance, view.finest)
    return view.around(inside, SATURATED * blur)


def _path(places: list[tuple[Pieces, npt.NDArray[np.intp]]]) -> CentrePath:
    outlines = [Outline(pieces.index, pieces.mask(chosen), True) for pieces, chosen in places]
    return centre_path(outlines, places[0][0].steps if places else (1.0, 1.0))


def _beyond(
    slices: Sequence[Pieces],
    groups: Sequence[Sequence[Group]],
    view: PlaneView,
    settings: EndCapSettings,
) -> tuple[_Part, ...]:
    """Return the pieces of the last slice, which go on beyond it.

    slices: in order, the last one at the end that is asked about. groups: between each and the
    next.
    """
    last = slices[-1]
    drawn = [pieces for pieces in slices if pieces.count]
    whole = Extent(
        np.array([pieces.index * view.step for pieces in drawn]),
        np.array([float(pieces.areas.sum()) for pieces in drawn]),
    )
    found = []
    for piece in range(last.count):
        track = _track(piece, groups)
        share = last.areas[piece] / last.areas[track[0]].sum()
        places = list(zip(slices[::-1], track, strict=False))[::-1]
        positions = np.array([pieces.index * view.step for pieces, _ in places])
        areas = np.array([float(pieces.areas[chosen].sum()) for pieces, chosen in places])
        cap = piece_cap(Extent(positions, areas * share), whole, view.step, settings)
        mask = last.mask(np.array([piece]))
        window = _window(mask, cap.length, cap.doubt, view)
        here, path = view.distances(mask, window), _path(places[-2:])
        found.append(_Part(last.index, here, last.index, None, view.on_grid(window), path, cap))
    return tuple(found)


def _track(piece: int, groups: Sequence[Sequence[Group]]) -> list[npt.NDArray[np.intp]]:
    """Return the pieces that one of the last slice goes with, slice by slice, last one first."""
    chosen = np.array([piece])
    track: list[npt.NDArray[np.intp]] = []
    for gap in reversed(groups):
        mine = [group for group in gap if np.isin(group.above, chosen).any()]
        if not track:
            track.append(np.concatenate([group.above for group in mine]))
        chosen = np.concatenate([group.below for group in mine])
        if not len(chosen):
            break
        track.append(chosen)
    return track or [chosen]
