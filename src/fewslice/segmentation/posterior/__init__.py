"""Posterior samples: several answers to the same annotation, whose spread is what is not known.

Each sampler takes a scan and an annotation and returns `Samples`. One scan's samples are held at a
time; whoever ranks a pool reduces them to a few numbers a slice and throws them away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Scan
from fewslice.segmentation.posterior.augmentation import Augmentation
from fewslice.segmentation.posterior.committee import Committee
from fewslice.segmentation.posterior.ensemble import Ensemble
from fewslice.segmentation.posterior.samples import Samples
from fewslice.segmentation.posterior.sketches import Sketches

__all__ = ["SAMPLERS", "Augmentation", "Committee", "Ensemble", "Sampler", "Samples", "Sketches"]


class Sampler(Protocol):
    """A way of drawing answers. A sampler holds its settings only and is immutable."""

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        """Return at least two answers; the first is the one from all that is known.

        The same seed gives the same samples.
        """
        ...


SAMPLERS: Mapping[str, Sampler] = {
    "committee": Committee(),
    "augmentation": Augmentation(),
    "ensemble": Ensemble(),
    "sketches": Sketches(),
}
