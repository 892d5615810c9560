"""Slices out of place: by how much each lies aside of where its neighbours say, and sliding them.

The eye moves between the B-scans of an optical coherence tomography, and people breathe between the
slices of a cine MRI. What runs straight through the body then zigzags through the volume, which no
interpolation between slices can know.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

SliceShifts = npt.NDArray[np.int64]
"""(slice, 2): voxels along rows and columns by which to slide each slice into its place."""

_MOST_PIXELS = 160  # of a side of the images that are compared
_FARTHEST = 0.15  # of a side that neighbours may lie apart
_GAIN = 0.3  # of what two neighbours lack in correlation, that sliding must bring
_ALIKE = 0.85  # correlation of neighbours in place; less, and it is anatomy that differs
_WINDOW = 7  # slices over which anatomy may run straight on
_JITTER = 1  # voxels that do not count
_SHARE = 0.15  # of slices that must be shifted
_FAINT = 1e-6  # of all intensities; voxels of 1e20 in a scan leave less to other slices
_MANY = 64  # slices, of which a quarter shows whether there is anything to look for


def slice_shifts(volume: npt.NDArray[Any], axis: int) -> SliceShifts:
    """Return by how much to slide the slices across an axis; all 0 where they lie as they should.

    volume: (i, j, k), any real dtype, finite. Neighbours are compared by phase correlation
    (Guizar-Sicairos et al. 2008); a slice_shifts counts if it makes them much more alike, and alike
    enough. What goes on evenly over some slices is anatomy and stays. Chosen so that none of the
    training scans, whose slices lie in place, is touched.
    """
    slices = np.moveaxis(volume, axis, 0)
    count = len(slices)
    window = min(_WINDOW, count - 1 + count % 2)
    nothing: SliceShifts = np.zeros((count, 2), dtype=np.int64)
    if window < 3 or min(slices.shape[1:]) < 2:
        return nothing
    factors = tuple(-(-length // _MOST_PIXELS) for length in slices.shape[1:])
    images = _scaled(
        [_smoothed(one) for one in np.moveaxis(_reduced(volume, axis, factors), axis, 0)]
    )
    steps = np.zeros((count, 2))
    for part in _in_parts(count):
        for at in part:
            steps[at] = np.array(_step(images[at - 1], images[at], max(factors))) * factors
        if not steps.any():  # so many slices in line, and the share that counts is not to be had
            return nothing
    way = steps.cumsum(axis=0)
    aside = np.rint(way - _straight(way, window)).astype(np.int64)
    displaced = (np.abs(aside) > _JITTER).any(axis=1)
    return aside if displaced.mean() >= _SHARE else nothing


def _in_parts(count: int) -> tuple[range, ...]:
    """Return the slices to compare with the one before: of many slices every fourth, then all."""
    every = range(1, count)
    return (every,) if count < _MANY else (range(1, count, 4), every)


def _reduced(
    volume: npt.NDArray[Any], axis: int, factors: tuple[int, ...]
) -> npt.NDArray[np.floating[Any]]:
    """Return a volume averaged over blocks of pixels within the slices across an axis.

    A block of rows at a time, so that it is read once, in the order in which it lies in memory.
    """
    steps = list(factors)
    steps.insert(axis, 1)
    i, j, k = steps
    depth, height, width = (side // step for side, step in zip(volume.shape, steps, strict=True))
    dtype = np.float64 if volume.dtype.itemsize > 4 else np.float32
    means = np.empty((depth, height, width), dtype=dtype)
    for at in range(depth):
        block = volume[at * i : (at + 1) * i, : height * j, : width * k]
        rows = block.sum(axis=0, dtype=dtype).reshape(height, j, width * k).sum(axis=1)
        means[at] = rows.reshape(height, width, k).sum(axis=2)
    means /= i * j * k
    return means


def _straight(way: npt.NDArray[np.float64], window: int) -> npt.NDArray[np.float64]:
    """Return a way (n, 2) as straight lines have it that are fitted in a window around each point.

    A Savitzky-Golay filter (1964) of order 1, by hand: scipy.signal takes half a second to load.
    """
    half = window // 2
    at = np.arange(window) - half
    middles = sliding_window_view(way, window, axis=0)
    mean, slope = middles.mean(axis=2), middles @ (at / (at**2).sum())
    # Towards an end, where no window fits, the line of the last one goes on.
    reach = np.arange(1, half + 1)[:, None]
    before, after = mean[0] - reach[::-1] * slope[0], mean[-1] + reach * slope[-1]
    return np.concatenate([before, mean, after])


def _smoothed(image: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(image, 0.7))


def _scaled(images: list[npt.NDArray[np.floating[Any]]]) -> list[npt.NDArray[np.float32]]:
    """Return all slices from 0 to 1 together: correlation takes fourth powers of intensities.

    One that is next to nothing beside the brightest is scaled alone, or its powers would be 0.
    """
    low, high = min(one.min() for one in images), max(one.max() for one in images)
    spread = high - low if high > low else 1.0  # 1e-300 would be 0 in 32 bits
    above = [one - low for one in images]
    tops = [float(one.max()) for one in above]
    return [
        (one / (top if 0 < top < _FAINT * spread else spread)).astype(np.float32)
        for one, top in zip(above, tops, strict=True)
    ]


def _step(
    before: npt.NDArray[np.float32], image: npt.NDArray[np.float32], factor: int
) -> tuple[float, float]:
    """Return by how many pixels to slide an image onto the one before; 0, 0 if it does not help."""
    from skimage.registration import phase_cross_correlation

    if before.std() == 0 or image.std() == 0:
        return 0.0, 0.0
    precision = 2 * factor if factor > 1 else 1
    found = phase_cross_correlation(before, image, normalization=None, upsample_factor=precision)[0]
    if np.any(np.abs(found) > [max(1.0, _FARTHEST * side) for side in image.shape]):
        return 0.0, 0.0
    rows, columns = (int(number) for number in np.rint(found))
    without = _correlation(before, image)
    slid_there = shift_slices(image[None], 0, np.array([[rows, columns]]))[0]
    if _correlation(before, slid_there) < max(_ALIKE, without + _GAIN * (1 - without)):
        return 0.0, 0.0
    return float(found[0]), float(found[1])


def _correlation(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    deviations = one.std() * other.std()
    return float(((one - one.mean()) * (other - other.mean())).mean() / deviations)


def shift_slices(
    array: npt.NDArray[Any], axis: int, shifts: npt.NDArray[np.integer]
) -> npt.NDArray[Any]:
    """Return an array (i, j, k) whose slices across `axis` are shifted in their plane.

    shifts: (slice, 2), voxels along rows and columns: what lay at (r, c) comes to lie at r +
    shifts[0], c + shifts[1]. What comes in at a border is as the border.
    """
    result = np.empty_like(array)
    into, slices = np.moveaxis(result, axis, 0), np.moveaxis(array, axis, 0)
    height, width = slices.shape[1:]
    for at, (down, right) in enumerate(np.asarray(shifts).tolist()):
        rows = np.clip(np.arange(height) - down, 0, height - 1)
        columns = np.clip(np.arange(width) - right, 0, width - 1)
        into[at] = slices[at][np.ix_(rows, columns)]
    return result
