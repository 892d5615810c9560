"""An engine as it is asked: in the planes that were drawn in, by structure, with slices in line."""

from __future__ import annotations

from fewslice.engines.aligned import Aligned
from fewslice.engines.base import Engine, TrainedEngine
from fewslice.engines.by_structure import ByStructure
from fewslice.engines.in_planes import InPlanes


def composed(engine: Engine) -> Engine:
    """Return an engine that copes with shifted slices, oblique planes and structures in doubt.

    A `TrainedEngine` does not go by what is drawn: for it only slices are put in line.
    """
    if isinstance(engine, TrainedEngine):
        return Aligned(engine)
    return InPlanes(ByStructure(Aligned(engine)))
