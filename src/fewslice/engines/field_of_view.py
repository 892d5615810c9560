"""The part of a scan in which an annotated structure can be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, SliceIndex, drawn_voxels, on_slice
from fewslice.engines.predictions import around, moved
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN, LabelArray
from fewslice.volumes.layers import is_layer
from fewslice.volumes.region import Region, bounding_region, margins_in_voxels
from fewslice.volumes.spacing import Spacing

_SEEN = 0.7
"""Across slices whose two other planes show a structure, too, the margin is at most this part of
the box's side: chosen on structures held out from training (docs/results/crossing.md)."""


def field_of_view(annotation: Annotation, spacing: Spacing, inplane: float, reach: float) -> Region:
    """Return the box around what was drawn.

    inplane: margin in the slices, as a fraction of the box's side. reach: margin across the
    slices, as a fraction of what could be expected: the mean distance between drawn slices, or
    the radius of what was drawn, whichever is more; the whole scan for a layer (`is_layer`).
    With slices of several planes each axis gets the larger of the two margins; with slices of all
    three, two planes show where the structure ends along each axis, and the margin is `_SEEN` of a
    side at most. Where slices were looked at only in part (255), a structure may go on beyond what
    was drawn: the box then holds all that was looked at on them, too, and its margin in the slices
    is a whole side.
    """
    partial = _looked_at_in_part(annotation)
    if partial:
        inplane = max(inplane, 1.0)
    box = around([drawn_region(annotation), *partial])
    sides = np.array(box.shape) * spacing
    margins = inplane * sides
    drawn = {axis for axis, _ in annotation.drawn_slices}
    for axis in annotation.axes:
        across = reach * _expected_reach(annotation, axis, sides, spacing)
        if len(annotation.axes) == 1:
            margins[axis] = across
            continue
        if len(drawn) == 3:
            across = min(across, _SEEN * sides[axis])
        margins[axis] = max(across, margins[axis])
    box = box.grown(margins_in_voxels(list(margins), spacing), annotation.labels.shape)
    least = [1 if axis in annotation.axes else 3 for axis in range(3)]
    return box.grown(least, annotation.labels.shape)


def drawn_region(annotation: Annotation) -> Region:
    """Return the smallest box around what is drawn; there must be something."""
    marks = ((place, drawn_voxels(_labels_on(annotation, place))) for place in annotation.slices)
    return around([_box(place, drawn) for place, drawn in marks if drawn.any()])


def _looked_at_in_part(annotation: Annotation) -> list[Region]:
    """Return the boxes around what was looked at on each of the slices that hold 255."""
    marks = ((place, _labels_on(annotation, place) != UNKNOWN) for place in annotation.slices)
    return [_box(place, known) for place, known in marks if known.any() and not known.all()]


def _labels_on(annotation: Annotation, place: SliceIndex) -> LabelArray:
    labels: LabelArray = annotation.labels[on_slice(*place)]
    return labels


def _box(place: SliceIndex, mask: npt.NDArray[np.bool_]) -> Region:
    """Return the box, in the volume, around what is marked on a slice."""
    axis, index = place
    return moved(bounding_region(np.expand_dims(mask, axis)), axis, index)


def _shows_layer(labels: LabelArray, steps: tuple[float, float]) -> bool:
    values = np.unique(labels[drawn_voxels(labels)])
    return any(is_layer(labels == value, steps) for value in values)


def _expected_reach(
    annotation: Annotation, axis: int, sides: npt.NDArray[np.float64], spacing: Spacing
) -> float:
    step = spacing[axis]
    others = list(inplane_axes(axis))
    steps = (spacing[others[0]], spacing[others[1]])
    mine = (_labels_on(annotation, place) for place in annotation.slices if place[0] == axis)
    if any(_shows_layer(labels, steps) for labels in mine):
        return float(annotation.labels.shape[axis] * step)
    radius = float(np.sqrt(sides[others[0]] * sides[others[1]])) / 2
    indices = annotation.along(axis)
    gap = (indices[-1] - indices[0]) / max(len(indices) - 1, 1) * step
    return max(gap, 1.5 * radius)
