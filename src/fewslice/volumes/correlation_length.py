"""How far intensities stay alike along each axis, and what that says of the spacing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.typing import Float64Array

Array = npt.NDArray[Any]

# The retina is layered: intensities change ten times as fast in depth as across. Only OCT is as
# fine as this, in mm.
_LAYERED_MM = 0.03

_LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # voxels
_LEVELS = 64  # of intensity ranks
_MOST_VOXELS = 100_000  # looked at along each axis
_FEWEST_ALONG = 4  # voxels along an axis
_FEWEST_VOXELS = 4096
_NOISE = 0.8  # of the largest differences: neighbours that differ by as much are unrelated


def correlation_lengths(array: Array) -> Float64Array | None:
    """Return the distance along each axis over which intensities change by the same amount.

    The mean absolute difference of two voxels, in ranks of intensity, grows with the distance
    between them (the madogram of geostatistics). The length of an axis is the distance at which it
    has grown as large as between direct neighbours along the axis where these differ most. In a
    scan of isotropic texture lengths times spacing are therefore the same for all axes. White
    noise raises all differences alike, and background lowers them alike, so neither matters.

    Parameters
    ----------
    array
        Intensities (i, j, k) of any real dtype. About 300,000 voxels are looked at.

    Returns
    -------
    float64 (3,) or None
        Lengths in voxels, at least 1; the smallest is 1. None if the image cannot tell: it is
        constant, not finite, nothing but noise, or has fewer than four voxels along an axis.
    """
    if array.ndim != 3 or min(array.shape) < _FEWEST_ALONG or array.size < _FEWEST_VOXELS:
        return None
    lines = [_lines(array, axis) for axis in range(3)]
    values = np.concatenate([each.ravel() for each in lines])
    if not np.isfinite(values).all():
        return None
    levels = np.unique(np.percentile(values, np.linspace(0, 100, _LEVELS + 1)[1:-1]))
    curves = [
        _differences(np.searchsorted(levels, each, side="right").astype(np.int16)) for each in lines
    ]
    level = max(float(curve[0]) for curve in curves)
    largest = max(float(curve[-1]) for curve in curves)
    if level == 0 or min(float(curve[0]) for curve in curves) > _NOISE * largest:
        return None
    return np.array([_reached(curve, level) for curve in curves])


def estimated_spacing(array: Array) -> tuple[float, float, float] | None:
    """Return the spacing that the image itself speaks for, relative to its finest axis.

    Parameters
    ----------
    array
        Intensities (i, j, k).

    Returns
    -------
    tuple of float or None
        One number per array axis, the smallest 1. None if the image cannot tell.
    """
    lengths = correlation_lengths(array)
    if lengths is None:
        return None
    i, j, k = lengths.max() / lengths
    return float(i), float(j), float(k)


def disagreement(spacing: Sequence[float], lengths: Float64Array) -> tuple[float, int]:
    """Return by how much a spacing contradicts correlation lengths.

    Parameters
    ----------
    spacing
        mm per array axis.
    lengths
        Voxels per array axis, from `correlation_lengths`.

    Returns
    -------
    factor : float
        At least 1. How many times longer or shorter, in mm, the correlation length along one axis
        is than along the two others (their geometric mean). In layered tissue (OCT): than any of
        the two, across the coarsest spacing.
    axis : int
        The axis that is out of line.
    """
    logs = np.log(np.asarray(lengths) * np.asarray(spacing))
    axis = int(np.argmax(spacing))
    if min(spacing) < _LAYERED_MM:
        others = np.delete(logs, axis)
        return float(np.exp(max(logs[axis] - others.max(), others.min() - logs[axis], 0))), axis
    apart = np.abs(logs - (logs.sum() - logs) / 2)
    axis = int(np.argmax(apart))
    return float(np.exp(apart[axis])), axis


def _lines(array: Array, axis: int) -> Array:
    """Return whole lines along an axis, float32 (m, n, length), evenly spread over the others."""
    turned = np.moveaxis(array, axis, -1)
    step = max(1, int(np.ceil(np.sqrt(array.size / _MOST_VOXELS))))
    first, second = (slice((n - 1) % step // 2, None, step) for n in turned.shape[:2])
    return np.asarray(turned[first, second], dtype=np.float32)


def _differences(ranks: npt.NDArray[np.int16]) -> Float64Array:
    """Return the mean absolute difference at each of `_LAGS` that fits twice, never falling."""
    length = ranks.shape[-1]
    means = [
        float(np.abs(ranks[..., lag:] - ranks[..., :-lag]).mean())
        for lag in _LAGS
        if 2 * lag <= length
    ]
    return np.maximum.accumulate(means)


def _reached(curve: Float64Array, level: float) -> float:
    """Return the lag, in voxels, at which a curve reaches a level; its last one if it does not."""
    lags = np.log(_LAGS[: len(curve)])
    if curve[-1] <= level:
        return float(np.exp(lags[-1] if curve[0] < level else lags[0]))
    known = curve > 0
    return float(np.exp(np.interp(np.log(level), np.log(curve[known]), lags[known])))
