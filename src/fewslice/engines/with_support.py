"""Slices drawn on a scan and scans done before, together.

Near a drawn slice what was drawn decides; far from it, and above all beyond the outermost ones, the
support scans' vote (`fewslice.engines.atlas.engine`) counts for more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, drawn_voxels, on_slice
from fewslice.engines.atlas.engine import NOT_ALIKE, NOT_HELD, carried_over
from fewslice.engines.base import Prediction, Progress, as_half, empty_probability
from fewslice.engines.predictions import around, slice_of

if TYPE_CHECKING:
    from fewslice.engines.network.engine import PreparedNetwork

Float32Array = npt.NDArray[np.float32]

_INSIDE = 0.5
_REACH = 0.5


def with_support(
    found: Prediction, prepared: PreparedNetwork, annotation: Annotation, progress: Progress
) -> Prediction:
    """Return a prediction from drawn slices, averaged with what support scans say.

    found: of the drawn structures. Where no support scan holds them or looks like this scan, it
    comes back as it is.
    """
    if not prepared.support:
        return found
    carried = carried_over(prepared, annotation, annotation.drawn_values, progress)
    if NOT_HELD in carried.remarks or NOT_ALIKE in carried.remarks:
        return found
    axis = annotation.axis
    region = around([found.region, carried.region])
    shares = vote_shares(annotation, prepared.scan.spacing, region.shape[axis], region.start[axis])
    probability = empty_probability(len(found.values), region.shape, axis)
    by_slice = np.moveaxis(probability, 1 + axis, 0)
    for at, share in enumerate(shares):
        index = region.start[axis] + at
        mean = (1 - share) * slice_of(found, axis, index, region)
        mean += share * slice_of(carried, axis, index, region)
        by_slice[at] = as_half(mean)
    return replace(found, region=region, probability=probability)


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
