"""Signed-distance interpolation between annotated slices: the baseline that needs no training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import (
    Prediction,
    Progress,
    Scan,
    SupportScan,
    as_half,
    empty_probability,
    silent,
)
from fewslice.engines.field_of_view import field_of_view
from fewslice.engines.interpolation.end_caps import EndCapSettings
from fewslice.engines.interpolation.signed_distance import ShapePrior, softmax
from fewslice.engines.interpolation.slice_shapes import slice_shapes
from fewslice.volumes.working_grid import WorkingGrid


@dataclass(frozen=True)
class Interpolation:
    """Interpolate outlines between annotated slices; intensities are not looked at.

    Raya and Udupa 1990 (shape-based interpolation), with a taper beyond the outermost slices; see
    `fewslice.engines.interpolation.signed_distance` for what is done exactly.
    """

    end_caps: EndCapSettings = field(default_factory=EndCapSettings)

    @property
    def uses_support(self) -> bool:
        """Outlines of other scans say nothing about this one's."""
        return False

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedInterpolation:
        """Return the scan ready for predicting; nothing needs to be computed.

        support: ignored.
        """
        return PreparedInterpolation(scan, self.end_caps)


@dataclass(frozen=True, eq=False)
class PreparedInterpolation:
    """A scan to interpolate outlines in."""

    scan: Scan
    end_caps: EndCapSettings

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities at full resolution (see `PreparedScan`)."""
        region = field_of_view(annotation, self.scan.spacing, inplane=0.0, reach=1.0)
        grid = WorkingGrid(region, region.shape, self.scan.spacing)
        shapes = slice_shapes(annotation, region, self.scan.spacing)
        prior = ShapePrior.on_grid(shapes, grid, annotation.axis, self.end_caps)
        classes = 1 + len(annotation.values)
        probability = empty_probability(classes, region.shape, annotation.axis)
        by_slice = np.moveaxis(probability, 1 + annotation.axis, 0)
        for position in range(len(by_slice)):
            by_slice[position] = as_half(softmax(prior.log_odds(position)))
            progress((position + 1) / len(by_slice))
        return Prediction(region, (0, *annotation.values), probability)
