"""The same task, seen differently: cut, flipped and turned, cues and truth together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fewslice.engines.network.features import Cues

Truth = npt.NDArray[np.int8]
"""(slice, rows, columns) on the cues' grid: class numbers, -1 where unknown."""

_SPATIAL = ("images", "seeds", "shape", "looks", "walk", "outlines")


def cropped(cues: Cues, truth: Truth, side: int, rng: np.random.Generator) -> tuple[Cues, Truth]:
    """Cut rows and columns to at most `side`, around a random voxel of the structures."""
    height, width = truth.shape[1:]
    if height <= side and width <= side:
        return cues, truth
    inside = np.argwhere(truth > 0)
    row, column = (
        inside[int(rng.integers(len(inside)))][1:] if len(inside) else (height // 2, width // 2)
    )
    rows, columns = _window(int(row), height, side), _window(int(column), width, side)
    across, down, right = cues.origin
    moved = (across, down + rows.start * cues.step[1], right + columns.start * cues.step[2])
    cut = {name: getattr(cues, name)[..., rows, columns] for name in _SPATIAL}
    return replace(cues, origin=moved, **cut), truth[:, rows, columns]


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

    def apply(self, cues: Cues, truth: Truth) -> tuple[Cues, Truth]:
        """Return the cues and the truth turned."""
        if self.across:
            cues, truth = reversed_slices(cues), truth[::-1]
        if self.rows:
            cues, truth = flipped(cues, -2), np.flip(truth, -2)
        if self.columns:
            cues, truth = flipped(cues, -1), np.flip(truth, -1)
        if self.exchange:
            cues, truth = exchanged(cues), np.swapaxes(truth, -1, -2)
        return cues, truth


def reversed_slices(cues: Cues) -> Cues:
    """Return the slices in the opposite order."""
    last = len(cues.images) - 1
    moved = {name: getattr(cues, name)[::-1] for name in _SPATIAL}  # outlines follow the positions
    positions = tuple(last - at for at in reversed(cues.positions))
    origin = (-(cues.origin[0] + last * cues.step[0]), cues.origin[1], cues.origin[2])
    moves = cues.moves[::-1, :, ::-1]
    return replace(cues, origin=origin, positions=positions, moves=moves, **moved)


def flipped(cues: Cues, axis: int) -> Cues:
    """Return the slices mirrored. axis: -2 turns rows upside down, -1 exchanges left and right."""
    length = cues.seeds.shape[axis]
    origin = list(cues.origin)
    origin[axis] = -(origin[axis] + (length - 1) * cues.step[axis])
    moved = {name: np.flip(getattr(cues, name), axis) for name in _SPATIAL}
    moves = cues.moves.copy()
    moves[..., axis] *= -1
    return replace(cues, origin=(origin[0], origin[1], origin[2]), moves=moves, **moved)


def exchanged(cues: Cues) -> Cues:
    """Return the slices with rows and columns exchanged."""
    moved = {name: np.swapaxes(getattr(cues, name), -1, -2) for name in _SPATIAL}
    step, origin = cues.step, cues.origin
    return replace(
        cues,
        step=(step[0], step[2], step[1]),
        origin=(origin[0], origin[2], origin[1]),
        moves=cues.moves[..., ::-1],
        **moved,
    )
