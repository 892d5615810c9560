"""Answers along several planes, and what they say together.

The network answers slice by slice. Where slices of several planes are drawn it is asked once along
each of them: those of the plane are its examples, those of the others are known voxels and crossing
examples. Each answer is surest near the drawn slices of its own plane, so that answers count as
outlines do (`fewslice.engines.interpolation.plane_weights`), and by how thick the plane's slices
are: where slices are thick, pixels across them are as long as that, and what is drawn in so few
says less of a shape. Where one plane's outlines foretell
the slices of the others far better than theirs do its own, it is asked once more without them:
slices that show next to nothing of a structure, or mislead about its shape, then do no harm.

Answers that disagree about a border average to less than a half on both sides of it, so that an
average often holds less than the fullest of them: averages of probabilities are less sure than what
they are made of (Ranjan & Gneiting 2010). So it is cut lower, until it holds as much as the fullest
of them; what a plane of thinner slices holds more counts less, and that of one with fewer nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines.interpolation.plane_weights import PlaneWeights
from fewslice.engines.kept import KeptAnswer, volume
from fewslice.engines.network.features import SliceFeatures, between
from fewslice.engines.predictions import shared, within
from fewslice.typing import Float32Array, Float64Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.working_grid import WorkingGrid

_LEAST = 1e-5  # probability of the background that odds are taken against
_LOWEST = 0.35  # probability down to which an average counts as structure
_NEAR = 0.25  # radii of a structure over which one plane's slices stay as good as they are


class AlongPlane(Protocol):
    """What was answered along one plane: now (`PlaneAnswer`) or before (`KeptAnswer`)."""

    @property
    def axis(self) -> int:
        """Array axis across the plane's slices."""
        ...

    @property
    def indices(self) -> tuple[int, ...]:
        """Slices of the plane that show a structure."""
        ...

    def on(self, grid: WorkingGrid) -> Float32Array:
        """Return the probability of each structure on a grid, (structure, i, j, k)."""
        ...

    def volume(self) -> Float64Array:
        """Return how many voxels of the scan each structure has, (structure,)."""
        ...


@dataclass(frozen=True, eq=False)
class PlaneAnswer:
    """What was answered along one plane.

    axis: array axis across its slices. indices: those of the scan that are drawn. grid, features:
    the working grid and what is known on it. odds: float32 (slice, structure, rows, columns),
    against the background.
    """

    axis: int
    indices: tuple[int, ...]
    grid: WorkingGrid
    features: SliceFeatures
    odds: Float32Array

    def on(self, grid: WorkingGrid) -> Float32Array:
        """Return the probability of each structure on another grid of the region, (class, i, j, k).

        The background is left out. A grid of another region may hold voxels that were not asked
        for: there is nothing.
        """
        found = self._share()
        if grid.region == self.grid.region:
            return between(found, grid)
        both = shared(grid.region, self.grid.region)
        whole = np.zeros((len(found), *grid.region.shape), dtype=np.float32)
        here, there = within(both, grid.region), within(both, self.grid.region)
        whole[(slice(None), *here)] = self.grid.up(found)[(slice(None), *there)]
        return grid.down(whole)

    def volume(self) -> Float64Array:
        """Return how many voxels of the scan each structure has, (structure,)."""
        return volume(self._share(), self.grid)

    def _share(self) -> Float32Array:
        """Return the probability of each structure on its own grid, (structure, i, j, k)."""
        exponents = np.exp(np.clip(self.odds, -30, 30))
        share = exponents / (1 + exponents.sum(axis=1, keepdims=True))
        return np.moveaxis(share, 0, 1 + self.axis)

    def kept(self, annotation: Annotation, *, alone: bool = False) -> KeptAnswer:
        """Return the answer to keep. annotation, alone: what it was answered from."""
        share = self._share()
        slices = frozenset(annotation.slices)
        values = annotation.drawn_values
        return KeptAnswer(self.axis, alone, values, slices, self.indices, self.grid, share)


