"""Predictions of different boxes of a scan, brought together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Prediction, as_half, empty_probability
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.region import Region


def around(regions: Sequence[Region]) -> Region:
    """Return the smallest box that holds all of these; there must be one."""
    i, j, k = (min(region.start[axis] for region in regions) for axis in range(3))
    a, b, c = (max(region.stop[axis] for region in regions) for axis in range(3))
    return Region((i, j, k), (a, b, c))


def shared(one: Region, other: Region) -> Region:
    """Return the box that two overlapping boxes have in common."""
    i, j, k = (max(starts) for starts in zip(one.start, other.start, strict=True))
    a, b, c = (min(stops) for stops in zip(one.stop, other.stop, strict=True))
    return Region((i, j, k), (a, b, c))


def within(inner: Region, outer: Region) -> tuple[slice, slice, slice]:
    """Return the numpy index of a box in an array over a larger one that holds it."""
    i, j, k = (
        slice(start - offset, stop - offset)
        for start, stop, offset in zip(inner.start, inner.stop, outer.start, strict=True)
    )
    return i, j, k


def moved(region: Region, axis: int, by: int) -> Region:
    """Return the box, so many voxels further along an axis."""
    i, j, k = (by if other == axis else 0 for other in range(3))
    return region.moved((i, j, k))


def seen_in(prediction: Prediction, box: Region) -> Prediction:
    """Return what a prediction says of a box, as of a volume that is no larger than the box.

    Where it says nothing of the box, the voxel of it that is nearest is background.
    """
    region = prediction.region
    start = np.clip(region.start, box.start, np.array(box.stop) - 1)
    stop = np.clip(region.stop, start + 1, box.stop)
    (i, j, k), (a, b, c) = start.tolist(), stop.tolist()
    part = Region((i, j, k), (a, b, c))
    i, j, k = box.start
    there = part.moved((-i, -j, -k))
    if (start < region.stop).all() and (stop > region.start).all():
        probability = prediction.probability[(slice(None), *within(part, region))]
    else:
        probability = np.zeros((len(prediction.values), *part.shape), dtype=np.float16)
        probability[0] = 1
    return replace(prediction, region=there, probability=probability)


def slice_of(prediction: Prediction, axis: int, index: int, region: Region) -> Float32Array:
    """Return probabilities (class, rows, columns) of a slice of the scan over a larger region.

    Outside of its own region a prediction is sure of background.
    """
    shape = [region.shape[other] for other in inplane_axes(axis)]
    whole = np.empty((len(prediction.values), *shape), dtype=np.float32)
    put_slice(prediction, axis, index, (region, whole))
    return whole


def put_slice(
    prediction: Prediction,
    axis: int,
    index: int,
    target: tuple[Region, Float32Array | npt.NDArray[np.float16]],
) -> None:
    """Write what `slice_of` returns into an array (class, rows, columns) over a region.

    target: the region, and the array.
    """
    region, whole = target
    at = index - prediction.region.start[axis]
    inside = 0 <= at < prediction.region.shape[axis]
    place = within(prediction.region, region)
    rows, columns = (place[other] for other in inplane_axes(axis))
    if not inside or whole[:, rows, columns].shape != whole.shape:
        whole[0], whole[1:] = 1, 0
    if inside:
        # Not numpy's take, which would copy all slices for one of them.
        whole[:, rows, columns] = np.moveaxis(prediction.probability, 1 + axis, 0)[at]


def likeliest(probability: npt.NDArray[np.float16]) -> npt.NDArray[np.uint16]:
    """Return the number of the class with the greatest probability, the first of several alike.

    probability: (class, ...), 0 or more. Numbers of that kind compare as their bits do, which
    is many times faster than to convert each to 32 bits.
    """
    bits = probability.view(np.int16)
    highest = bits[0]
    numbers = np.zeros(highest.shape, dtype=np.uint16)
    for number, one in enumerate(bits[1:], start=1):
        np.putmask(numbers, one > highest, np.uint16(number))
        highest = np.maximum(highest, one)
    return numbers


def joined(one: Prediction, other: Prediction, axis: int) -> Prediction:
    """Join predictions of different structures: odds against the background stay what they are.

    The result covers the box around both regions.
    """
    region = around([one.region, other.region])
    values = tuple(sorted({*one.values, *other.values}))
    odds = np.zeros((len(values), *region.shape), dtype=np.float32)
    for prediction in (one, other):
        place = within(prediction.region, region)
        background = np.maximum(prediction.probability[0].astype(np.float32), 1e-4)
        for number, value in enumerate(prediction.values[1:], start=1):
            into = odds[values.index(value)]
            into[place] = prediction.probability[number].astype(np.float32) / background
    odds[0] = 1
    probability = empty_probability(len(values), region.shape, axis)
    probability[...] = as_half(odds / odds.sum(axis=0))
    return Prediction(region, values, probability, (*one.remarks, *other.remarks))
