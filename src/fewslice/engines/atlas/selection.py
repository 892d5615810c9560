"""Choosing support scans: those that look most like the scan to segment, each of them once.

Appearance are compared without any learning: by a thumbnail of the whole scan, which says where
bright and dark lie, and by the histogram of its intensities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Scan, SupportScan
from fewslice.typing import Float32Array

_SIDE = 16
_SAMPLED_SIDE = 64
_BINS = 32
_NEARLY_IDENTICAL = 0.999
_NO_CONTRAST = 1e-5


@dataclass(frozen=True, eq=False)
class Appearance:
    """What a scan looks like, from afar.

    thumbnail: float32 (channel, 16, 16, 16), mean intensities of equal parts of the scan, of mean 0
    and length 1 over each channel; 0 where a channel is the same everywhere. histogram: float32
    (channel, 32), share of voxels between the 1st percentile and the 99th, summing to 1.
    """

    thumbnail: Float32Array
    histogram: Float32Array


def most_similar(scan: Scan, support: Sequence[SupportScan], most: int) -> tuple[SupportScan, ...]:
    """Return the support scans that look most like a scan, at most `most`, the most similar first.

    Of the same scan given several times, the one with most annotated slices is kept (of equals the
    first). On a tie in likeness (to six digits) the order given stays. Of a part of a scan they are
    those of the whole.
    """
    whole, _ = scan.whole
    mine = appearance_of(whole)
    found = [appearance_of(each.scan) for each in support]
    kept = _without_duplicates(support, found)
    ordered = sorted(kept, key=lambda number: -round(similarity(mine, found[number]), 6))
    return tuple(support[number] for number in ordered[:most])


def appearance_of(scan: Scan) -> Appearance:
    """Return what a scan looks like; of large scans an even sample of voxels is taken."""
    thumbnails, histograms = [], []
    for channel in scan.channels:
        values = _sampled(channel)
        low, high = np.percentile(values, [1, 99])
        scaled = np.clip((values - low) / max(float(high - low), np.finfo(np.float32).tiny), 0, 1)
        thumbnails.append(_thumbnail(scaled))
        counts, _ = np.histogram(scaled, bins=_BINS, range=(0, 1))
        histograms.append(counts / scaled.size)
    return Appearance(np.stack(thumbnails), np.stack(histograms).astype(np.float32))


def similarity(one: Appearance, other: Appearance) -> float:
    """Return how alike two scans of the same channels look, -1/2 to 1, where 1 is the same.

    The mean of the thumbnails' correlation and the histograms' overlap.
    """
    overlap = float(np.minimum(one.histogram, other.histogram).sum(axis=1).mean())
    return (correlation(one, other) + overlap) / 2


def correlation(one: Appearance, other: Appearance) -> float:
    """Return the mean correlation of the thumbnails over the channels, -1 to 1.

    A channel that is the same everywhere correlates with another such one perfectly, and not at
    all with any other.
    """
    products = (one.thumbnail * other.thumbnail).sum(axis=(1, 2, 3))
    flat = [~each.thumbnail.any(axis=(1, 2, 3)) for each in (one, other)]
    return float(np.where(flat[0] & flat[1], 1.0, products).mean())


def _sampled(channel: npt.NDArray[np.number]) -> Float32Array:
    steps = tuple(slice(None, None, max(1, length // _SAMPLED_SIDE)) for length in channel.shape)
    return np.asarray(channel[steps], dtype=np.float32)


def _thumbnail(values: Float32Array) -> Float32Array:
    """Return the means of 16 equal parts along each axis, centred and of length 1."""
    means: npt.NDArray[np.floating] = values
    for axis, length in enumerate(values.shape):
        edges = np.arange(_SIDE) * length // _SIDE
        sizes = np.maximum(np.diff([*edges, length]), 1)
        sums = np.add.reduceat(means, edges, axis=axis)  # repeats voxels if there are too few
        means = sums / sizes.reshape([-1 if other == axis else 1 for other in range(3)])
    centred = (means - means.mean()).astype(np.float32)
    size = float(np.linalg.norm(centred))
    return centred / size if size > _NO_CONTRAST else np.zeros_like(centred)


def _without_duplicates(support: Sequence[SupportScan], found: Sequence[Appearance]) -> list[int]:
    """Return the numbers of the scans to keep, ascending."""
    fullest_first = sorted(
        range(len(support)), key=lambda number: -len(support[number].annotation.slices)
    )
    kept: list[int] = []
    for number in fullest_first:
        if not any(
            correlation(found[number], found[other]) > _NEARLY_IDENTICAL
            and _same_scan(support[number], support[other])
            for other in kept
        ):
            kept.append(number)
    return sorted(kept)


def _same_scan(one: SupportScan, other: SupportScan) -> bool:
    """Whether two scans that look alike are one: the same voxels, or the same labels.

    Labels are the same if they are wherever both are annotated, and some structure is there.
    """
    if one.scan.shape != other.scan.shape:
        return False
    if np.array_equal(one.scan.channels, other.scan.channels):
        return True
    both = one.annotation.known() & other.annotation.known()
    mine, theirs = one.annotation.labels[both], other.annotation.labels[both]
    return bool(mine.any()) and np.array_equal(mine, theirs)
