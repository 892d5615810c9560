"""What was assumed of zeros on annotated slices, in sentences that say how to overrule it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fewslice.annotation.along import Along
from fewslice.annotation.oblique import ObliquePlane
from fewslice.annotation.phrases import counted, slices_text
from fewslice.annotation.planes import plane_name
from fewslice.errors import Remark
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import Geometry

_OVERRULE = "name them with --annotated, or give --strict (in Python: strict=True)"


def plane_remark(
    planes: Sequence[ObliquePlane], geometry: Geometry, axis: int, loose: int
) -> Remark:
    """Say that the labels are taken as drawn in oblique planes.

    axis: array axis that the planes are compared with. loose: drawn voxels in none of them.
    """
    angles = sorted({round(tilt(plane, geometry, axis)) for plane in planes})
    degrees = f"{angles[0]}" if len(angles) == 1 else f"{angles[0]} to {angles[-1]}"
    name = plane_name(geometry, axis)
    aside = f" {counted(loose, 'drawn voxel')} aside of them said nothing." if loose else ""
    return Remark(
        "oblique-planes",
        f"What is drawn on the {name} slices are strips of {counted(len(planes), 'plane')}, "
        f"oblique to them by {degrees} degrees: the voxels in {_these(len(planes))} count as "
        f"known, the rest of the slices does not.{aside} If whole {name} slices were drawn, "
        f"{_OVERRULE}.",
    )


def _these(count: int) -> str:
    return "this plane" if count == 1 else "these planes"


def tilt(plane: ObliquePlane, geometry: Geometry, axis: int) -> float:
    """Return the angle in degrees between a plane and the slices across an array axis."""
    inverse = np.linalg.inv(geometry.affine[:3, :3])
    normal = inverse.T @ np.array(plane.normal)
    slices = inverse[axis]
    cosine = abs(normal @ slices) / np.linalg.norm(normal) / np.linalg.norm(slices)
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def rim_remark(along: Along, rims: BoolArray, geometry: Geometry) -> tuple[Remark, ...]:
    """Say which slices hold nothing but the rims of a brush."""
    if not rims.any():
        return ()
    where, drawn = _where(along, rims, geometry), _where(along, ~rims, geometry)
    return (
        Remark(
            "brush-rims",
            f"{_started(where)} hold what a sphere brush leaves above and below the slices drawn "
            f"on ({drawn}): they do not count as annotated. If they were drawn, {_OVERRULE}.",
        ),
    )


def lone_rims_remark(along: Along, run: slice, geometry: Geometry) -> tuple[Remark]:
    """Say that slices in a row may be one drawn slice with the rims of a brush."""
    chosen = np.zeros(len(along.indices), dtype=bool)
    chosen[run] = True
    middle = f"{plane_name(geometry, along.axis)} {int(along.indices[(run.start + run.stop) // 2])}"
    return (
        Remark(
            "maybe-brush-rims",
            f"What is drawn on {_where(along, chosen, geometry)} is the same above and below "
            f"{middle}, as a sphere brush leaves it; all of it is taken as drawn. If only {middle} "
            "was, erase the others.",
        ),
    )


def strips_remark(along: Along, strips: BoolArray, geometry: Geometry) -> tuple[Remark, ...]:
    """Say which slices, taken as drawn in full, may hold strips of oblique planes."""
    if not strips.any():
        return ()
    return (
        Remark(
            "maybe-oblique-planes",
            f"What is drawn on {_where(along, strips, geometry)} looks like strips of one oblique "
            "plane, since slices next to each other share no voxel of a structure; the slices are "
            "taken as drawn in full. If they were not, draw more in the oblique plane, or set "
            f"what you did not look at to 255. If they were, {_OVERRULE}.",
        ),
    )


def slip_remarks(along: Along, slips: BoolArray, geometry: Geometry) -> tuple[Remark, ...]:
    """Say where a structure has so few voxels that they are taken as slips."""
    found = []
    for column in np.flatnonzero(slips.any(axis=0)):
        chosen = slips[:, column]
        voxels = int(along.areas[chosen, column].sum())
        found.append(
            Remark(
                "few-voxels",
                f"Label {{}} has only {counted(voxels, 'voxel')} on "
                f"{_where(along, chosen, geometry)}, much less than on the slices around, as by a "
                "slip or in a plane tilted a little: "
                f"{'it is' if chosen.sum() == 1 else 'they are'} not taken as annotated for it. "
                f"Erase what was a slip; if the slices were drawn, {_OVERRULE}.",
                (along.values[column],),
            )
        )
    return tuple(found)


def absence_remarks(along: Along, absences: BoolArray, geometry: Geometry) -> tuple[Remark, ...]:
    """Say on which slices a structure is missing that is drawn on others around."""
    return tuple(
        Remark(
            "drawn-on-other-slices",
            "Label {} is drawn on other slices, but not drawn on "
            f"{_where(along, absences[:, column], geometry)} between or beside them: there nobody "
            "seems to have looked for it, and it is answered. Draw all structures on each slice; "
            f"if it is absent from these, {_OVERRULE}.",
            (along.values[column],),
        )
        for column in np.flatnonzero(absences.any(axis=0))
    )


def _where(along: Along, chosen: BoolArray, geometry: Geometry) -> str:
    plane = plane_name(geometry, along.axis)
    return slices_text([(plane, int(index)) for index in along.indices[chosen]])


def _started(text: str) -> str:
    return text[0].upper() + text[1:]
