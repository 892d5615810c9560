"""The part of a scan in which an annotated structure can be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.region import Region, bounding_region, margins_in_voxels


def field_of_view(
    annotation: Annotation, spacing: tuple[float, float, float], inplane: float, reach: float
) -> Region:
    """Return the box around what was drawn.

    inplane: margin in the slices, as a fraction of the box's side. reach: margin across the
    slices, as a fraction of what could be expected: the mean distance between drawn slices, or
    the radius of what was drawn, whichever is more. With slices of several planes each axis gets
    the larger of the two margins. Where slices were looked at only in part (255), a structure may
    go on beyond what was drawn: the box then holds all that was looked at on them, too, and its
    margin in the slices is a whole side.
    """
    drawn = (annotation.labels != 0) & (annotation.labels != UNKNOWN)
    partial = _looked_at_in_part(annotation)
    if partial is not None:
        drawn |= partial
        inplane = max(inplane, 1.0)
    box = bounding_region(drawn)
    sides = np.array(box.shape) * spacing
    margins = inplane * sides
    for axis in annotation.axes:
        across = reach * _expected_reach(annotation, axis, sides, spacing[axis])
        margins[axis] = max(across, margins[axis] if len(annotation.axes) > 1 else 0.0)
    box = box.grown(margins_in_voxels(list(margins), spacing), annotation.labels.shape)
    least = [1 if axis in annotation.axes else 3 for axis in range(3)]
    return box.grown(least, annotation.labels.shape)


def _looked_at_in_part(annotation: Annotation) -> npt.NDArray[np.bool_] | None:
    """Return the known voxels of the slices that hold 255, or None if no slice does."""
    slices = tuple(
        item for item in annotation.slices if (annotation.labels[on_slice(*item)] == UNKNOWN).any()
    )
    return replace(annotation, slices=slices).known() if slices else None


def _expected_reach(
    annotation: Annotation, axis: int, sides: npt.NDArray[np.float64], step: float
) -> float:
    others = list(inplane_axes(axis))
    radius = float(np.sqrt(sides[others[0]] * sides[others[1]])) / 2
    indices = annotation.along(axis)
    gap = (indices[-1] - indices[0]) / max(len(indices) - 1, 1) * step
    return max(gap, 1.5 * radius)
