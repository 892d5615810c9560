"""Where an engine looks, and what it knows of outlines there before it begins."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Scan
from fewslice.engines.field_of_view import field_of_view
from fewslice.engines.interpolation.seen_ends import seen_ends
from fewslice.engines.interpolation.slice_motion import SliceMotion, find_motions
from fewslice.engines.interpolation.slice_shapes import SliceShape, slice_shapes
from fewslice.volumes.memo import Memo
from fewslice.volumes.region import Region

_SPARE = 0.15  # of the length to an end, beyond it


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The box around what was drawn, its outlines on all annotated slices, and how they move.

    motions: of each plane with drawn slices (see `SliceMotion`).
    """

    region: Region
    shapes: tuple[SliceShape, ...]
    motions: tuple[SliceMotion, ...]


def surroundings(
    scan: Scan, annotation: Annotation, margin: float, reach: float = 1.0
) -> Surroundings:
    """Return where to look, and the outlines there; at least one slice must show a structure.

    margin, reach: see `field_of_view`. Where drawn slices do not tell themselves where the
    structure ends, the box reaches as far as the images tell (see `seen_ends`), if that is
    farther.
    """
    scan = scan if scan.memo is not None else replace(scan, memo=Memo(scan.channels))
    region = field_of_view(annotation, scan.spacing, margin, reach)
    ends = seen_ends(scan, annotation, region)
    for (_, above), length in ends.items():
        plane, index = max(annotation.drawn_slices) if above else min(annotation.drawn_slices)
        away = math.ceil((1 + _SPARE) * length / scan.spacing[plane]) + 1
        last = scan.shape[plane] - 1
        place = min(index + away, last) if above else max(index - away, 0)
        region = region.reaching(plane, place)
    shapes = slice_shapes(annotation, region, scan.spacing)
    motions = find_motions(scan, region, shapes)
    if ends:
        motions = tuple(replace(motion, ends=ends) for motion in motions)
    return Surroundings(region, shapes, motions)