def _distance(answer: AlongPlane, grid: WorkingGrid) -> npt.NDArray[np.float64]:
    """Return mm from each position across the plane, on another grid, to its drawn slices."""
    away = np.abs(grid.centres(answer.axis)[:, None] - np.array(answer.indices))
    step = grid.native_spacing[answer.axis]
    return np.asarray(away.min(axis=1) * step, dtype=np.float64)


def fused(
    answers: Sequence[PlaneAnswer], weights: PlaneWeights, kept: Sequence[KeptAnswer] = ()
) -> Float32Array:
    """Return the odds of all planes together, on the grid of the first and in its order.

    kept: along planes that are not asked again.
    """
    first = answers[0]
    near = _NEAR * float(np.median(first.features.radii))
    total = np.zeros((first.odds.shape[1], *first.grid.shape), dtype=np.float32)
    counted = np.zeros_like(total)
    every: list[AlongPlane] = [*answers, *kept]
    for answer in every:
        thickness = first.grid.native_spacing[answer.axis]
        distance = _distance(answer, first.grid) + near + thickness
        falling = (thickness * weights.at(answer.axis, distance)).astype(np.float32)
        along = np.expand_dims(falling, tuple(1 + axis for axis in inplane_axes(answer.axis)))
        if isinstance(answer, KeptAnswer):
            # A new slice may show a structure beyond the box that was looked at before.
            along = along * answer.covers(first.grid)
        total += along * answer.on(first.grid)
        counted += along
    total /= counted
    return _as_odds(total, first.axis)


def with_alone(
    together: PlaneAnswer, alone: AlongPlane, shares: Float64Array, numbers: Sequence[int]
) -> Float32Array:
    """Return odds mixed with what one plane's slices answer without those of the others.

    together: the first answer, with the odds of all planes (see `fused`). shares: (structure,), of
    the plane alone. numbers: which of the structures it answers.
    """
    share = together.on(together.grid)
    part = shares[list(numbers)].astype(np.float32)[:, None, None, None]
    share[list(numbers)] += part * (alone.on(together.grid) - share[list(numbers)])
    return _as_odds(share, together.axis)


def filled(together: PlaneAnswer, answers: Sequence[AlongPlane]) -> Float32Array:
    """Return odds of an average, raised until it holds as much as the fullest of some answers.

    together: as in `with_alone`. Odds are raised by no more than makes a half of `_LOWEST`, and
    never lowered.
    """
    wanted = _wanted(together, answers) / together.grid.voxels_per_voxel
    most = np.log((1 - _LOWEST) / _LOWEST)
    by_structure = np.moveaxis(together.odds, 1, 0)
    raised = np.empty_like(by_structure)
    for number, odds in enumerate(by_structure):
        voxels = min(round(wanted[number]), odds.size)
        least = np.partition(odds.ravel(), -voxels)[-voxels] if voxels else np.inf
        raised[number] = odds + np.float32(np.clip(-least, 0, most))
    return np.ascontiguousarray(np.moveaxis(raised, 0, 1))


def _wanted(together: PlaneAnswer, answers: Sequence[AlongPlane]) -> Float64Array:
    """Return how many voxels of the scan an average should hold, (structure,).

    What an answer holds more than the average counts by how thick the plane's slices are. Planes
    with fewer slices than others are not asked.
    """
    held = together.volume()
    slices = max(len(one.indices) for one in answers)
    thickness = [together.grid.native_spacing[one.axis] for one in answers]
    more = [
        (one.volume() - held) * step / max(thickness)
        for one, step in zip(answers, thickness, strict=True)
        if len(one.indices) == slices
    ]
    return np.asarray(held + np.maximum(np.max(more, axis=0), 0), dtype=np.float64)


def _as_odds(share: Float32Array, axis: int) -> Float32Array:
    """Return odds (slice, structure, rows, columns) of probabilities (structure, i, j, k)."""
    background = np.maximum(1 - share.sum(axis=0), _LEAST)
    odds = np.log(np.maximum(share, _LEAST) / background)
    return np.ascontiguousarray(np.moveaxis(odds, 1 + axis, 0))
