"""An ensemble: the same annotation answered by several engines or several states of one.

Deep ensembles (Lakshminarayanan et al., NeurIPS 2017) are this with networks that were trained or
fine-tuned from different seeds: give `Network(weights=...)` for each.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Engine, Scan
from fewslice.engines.interpolation.engine import Interpolation
from fewslice.engines.random_walker.engine import RandomWalker
from fewslice.segmentation.posterior.samples import Samples, as_samples


@dataclass(frozen=True)
class Ensemble:
    """One sample an engine.

    engines: at least two; the first one's answer is the one people get.
    """

    engines: tuple[Engine, ...] = field(default_factory=lambda: (RandomWalker(), Interpolation()))

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        """Return an answer of each engine; nothing is drawn at random, so the seed is not used."""
        answers = [engine.prepare(scan).predict(annotation) for engine in self.engines]
        return as_samples(answers, annotation)
