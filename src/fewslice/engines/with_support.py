"""Slices drawn on a scan and scans done before, together.

Near a drawn slice what was drawn decides; far from it, and above all beyond the outermost ones, the
support scans' vote (`fewslice.engines.atlas.engine`) counts for more. A vote that does not even
foretell the drawn slices, with a Dice below 0.3, counts for less: chosen on training scans of 101.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from fewslice.annotation.annotation import Annotation, drawn_voxels, on_slice
from fewslice.engines.atlas.engine import NOT_ALIKE, NOT_HELD, carried_over
from fewslice.engines.base import (
    Prediction,
    Progress,
    Scan,
    SupportScan,
    as_half,
    empty_probability,
    part,
    silent,
)
from fewslice.engines.predictions import around, joined, seen_in, slice_of
from fewslice.errors import codes_of
from fewslice.typing import Float32Array
from fewslice.volumes.checksum import checksum
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.region import Region

_INSIDE = 0.5
_REACH = 0.5
_TRUSTED = 0.3


def completed(
    drawn: Callable[[Annotation, Progress], Prediction],
    scan: Scan,
    support: tuple[SupportScan, ...],
    annotation: Annotation,
    progress: Progress = silent,
) -> Prediction:
    """Answer every structure from what there is of it: drawn slices, support scans, or both.

    drawn: answers the structures that are drawn on this scan. Where nothing is drawn, support
    scans answer alone; structures that only they hold are joined to the others.
    """
    absent = tuple(v for v in annotation.values if v not in annotation.drawn_values)
    if annotation.blank:
        return said_by_support(scan, support, absent, annotation.axis, progress)
    asked = replace(annotation, extra_values=())
    found = drawn(asked, part(progress, 0, 0.5) if support else progress)
    found = with_support(found, scan, support, asked, part(progress, 0.5, 1))
    progress(1.0)
    if not absent:
        return found
    return joined(found, said_by_support(scan, support, absent, annotation.axis), annotation.axis)


def with_support(
    found: Prediction,
    scan: Scan,
    support: tuple[SupportScan, ...],
    annotation: Annotation,
    progress: Progress = silent,
) -> Prediction:
    """Return a prediction from drawn slices, averaged with what support scans say.

    found: of the drawn structures. Where no support scan holds them or looks like this scan, it
    comes back as it is.
    """
    if not support:
        return found
    carried = said_by_support(scan, support, annotation.drawn_values, annotation.axis, progress)
    if codes_of(carried.remarks) & {NOT_HELD.code, NOT_ALIKE.code}:
        return found
    axis = annotation.axis
    region = around([found.region, carried.region])
    shares = vote_shares(annotation, scan.spacing, region.shape[axis], region.start[axis])
    trust = trusted(foretold(carried, annotation))[:, None, None]
    probability = empty_probability(len(found.values), region.shape, axis)
    by_slice = np.moveaxis(probability, 1 + axis, 0)
    for at, share in enumerate(shares):
        index = region.start[axis] + at
        drawn, said = (slice_of(each, axis, index, region)[1:] for each in (found, carried))
        mean = drawn + share * trust * (said - drawn)
        mean /= np.maximum(mean.sum(axis=0), 1)
        by_slice[at, 0] = as_half(1 - mean.sum(axis=0))
        by_slice[at, 1:] = as_half(mean)
    return replace(found, region=region, probability=probability)


def foretold(carried: Prediction, annotation: Annotation) -> Float32Array:
    """Return the Dice (structure,) of what support scans say with what is drawn here.

    On all annotated slices, which they know nothing of; 1 where there is nothing to compare.
    """
    whole = Region((0, 0, 0), annotation.labels.shape)
    both, total = np.zeros((2, len(carried.values) - 1))
    for axis, index in annotation.slices:
        labels = annotation.labels[on_slice(axis, index)]
        said = slice_of(carried, axis, index, whole).argmax(axis=0)
        for number, value in enumerate(carried.values[1:]):
            there, here = labels == value, (said == number + 1) & (labels != UNKNOWN)
            both[number] += 2 * np.count_nonzero(there & here)
            total[number] += np.count_nonzero(there) + np.count_nonzero(here)
    return np.where(total > 0, both / np.maximum(total, 1), 1).astype(np.float32)


def trusted(dice: Float32Array) -> Float32Array:
    """Return how much of its share a vote keeps that foretells the drawn slices that well."""
    return np.asarray(np.minimum(dice / _TRUSTED, 1), dtype=np.float32)


def said_by_support(
    scan: Scan,
    support: tuple[SupportScan, ...],
    values: tuple[int, ...],
    axis: int,
    progress: Progress = silent,
) -> Prediction:
    """Return what support scans say of structures, whatever is drawn: see `carried_over`.

    A part of a scan is seen as a part of what they say of the whole, which is easier to lay them
    over; and a session, which asks again with every slice drawn, is told once.
    """
    whole, box = scan.whole
    ask = partial(carried_over, whole, support, values, axis, progress)
    if whole.memo is None:
        return seen_in(ask(), box)
    what = ("support", values, axis, whole.geometry.affine.tobytes(), _content(support))
    found = whole.memo.of(whole.channels, what, ask)
    progress(1.0)
    return seen_in(found, box)


def _content(support: tuple[SupportScan, ...]) -> tuple[object, ...]:
    """Return what tells support scans from others: all that is known of them."""
    return tuple(
        (
            checksum(each.scan.channels),
            each.scan.geometry.affine.tobytes(),
            checksum(each.annotation.labels),
            each.annotation.slices,
            each.annotation.doubts,
            repr(each.annotation.planes),
        )
        for each in support
    )


def vote_shares(
    annotation: Annotation, spacing: tuple[float, float, float], length: int, first: int = 0
) -> Float32Array:
    """Return how much the vote counts on each of `length` slices from the `first`, 0 to 1.

    d / (d + r / 2) beyond the outermost annotated slices, where d is the distance to the nearest
    one and r the radius of a circle as large as what was drawn; half of that between them.
    """
    axis = annotation.axis
    indices = np.array(annotation.along(axis))
    inplane = [step for other, step in enumerate(spacing) if other != axis]
    areas = [
        np.count_nonzero(drawn_voxels(annotation.labels[on_slice(axis, index)]))
        for index in indices
    ]
    drawn = [int(area) for area in areas if area] or [1]
    radius = float(np.sqrt(np.mean(drawn) * inplane[0] * inplane[1] / np.pi))
    slices = first + np.arange(length)
    distance = np.abs(slices[:, None] - indices).min(axis=1) * spacing[axis]
    inside = (slices >= indices[0]) & (slices <= indices[-1])
    shares = distance / (distance + _REACH * radius) * np.where(inside, _INSIDE, 1.0)
    return np.asarray(shares, dtype=np.float32)
