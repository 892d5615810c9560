"""Samples of a scan as it is understood: in oblique planes, and by structure where in doubt.

As `fewslice.engines.composed` for engines; where slices were drawn and nothing is in doubt it
changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.finding import plausible_slices
from fewslice.engines.base import Prediction, Scan
from fewslice.engines.in_planes import averaged, families_of
from fewslice.engines.plane_frame import plane_frame
from fewslice.engines.predictions import joined
from fewslice.segmentation.posterior.samples import Samples, as_samples

if TYPE_CHECKING:
    from fewslice.segmentation.posterior import Sampler


@dataclass(frozen=True)
class ByStructureSampler:
    """A sampler that is asked for each group of structures which share their slices in doubt."""

    sampler: Sampler

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        """Return samples of all structures; as many as there are of each."""
        parts = annotation.parts()
        if len(parts) == 1:
            return self.sampler.samples(scan, annotation, seed)
        found = [_predictions(self.sampler, scan, one, seed) for one in parts]
        together = [
            reduce(lambda one, other: joined(one, other, annotation.axis), those)
            for those in zip(*found, strict=False)
        ]
        return as_samples(together, annotation)


@dataclass(frozen=True)
class InPlanesSampler:
    """A sampler that is shown oblique planes as slices, and its samples brought back."""

    sampler: Sampler

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        """Return samples in the scan's own voxels."""
        if not annotation.planes:
            return self.sampler.samples(scan, annotation, seed)
        families = families_of(annotation, scan.geometry)
        found = []
        for planes in families:
            frame = plane_frame(scan.geometry, annotation, planes)
            drawn = frame.annotation(annotation, planes)
            asked = plausible_slices(drawn, frame.geometry, frame.axis)
            each = _predictions(self.sampler, frame.resampled(scan), asked, seed)
            found.append([frame.brought_back(one, annotation.axis) for one in each])
        together = [averaged(those, families, annotation) for those in zip(*found, strict=False)]
        return as_samples(together, annotation)


def _predictions(
    sampler: Sampler, scan: Scan, annotation: Annotation, seed: int
) -> list[Prediction]:
    """Return samples one by one, at the voxels of the scan."""
    found = sampler.samples(scan, annotation, seed).native(annotation)
    return [Prediction(found.region, found.values, one) for one in found.by_axes]
