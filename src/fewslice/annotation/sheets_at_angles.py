"""Sheets at several angles: each grown from a patch of drawn voxels, one by one."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.oblique import Float64Array
from fewslice.annotation.sheet import (
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


def sheets_at_angles(
    points: Float64Array,
    steps: Float64Array,
    most: int,
    wide: float,
    rng: np.random.Generator,
) -> list[Sheet]:
    """Return sheets at several angles: the one that holds most of what is left, one by one."""
    left = points
    found: list[Sheet] = []
    least = max(12.0, 0.02 * len(points))
    while len(left) > (1 - EXPLAINED) * len(points):
        fits = _fits(left, steps, rng)
        held = [np.abs(fit.heights(left)) <= 0.6 * fit.voxel for fit in fits]
        good = [
            (int(inside.sum()), fit)
            for fit, inside in zip(fits, held, strict=True)
            if inside.sum() >= least
            and is_flat(left[inside] @ fit.normal, fit.voxel)
            and is_wide(left[inside], fit.normal, wide)
        ]
        if not good or len(found) == most:
            return []
        best = max(good, key=lambda item: item[0])[1]
        found.append(best)
        left = left[np.abs(best.heights(left)) > 0.75 * best.voxel]
    sheets = _with_common_normals(points, found, steps)
    return sheets if apart(sheets) else []


def _fits(points: Float64Array, steps: Float64Array, rng: np.random.Generator) -> list[Sheet]:
    """Return planes grown from patches, from each that does not lie in one of them already."""
    found: list[Sheet] = []
    for normal, middle in patches(points, rng):
        if not any(
            abs(one.normal @ normal) > SAME_NORMAL
            and abs(float(one.heights(middle))) < 0.5 * one.voxel
            for one in found
        ):
            found.append(_grown(points, normal, middle, steps))
    return found


def _grown(
    points: Float64Array, normal: Float64Array, middle: Float64Array, steps: Float64Array
) -> Sheet:
    """Fit a plane by least squares to what lies near it, farther and farther from a point."""
    distance = np.sqrt(((points - middle) ** 2).sum(axis=1))
    start = 8 * reach(normal, steps)
    for factor in (1, 2, 4, 8, np.inf, np.inf):
        voxel = reach(normal, steps)
        near = (np.abs((points - middle) @ normal) <= 0.6 * voxel) & (distance <= factor * start)
        if np.count_nonzero(near) < 6:
            break
        middle = points[near].mean(axis=0)
        normal = principal_axes(points[near])[1][0]
    return Sheet(normal, float(middle @ normal), reach(normal, steps))


def _with_common_normals(
    points: Float64Array, sheets: list[Sheet], steps: Float64Array
) -> list[Sheet]:
    """Give sheets that are parallel within half a voxel the normal of the fullest of them."""
    nearest = np.abs([sheet.heights(points) for sheet in sheets]).argmin(axis=0)
    groups = [points[nearest == number] for number in range(len(sheets))]
    order = sorted(range(len(sheets)), key=lambda number: -len(groups[number]))
    normals: list[Float64Array] = []
    found = []
    for number in order:
        group = groups[number]
        if not len(group):
            continue
        fitting = [n for n in normals if is_flat(group @ n, reach(n, steps))]
        normal = fitting[0] if fitting else sheets[number].normal
        if not fitting:
            normals.append(normal)
        found.append(Sheet(normal, float((group @ normal).mean()), reach(normal, steps)))
    return found
