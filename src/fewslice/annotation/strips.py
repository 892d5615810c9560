"""Strips on slices next to each other that one slightly tilted plane leaves.

Of the voxels nearest to a plane, the one at (r, c) lies on slice a + b · (r, c), rounded. Such a, b
are found by linear programming, however narrow a strip is. Slices that were drawn next to each
other lie over one another, and no plane rounds to both.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.annotation.oblique import SURE, Float64Array, ObliquePlane
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes

_STEEPEST = 0.25  # slices a voxel: strips are four voxels wide at least
_ROUNDED = 0.5 - 1e-6  # of a slice: what lies at half is as near to the next one
_MOST_SLICES = 60


def planes_of_strips(drawn: BoolArray, affine: Float64Array, axis: int) -> tuple[ObliquePlane, ...]:
    """Return the parallel planes whose strips are drawn across an axis; none if slices are.

    drawn: (i, j, k). affine: to mm. One plane for each run of slices next to each other.
    """
    indices = np.flatnonzero(drawn.any(axis=inplane_axes(axis)))
    runs = np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1)
    if not 1 <= len(runs) < len(indices) <= _MOST_SLICES:
        return ()
    parts = [_ends(np.moveaxis(drawn, axis, 0)[index], index) for run in runs for index in run]
    run_of = np.repeat(
        [number for number, run in enumerate(runs) for _ in run], [len(part) for part in parts]
    )
    fit = _fit(np.concatenate(parts), run_of, len(runs))
    if fit is None:
        return ()
    slope, starts = fit
    return tuple(_plane(slope, start, affine, axis) for start in starts)


def _ends(outline: BoolArray, index: int) -> npt.NDArray[np.float64]:
    """Return r, c of the first and the last voxel of each row, and the slice (n, 3).

    What holds at these holds between them.
    """
    rows = np.flatnonzero(outline.any(axis=1))
    first = outline[rows].argmax(axis=1)
    last = outline.shape[1] - 1 - outline[rows, ::-1].argmax(axis=1)
    ends = np.stack([np.tile(rows, 2), np.concatenate([first, last])], axis=1)
    return np.column_stack([ends, np.full(len(ends), index)]).astype(np.float64)


def _fit(
    ends: Float64Array, run_of: npt.NDArray[np.intp], runs: int
) -> tuple[Float64Array, Float64Array] | None:
    """Return the slope b (2,) and a of each run that leave the least deviation; None if too much.

    ends: r, c, k of voxels (n, 3). run_of: the run that each is of.
    """
    from scipy.optimize import linprog

    start = (run_of[:, None] == np.arange(runs)).astype(np.float64)
    middle = ends.mean(axis=0)
    rows = np.column_stack([ends[:, :2] - middle[:2], start])
    slack = -np.ones((len(rows), 1))
    bounds = [(-_STEEPEST, _STEEPEST)] * 2 + [(None, None)] * runs + [(None, None)]
    found = linprog(
        np.append(np.zeros(2 + runs), 1.0),
        A_ub=np.block([[rows, slack], [-rows, slack]]),
        b_ub=np.concatenate([ends[:, 2] - middle[2], middle[2] - ends[:, 2]]),
        bounds=bounds,
    )
    if not found.success:
        return None
    slope, starts, deviation = found.x[:2], found.x[2:-1], found.x[-1]
    if np.abs(slope).sum() >= _STEEPEST or deviation > _ROUNDED:
        return None
    return slope, starts + middle[2] - slope @ middle[:2]


def _plane(slope: Float64Array, start: float, affine: Float64Array, axis: int) -> ObliquePlane:
    """Return the plane k = start + slope · (r, c)."""
    normal = np.insert(-slope, axis, 1.0)
    length = float(np.linalg.norm(normal @ np.linalg.inv(affine[:3, :3])))
    i, j, k = (float(part) / length for part in normal)
    return ObliquePlane((i, j, k), float(start) / length, SURE * 0.5 / length)
