"""Slices of one volume as rows of numbers, for strategies that rank pools as well."""

from __future__ import annotations

import numpy as np

from fewslice.active_learning.candidates import (
    Candidates,
    Place,
    descriptor,
    informative_points,
    slice_facts,
    stack,
)
from fewslice.active_learning.cost import CostModel
from fewslice.active_learning.next_slice.profiles import Profiles
from fewslice.segmentation.posterior import Samples
from fewslice.volumes.image import Image
from fewslice.volumes.intensity_range import sliver


def volume_rows(
    scan: Image, samples: Samples, found: Profiles, all_planes: bool, cost: CostModel
) -> Candidates:
    """Return one row a slice: of the main axis, or of all three; those spoken of are marked."""
    rows = []
    for axis in range(3) if all_planes else (found.main,):
        rows += _rows_across(scan, samples.across(axis), found, cost)
    return stack(rows)


def _rows_across(
    scan: Image, samples: Samples, found: Profiles, cost: CostModel
) -> list[Candidates]:
    axis, profile = samples.axis, found.axes[samples.axis]
    points = informative_points(samples.probability)
    start = samples.region.start[axis]
    channel = scan.channels[0]
    near = channel[samples.region.slices]
    low, high = np.percentile(near, [2, 98])
    width = max(float(high - low), sliver(low, high, near))
    beyond = np.zeros((*samples.probability.shape[:2], *samples.probability.shape[3:]), np.float16)
    beyond[:, 0] = 1
    place_in = tuple(part for other, part in enumerate(samples.region.slices) if other != axis)
    contour = (2 * np.sqrt(np.pi * profile.expected * profile.pixel_area)).sum(axis=0)
    rows = []
    for index in range(len(profile)):
        inside = 0 <= index - start < samples.probability.shape[2]
        probability = samples.probability[:, :, index - start] if inside else beyond
        image = np.moveaxis(channel, axis, 0)[index][place_in].astype(np.float32)
        place = Place(
            scan=0,
            axis=axis,
            index=index,
            position=index * profile.step,
            annotated=bool(profile.asked[index]),
            seconds=cost.drawing(float(contour[index])),
            pixel_area=profile.pixel_area,
        )
        look = descriptor((image - low) / width, probability)
        rows.append(slice_facts(probability, place, look, points))
    return rows
