"""Samples of a scan whose slices are shifted against each other, drawn with the slices in line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.slice_shift import shift_slices
from fewslice.engines.aligned import find_shifts, shifted_back
from fewslice.engines.base import Prediction, Scan
from fewslice.segmentation.posterior.samples import Samples, as_samples

if TYPE_CHECKING:
    from fewslice.segmentation.posterior import Sampler


@dataclass(frozen=True)
class AlignedSampler:
    """A sampler that is shown the slices of a scan in line, and its samples brought back.

    As `fewslice.engines.aligned.Aligned` for engines; where slices lie in line it changes nothing.
    """

    sampler: Sampler

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        """Return samples in the scan's own voxels."""
        shifts = find_shifts(scan, annotation)
        if shifts is None:
            return self.sampler.samples(scan, annotation, seed)
        axis = annotation.axis
        placed = replace(annotation, labels=shift_slices(annotation.labels, axis, shifts))
        channels = np.stack([shift_slices(channel, axis, shifts) for channel in scan.channels])
        aligned = Scan(channels, scan.geometry)
        found = self.sampler.samples(aligned, placed, seed).native(placed)
        back = [
            shifted_back(Prediction(found.region, found.values, one), axis, shifts, scan.shape)
            for one in found.by_axes
        ]
        return as_samples(back, annotation)
