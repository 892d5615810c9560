"""Asking an engine with slices that lie out of place put into place, and back afterwards.

Where the eye moved between B-scans, or somebody breathed between slices, every engine does better
on slices that lie as their neighbours do (`fewslice.annotation.slice_shift`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.annotation.slice_shift import SliceShifts, shift_slices, slice_shifts
from fewslice.engines.base import (
    Engine,
    Prediction,
    PreparedScan,
    Progress,
    Scan,
    SupportScan,
    empty_probability,
    silent,
)
from fewslice.engines.field_of_view import drawn_region
from fewslice.errors import Remark
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import structure_values

_LEAST = 64  # voxels of a side to go by
_REMARK = (
    "Slices lie up to {} voxels aside of their neighbours, as if something had moved meanwhile: "
    "they were aligned for the answer, and brought back afterwards."
)


@dataclass(frozen=True)
class Aligned:
    """An engine that is shown the slices of a scan in line, and its answer brought back.

    Slices are aligned if those drawn lie in one plane, by what the first channel shows around the
    structures, and only where enough of them are shifted. A remark says so.
    """

    engine: Engine

    @property
    def uses_support(self) -> bool:
        """Whether the engine does."""
        return self.engine.uses_support

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedAligned:
        """Return the scan, which is made ready once it is known how its slices lie."""
        return PreparedAligned(self.engine, scan, tuple(support))


@dataclass(frozen=True, eq=False)
class PreparedAligned:
    """A scan whose slices may have to be aligned by what is drawn on it."""

    engine: Engine
    scan: Scan
    support: tuple[SupportScan, ...]

    @cached_property
    def _as_it_is(self) -> PreparedScan:
        return self.engine.prepare(self.scan, self.support)

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities in the scan's own voxels."""
        scan = self.scan
        shifts = find_shifts(scan, annotation)
        if shifts is None:
            return self._as_it_is.predict(annotation, progress)
        axis = annotation.axis
        placed = replace(annotation, labels=shift_slices(annotation.labels, axis, shifts))
        channels = np.stack([shift_slices(channel, axis, shifts) for channel in scan.channels])
        prepared = self.engine.prepare(Scan(channels, scan.geometry), self.support)
        found = shifted_back(prepared.predict(placed, progress), axis, shifts, scan.shape)
        sentence = _REMARK.format(int(np.abs(shifts).max()))
        remark = Remark("slices-aligned", sentence)
        return replace(found, remarks=(*found.remarks, remark))


def find_shifts(scan: Scan, annotation: Annotation) -> SliceShifts | None:
    """Return by how much slices must be shifted to lie in place; None if they are left alone."""
    if annotation.blank or len(annotation.axes) > 1:
        return None
    axis = annotation.axis
    seen = scan.channels[0][_field_of_view(annotation, axis)]
    estimate = partial(slice_shifts, seen, axis)
    # A session asks engines and samplers about the same slices many times.
    shifts = estimate() if scan.memo is None else scan.memo.of(seen, ("shifts", axis), estimate)
    if not shifts.any():
        return None
    placed = shift_slices(annotation.labels, axis, shifts)
    # No structure drawn at the border of the scan may be lost from a slice.
    kept = all(
        structure_values(placed[on_slice(*place)])
        == structure_values(annotation.labels[on_slice(*place)])
        for place in annotation.slices
    )
    return shifts if kept else None


def _field_of_view(annotation: Annotation, axis: int) -> tuple[slice, slice, slice]:
    """Return the box, through all slices, that reaches a structure's size beyond what is drawn."""
    shape = annotation.labels.shape
    drawn = drawn_region(annotation)
    margins = [max(size, (_LEAST - size) // 2) for size in drawn.shape]
    margins[axis] = shape[axis]
    return drawn.grown(margins, (shape[0], shape[1], shape[2])).slices


def shifted_back(
    prediction: Prediction, axis: int, shifts: SliceShifts, shape: tuple[int, int, int]
) -> Prediction:
    """Return a prediction for slices that were shifted, with every slice where it was.

    shifts: (slice of the scan, 2), by which they were shifted. shape: of the scan. What went out of
    the scan on one side comes back as what lay at its border.
    """
    inplane = list(inplane_axes(axis))
    margins = np.zeros(3, dtype=np.int64)
    margins[inplane] = np.abs(shifts).max(axis=0)
    region = prediction.region.grown(margins.tolist(), shape)
    back = empty_probability(len(prediction.values), region.shape, axis)
    back[...] = 0
    back[0] = 1
    into = np.moveaxis(back, 1 + axis, 0)
    slices = np.moveaxis(prediction.probability, 1 + axis, 0)
    first = prediction.region.start[axis]
    inner, outer = prediction.region, region
    for at, one in enumerate(slices):
        target, source = [np.arange(len(one))], [np.arange(len(one))]
        for other, way in zip(inplane, shifts[first + at].tolist(), strict=True):
            now = np.arange(outer.start[other], outer.stop[other])
            then = np.clip(now + way, 0, shape[other] - 1) - inner.start[other]
            inside = (then >= 0) & (then < inner.shape[other])
            target.append(np.flatnonzero(inside))
            source.append(then[inside])
        into[at][np.ix_(*target)] = one[np.ix_(*source)]
    return replace(prediction, region=region, probability=back)
