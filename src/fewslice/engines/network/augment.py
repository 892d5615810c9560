"""The same task, seen differently: cut, flipped and turned, features and truth together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fewslice.engines.network.features import SliceFeatures

Truth = npt.NDArray[np.int8]
"""(slice, rows, columns) on the features' grid: class numbers, -1 where unknown."""

_SPATIAL = ("images", "seeds", "shape", "appearance", "walk", "outlines")


def cropped(
    features: SliceFeatures, truth: Truth, side: int, rng: np.random.Generator
) -> tuple[SliceFeatures, Truth]:
    """Cut rows and columns to at most `side`, around a random voxel of the structures."""
    height, width = truth.shape[1:]
    if height <= side and width <= side:
        return features, truth
    inside = np.argwhere(truth > 0)
    row, column = (
        inside[int(rng.integers(len(inside)))][1:] if len(inside) else (height // 2, width // 2)
    )
    rows, columns = _window(int(row), height, side), _window(int(column), width, side)
    across, down, right = features.origin
    moved = (across, down + rows.start * features.step[1], right + columns.start * features.step[2])
    cut = {name: getattr(features, name)[..., rows, columns] for name in _SPATIAL}
    crossing = _within(features.crossing, rows, columns)
    return replace(features, origin=moved, crossing=crossing, **cut), truth[:, rows, columns]


def _within(
    crossing: tuple[tuple[int, int], ...], rows: slice, columns: slice
) -> tuple[tuple[int, int], ...]:
    """Return the crossing slices within some rows and columns, counted from the first of these."""
    sides = {1: rows, 2: columns}
    return tuple(
        (axis, at - sides[axis].start)
        for axis, at in crossing
        if sides[axis].start <= at < sides[axis].stop
    )


def _window(at: int, length: int, side: int) -> slice:
    start = min(max(at - side // 2, 0), max(length - side, 0))
    return slice(start, min(start + side, length))


@dataclass(frozen=True)
class Turn:
    """Which way a task is turned: drawn once, so that all scans of an episode run alike.

    across, rows, columns: whether these run the other way. exchange: whether rows and columns
    change places, after that.
    """

    across: bool = False
    rows: bool = False
    columns: bool = False
    exchange: bool = False

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Turn:
        """Return one of the 16 turns, each as likely."""
        across, rows, columns, exchange = (bool(chance < 0.5) for chance in rng.random(4))
        return cls(across, rows, columns, exchange)

    def apply(self, features: SliceFeatures, truth: Truth) -> tuple[SliceFeatures, Truth]:
        """Return the features and the truth turned."""
        if self.across:
            features, truth = reversed_slices(features), truth[::-1]
        if self.rows:
            features, truth = flipped(features, -2), np.flip(truth, -2)
        if self.columns:
            features, truth = flipped(features, -1), np.flip(truth, -1)
        if self.exchange:
            features, truth = exchanged(features), np.swapaxes(truth, -1, -2)
        return features, truth


def reversed_slices(features: SliceFeatures) -> SliceFeatures:
    """Return the slices in the opposite order."""
    last = len(features.images) - 1
    moved = {
        name: getattr(features, name)[::-1] for name in _SPATIAL
    }  # outlines follow the positions
    positions = tuple(last - at for at in reversed(features.positions))
    origin = (
        -(features.origin[0] + last * features.step[0]),
        features.origin[1],
        features.origin[2],
    )
    moves = features.moves[::-1, :, ::-1]
    return replace(features, origin=origin, positions=positions, moves=moves, **moved)


def flipped(features: SliceFeatures, axis: int) -> SliceFeatures:
    """Return the slices mirrored. axis: -2 turns rows upside down, -1 exchanges left and right."""
    length = features.seeds.shape[axis]
    origin = list(features.origin)
    origin[axis] = -(origin[axis] + (length - 1) * features.step[axis])
    moved = {name: np.flip(getattr(features, name), axis) for name in _SPATIAL}
    moves = features.moves.copy()
    moves[..., axis] *= -1
    crossing = tuple(
        (other, length - 1 - at if other == 3 + axis else at) for other, at in features.crossing
    )
    where = (origin[0], origin[1], origin[2])
    return replace(features, origin=where, moves=moves, crossing=crossing, **moved)


def exchanged(features: SliceFeatures) -> SliceFeatures:
    """Return the slices with rows and columns exchanged."""
    moved = {name: np.swapaxes(getattr(features, name), -1, -2) for name in _SPATIAL}
    step, origin = features.step, features.origin
    return replace(
        features,
        step=(step[0], step[2], step[1]),
        origin=(origin[0], origin[2], origin[1]),
        moves=features.moves[..., ::-1],
        crossing=tuple((3 - axis, at) for axis, at in features.crossing),
        **moved,
    )
