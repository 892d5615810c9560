"""The part of a scan in which an annotated structure can be."""

from __future__ import annotations

import numpy as np

from fewslice.slices.annotation import Annotation
from fewslice.slices.region import Region, bounding_region, margins_in_voxels
from fewslice.volumes.image import UNKNOWN


def surroundings(
    annotation: Annotation, spacing: tuple[float, float, float], inplane: float, reach: float
) -> Region:
    """Return the box around what was drawn.

    inplane: margin in the slices, as a fraction of the box's side. reach: margin across the
    slices, as a fraction of what could be expected: the mean distance between drawn slices, or
    the radius of what was drawn, whichever is more. With slices of several planes each axis gets
    the larger of the two margins.
    """
    drawn = (annotation.labels != 0) & (annotation.labels != UNKNOWN)
    box = bounding_region(drawn)
    sides = np.array(box.shape) * spacing
    margins = inplane * sides
    for axis in annotation.axes:
        across = reach * _expected_reach(annotation, axis, sides, spacing[axis])
        margins[axis] = max(across, margins[axis] if len(annotation.axes) > 1 else 0.0)
    box = box.grown(margins_in_voxels(list(margins), spacing), annotation.labels.shape)
    least = [1 if axis in annotation.axes else 3 for axis in range(3)]
    return _at_least(box, least, annotation)


def _expected_reach(annotation: Annotation, axis: int, sides: np.ndarray, step: float) -> float:
    others = [other for other in range(3) if other != axis]
    radius = float(np.sqrt(sides[others[0]] * sides[others[1]])) / 2
    indices = annotation.along(axis)
    gap = (indices[-1] - indices[0]) / max(len(indices) - 1, 1) * step
    return max(gap, 1.5 * radius)


def _at_least(box: Region, margins: list[int], annotation: Annotation) -> Region:
    return box.grown(margins, annotation.labels.shape)
