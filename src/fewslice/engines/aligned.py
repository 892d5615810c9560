"""Asking an engine with slices that lie out of place put into place, and back afterwards.

Where the eye moved between B-scans, or somebody breathed between slices, every engine does better
on slices that lie as their neighbours do (`fewslice.annotation.slice_shift`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fewslice.annotation.annotation import Annotation, drawn_voxels, on_slice
from fewslice.annotation.slice_shift import Displacement, displacement, slid
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
from fewslice.volumes.image import structure_values
from fewslice.volumes.region import bounding_region

_LEAST = 64  # voxels of a side to go by
_REMARK = (
    "Slices lie up to {} voxels aside of their neighbours, as if something had moved meanwhile: "
    "they were aligned for the answer, and brought back afterwards."
)


@dataclass(frozen=True)
class Aligned:
    """An engine that is shown the slices of a scan in line, and its answer brought back.

    Slices are aligned if those drawn lie in one plane, by what the first channel shows around the
    structures, and only where enough of them lie aside. A remark says so.
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
        ways = found_ways(scan, annotation)
        if ways is None:
            return self._as_it_is.predict(annotation, progress)
        axis = annotation.axis
        placed = replace(annotation, labels=slid(annotation.labels, axis, ways))
        channels = np.stack([slid(channel, axis, ways) for channel in scan.channels])
        prepared = self.engine.prepare(Scan(channels, scan.geometry), self.support)
        found = brought_back(prepared.predict(placed, progress), axis, ways, scan.shape)
        remark = _REMARK.format(int(np.abs(ways).max()))
        return replace(found, remarks=(*found.remarks, remark))


def found_ways(scan: Scan, annotation: Annotation) -> Displacement | None:
    """Return by how much slices must be slid to lie in place; None if they are left alone."""
    if annotation.blank or len(annotation.axes) > 1:
        return None
    axis = annotation.axis
    ways = displacement(scan.channels[0][_surroundings(annotation, axis)], axis)
    if not ways.any():
        return None
    placed = slid(annotation.labels, axis, ways)
    # No structure drawn at the border of the scan may be lost from a slice.
    kept = all(
        structure_values(placed[on_slice(*place)])
        == structure_values(annotation.labels[on_slice(*place)])
        for place in annotation.slices
    )
    return ways if kept else None


def _surroundings(annotation: Annotation, axis: int) -> tuple[slice, slice, slice]:
    """Return the box, through all slices, that reaches a structure's size beyond what is drawn."""
    shape = annotation.labels.shape
    drawn = bounding_region(drawn_voxels(annotation.labels))
    margins = [max(size, (_LEAST - size) // 2) for size in drawn.shape]
    margins[axis] = shape[axis]
    return drawn.grown(margins, (shape[0], shape[1], shape[2])).slices


def brought_back(
    prediction: Prediction, axis: int, ways: Displacement, shape: tuple[int, int, int]
) -> Prediction:
    """Return a prediction for slices that were slid, with every slice where it was.

    ways: (slice of the scan, 2), by which they were slid. shape: of the scan. What went out of the
    scan on one side comes back as what lay at its border.
    """
    inplane = [other for other in range(3) if other != axis]
    margins = np.zeros(3, dtype=np.int64)
    margins[inplane] = np.abs(ways).max(axis=0)
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
        for other, way in zip(inplane, ways[first + at].tolist(), strict=True):
            now = np.arange(outer.start[other], outer.stop[other])
            then = np.clip(now + way, 0, shape[other] - 1) - inner.start[other]
            inside = (then >= 0) & (then < inner.shape[other])
            target.append(np.flatnonzero(inside))
            source.append(then[inside])
        into[at][np.ix_(*target)] = one[np.ix_(*source)]
    return replace(prediction, region=region, probability=back)
