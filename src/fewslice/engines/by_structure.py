"""Asking an engine for structures that were drawn on different slices one after the other.

On a slice where nobody looked for a structure its absence says nothing, while those drawn there are
known in full. So each is asked for from the slices that do say something of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import (
    Engine,
    Prediction,
    PreparedScan,
    Progress,
    Scan,
    SupportScan,
    part,
    silent,
)
from fewslice.engines.predictions import joined


@dataclass(frozen=True)
class ByStructure:
    """An engine that is asked for each group of structures which share their slices in doubt.

    Without doubts it is asked once, for everything.
    """

    engine: Engine

    @property
    def uses_support(self) -> bool:
        """Whether the engine does."""
        return self.engine.uses_support

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedByStructure:
        """Return the scan ready to be asked."""
        return PreparedByStructure(self.engine.prepare(scan, support))


@dataclass(frozen=True, eq=False)
class PreparedByStructure:
    """A scan of which structures are asked for group by group."""

    prepared: PreparedScan

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities (see `PreparedScan`)."""
        parts = annotation.parts()
        if len(parts) == 1:
            return self.prepared.predict(annotation, progress)
        drawn = annotation.drawn_values
        undrawn = tuple(value for value in annotation.extra_values if value not in drawn)
        asked = [parts[0].with_values(undrawn), *parts[1:]]
        found = [
            self.prepared.predict(one, part(progress, at / len(asked), (at + 1) / len(asked)))
            for at, one in enumerate(asked)
        ]
        answer = reduce(lambda one, other: joined(one, other, annotation.axis), found)
        return replace(answer, remarks=tuple(dict.fromkeys(answer.remarks)))
