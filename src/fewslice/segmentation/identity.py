"""What an answer rests on beside what is drawn: the engine, the scan and its support scans."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fewslice.engines import Engine, TrainedEngine
from fewslice.engines.identity import engine_identity
from fewslice.volumes.checksum import checksum, image_checksum
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Image, LabelMap


def answer_identity(
    engine: Engine,
    image: Image,
    seen: Geometry,
    support: Sequence[tuple[Image, LabelMap]] = (),
    *,
    strict: bool = False,
) -> str:
    """Return what must be the same for an answer to be gone on from, as text.

    Empty for a model, to which a slice tells nothing new.

    Parameters
    ----------
    engine
        With its settings.
    image
        The scan.
    seen
        The grid that the engine sees, which differs from the scan's where no spacing is known.
    support
        Those that the engine learns from. strict: how their labels are understood.
    """
    if isinstance(engine, TrainedEngine):
        return ""
    parts = [engine_identity(engine), image_checksum(image), _grid(seen)]
    for scan, labels in support:
        parts += [image_checksum(scan), _grid(scan.geometry), checksum(labels.array)]
    return "\n".join([*parts, "strict"] if support and strict else parts)


def _grid(geometry: Geometry) -> str:
    return str((np.round(geometry.affine, 4) + 0.0).tolist())  # without negative zeros
