"""The slices around the one in hand, before an engine has answered.

Outlines interpolated between the nearest drawn slices take a few hundredths of a second whatever
the size of the scan, and near a slice that was just drawn they are close to what engines answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Scan
from fewslice.engines.interpolation.engine import Interpolation
from fewslice.segmentation.assemble import assemble_labels
from fewslice.volumes.image import LabelArray
from fewslice.volumes.region import Region

NEAREST = 5


@dataclass(frozen=True, eq=False)
class AnsweredSlices:
    """Neighbouring slices of an answer.

    axis, first: array axis and number of the first slice. labels: (slice, row, column). final:
    False where these are interpolated outlines that an engine's answer will take the place of.
    """

    axis: int
    first: int
    labels: LabelArray
    final: bool


def preview(scan: Scan, annotation: Annotation, near: int) -> AnsweredSlices | None:
    """Return the five slices nearest to one, from outlines interpolated around them.

    near: number of a slice across the main axis. None where there is nothing to interpolate, since
    no structure is drawn.
    """
    if annotation.blank:
        return None
    axis, length = annotation.axis, scan.shape[annotation.axis]
    first = int(np.clip(near - NEAREST // 2, 0, max(length - NEAREST, 0)))
    last = min(first + NEAREST, length) - 1
    piece = Region.slab(axis, *_drawn_around(annotation, first, last), scan.shape)
    asked = annotation.cropped(piece)
    if asked.blank:
        return None
    answer = Interpolation().prepare(scan.cropped(piece)).predict(asked)
    labels = np.moveaxis(assemble_labels(answer, asked), axis, 0)
    start = first - piece.start[axis]
    return AnsweredSlices(axis, first, labels[start : start + last - first + 1], final=False)


def _drawn_around(annotation: Annotation, first: int, last: int) -> tuple[int, int]:
    """Return the part of the scan that reaches to the nearest drawn slice on either side."""
    drawn = annotation.drawn_along(annotation.axis)
    below = max((index for index in drawn if index < first), default=first)
    above = min((index for index in drawn if index > last), default=last)
    return below, above


def changed_slices(
    labels: LabelArray, before: LabelArray | None, axis: int, near: int
) -> list[AnsweredSlices]:
    """Return the slices of an answer that differ from the one before, nearest first.

    before: None for nothing anywhere. They come in runs of neighbours, up to five at a time.
    """
    now = np.moveaxis(labels, axis, 0)
    others = (1, 2)
    changed = now.any(axis=others)
    if before is not None:
        changed = (now != np.moveaxis(before, axis, 0)).any(axis=others)
    runs: list[list[int]] = []
    for index in np.flatnonzero(changed).tolist():
        if runs and index == runs[-1][-1] + 1 and len(runs[-1]) < NEAREST:
            runs[-1].append(index)
        else:
            runs.append([index])
    runs.sort(key=lambda run: (min(abs(index - near) for index in run), run))
    return [AnsweredSlices(axis, run[0], now[run[0] : run[-1] + 1], final=True) for run in runs]
