"""How much the slices of each plane count, where slices of several planes are drawn.

A plane's slices count by the inverse square of the distance to the nearest one of them. Where a
structure runs on much farther across one plane than across another, as the other planes' slices
show it, the distance is measured by that: a slice along a thin layer says little a pixel aside of
it. What a plane's outlines alone foretell of the other planes' slices, which are left out for that,
tells whether its slices know more of the structure than theirs do: by how much is the agreement of
one plane above that of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fewslice.typing import BoolArray, Float64Array
from fewslice.volumes.geometry import inplane_axes

_ALIKE = 3.0  # lengths that differ by no more than this factor make no difference
_AHEAD = (0.15, 0.35)  # Dice by which one plane's agreement is above the others': a little, far
_MOST_ALONE = 0.7  # share of the surest of two planes without the other one


@dataclass(frozen=True, eq=False)
class DrawnSlice:
    """One annotated slice. inside: (structure, rows, columns), where each structure was drawn."""

    axis: int
    inside: BoolArray


@dataclass(frozen=True, eq=False)
class PlaneWeights:
    """How much each plane counts. All values: float64 (structure,), by array axis.

    lengths: over how many times the shortest length, at least one, structures run on across the
    plane. agreement: Dice of what the plane's outlines alone foretell on the other planes' slices.
    Where a structure is on the slices of fewer than two planes, or an agreement could not be
    measured, lengths are 1 and agreements 0.
    """

    lengths: Mapping[int, Float64Array] = field(default_factory=dict)
    agreement: Mapping[int, Float64Array] = field(default_factory=dict)

    def at(self, plane: int, distance: npt.NDArray[np.floating]) -> Float64Array:
        """Return the weights (structure, position) at distances in mm, none 0, from its slices."""
        return np.asarray((self.lengths[plane][:, None] / distance) ** 2, dtype=np.float64)

    def surest(self) -> tuple[int, Float64Array]:
        """Return the plane that foretells the others' slices far better than they do, and a share.

        The share, (structure,), is what its slices' answer without those of the other planes should
        count; 0 where it is not ahead.
        """
        planes = list(self.agreement)
        values = np.array([self.agreement[plane] for plane in planes])
        others = (values.sum(axis=0) - values) / (len(planes) - 1)
        ahead = np.clip((values - others - _AHEAD[0]) / (_AHEAD[1] - _AHEAD[0]), 0, 1)
        shares = _MOST_ALONE / (len(planes) - 1) * ahead
        best = int(shares.sum(axis=1).argmax())
        return planes[best], np.asarray(shares[best], dtype=np.float64)


def plane_weights(
    slices: Sequence[DrawnSlice],
    foretold: Mapping[int, Sequence[tuple[BoolArray, BoolArray]]],
    spacing: tuple[float, float, float],
) -> PlaneWeights:
    """Return how much planes count, from all annotated slices.

    foretold: for each plane, what its outlines alone say of the other planes' slices and what was
    drawn there, both (structure, rows, columns). spacing: mm per voxel of the slices, along each
    array axis.
    """
    planes = sorted(foretold)
    held = np.array([_held(slices, plane) for plane in planes])
    agreement = np.array([_agreement(foretold[plane], held.shape[1]) for plane in planes])
    lengths = np.array([_run_lengths(slices, plane, spacing[plane]) for plane in planes])
    told = (held.sum(axis=0) > 1) & ~np.isnan(np.where(held, agreement, 0)).any(axis=0)
    told &= (lengths > 0).all(axis=0)
    shortest = np.where(told, lengths.min(axis=0), 1.0)
    lengths = np.where(told, np.maximum(lengths / shortest / _ALIKE, 1.0), 1.0)
    agreement = np.where(told & held, agreement, 0.0)
    return PlaneWeights(
        dict(zip(planes, lengths, strict=True)), dict(zip(planes, agreement, strict=True))
    )


def _held(slices: Sequence[DrawnSlice], plane: int) -> BoolArray:
    """Return which structures a plane's slices hold."""
    held = [one.inside.any(axis=(1, 2)) for one in slices if one.axis == plane]
    return np.asarray(np.any(held, axis=0), dtype=np.bool_)


def _agreement(foretold: Sequence[tuple[BoolArray, BoolArray]], structures: int) -> Float64Array:
    """Return Dice over all slices together, (structure,); nan where none is measured."""
    both, each = np.zeros(structures), np.zeros(structures)
    for said, drawn in foretold:
        both += np.count_nonzero(said & drawn, axis=(1, 2))
        each += np.count_nonzero(said, axis=(1, 2)) + np.count_nonzero(drawn, axis=(1, 2))
    return np.where(each > 0, 2 * both / np.maximum(each, 1), np.nan)


def _run_lengths(slices: Sequence[DrawnSlice], axis: int, step: float) -> Float64Array:
    """Return the mean length in mm of straight runs along an axis, (structure,); 0 without any."""
    voxels = np.zeros(len(slices[0].inside))
    runs = np.zeros(len(slices[0].inside))
    for one in slices:
        if one.axis != axis:
            along = 1 + inplane_axes(one.axis).index(axis)
            starts = np.diff(one.inside.astype(np.int8), axis=along, prepend=0) == 1
            voxels += np.count_nonzero(one.inside, axis=(1, 2))
            runs += np.count_nonzero(starts, axis=(1, 2))
    return np.asarray(voxels / np.maximum(runs, 1) * step, dtype=np.float64)
