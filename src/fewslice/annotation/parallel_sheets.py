"""Parallel sheets that hold nearly all drawn voxels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from fewslice.annotation.oblique import Float64Array
from fewslice.annotation.sheet import (
    APART,
    EXPLAINED,
    SAME_NORMAL,
    Sheet,
    apart,
    is_flat,
    is_wide,
    patches,
    principal_axes,
    reach,
)

_GAP = 0.4  # of a voxel without anything drawn between two planes
_LOOSE = 0.01  # of the drawn voxels; fewer are no plane
_MOST_GROUPS = 40


def parallel_sheets(
    points: Float64Array, steps: Float64Array, most: int, wide: float, rng: np.random.Generator
) -> list[Sheet]:
    """Return the fewest parallel sheets, at most `most`, that hold nearly all points; else none.

    points: (n, 3) in mm. steps: columns are voxels in mm. wide: how many times as far as across
    sheets reach along themselves.
    """
    normals = _different(_normals(points, steps, rng))
    families = (_family(points, normal, steps, wide) for normal in normals)
    usable = [family for family in families if 0 < len(family) <= most]
    return min(usable, key=lambda family: (len(family), _deviation(points, family)), default=[])


def _normals(
    points: Float64Array, steps: Float64Array, rng: np.random.Generator
) -> Iterator[Float64Array]:
    """Yield normals of the surroundings of some points, and of what lies between empty slices."""
    voxels = np.rint(points @ np.linalg.inv(steps.T))
    for axis in range(3):
        numbers = _clusters(voxels[:, axis], 1.5)
        yield _common_normal([points[numbers == number] for number in range(numbers.max() + 1)])
        for number in range(min(int(numbers.max()) + 1, _MOST_GROUPS)):
            if np.count_nonzero(numbers == number) > 6:
                yield principal_axes(points[numbers == number])[1][0]
    yield from (normal for normal, _ in patches(points, rng))


def _different(normals: Iterator[Float64Array]) -> Iterator[Float64Array]:
    """Yield normals without those that are like an earlier one."""
    seen: list[Float64Array] = []
    for normal in normals:
        if not seen or np.abs(np.array(seen) @ normal).max() < SAME_NORMAL:
            seen.append(normal)
            yield normal


def _family(
    points: Float64Array, normal: Float64Array, steps: Float64Array, wide: float
) -> list[Sheet]:
    """Return parallel sheets near a normal that hold nearly all points; none if there are none."""
    for _ in range(4):
        normal = _common_normal(_between_gaps(points, normal, steps))
    groups, voxel = _between_gaps(points, normal, steps), reach(normal, steps)
    flat = [group for group in groups if is_flat(group @ normal, voxel)]
    if sum(map(len, flat)) < EXPLAINED * len(points):
        return []
    if sum(len(group) for group in flat if is_wide(group, normal, wide)) < 0.7 * len(points):
        return []
    middles = [
        float((group @ normal).mean()) for group in flat if len(group) > _LOOSE * len(points)
    ]
    sheets = [Sheet(normal, middle, voxel) for middle in middles]
    return sheets if apart(sheets) else []


def _between_gaps(
    points: Float64Array, normal: Float64Array, steps: Float64Array
) -> list[Float64Array]:
    """Return points in groups with a gap between them along a direction.

    What lies nearer than planes do is one group: strips of a plane along a normal a little aside.
    """
    voxel = reach(normal, steps)
    numbers = _clusters(points @ normal, _GAP * voxel)
    groups: list[Float64Array] = []
    for number in range(numbers.max() + 1):
        own = points[numbers == number]
        if groups and (own.mean(axis=0) - groups[-1].mean(axis=0)) @ normal < APART * voxel:
            groups[-1] = np.concatenate([groups[-1], own])
        else:
            groups.append(own)
    return groups


def _clusters(heights: Float64Array, gap: float) -> npt.NDArray[np.intp]:
    """Return numbers of the groups that heights fall into, a new one after each gap."""
    order = np.argsort(heights, kind="stable")
    numbers = np.empty(len(heights), dtype=np.intp)
    numbers[order] = np.concatenate([[0], np.cumsum(np.diff(heights[order]) > gap)])
    return numbers


def _common_normal(groups: Sequence[Float64Array]) -> Float64Array:
    """Return the direction along which points vary least within their groups."""
    around = np.concatenate([group - group.mean(axis=0) for group in groups])
    normal: Float64Array = np.linalg.eigh(around.T @ around)[1][:, 0]
    return normal


def _deviation(points: Float64Array, sheets: Sequence[Sheet]) -> float:
    heights = np.abs([sheet.heights(points) for sheet in sheets]).min(axis=0)
    return float(np.sqrt((heights**2).mean()))
