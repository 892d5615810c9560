"""What would be a problem with a scan or its labels, in sentences that say what to do."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.counts import annotated_slices, slices_with
from fewslice.annotation.planes import plane_name
from fewslice.errors import InputError, Remark
from fewslice.reporting.inspection.scan_statistics import AxisFacts, Intensities, even_sample
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.image import UNKNOWN, Image, require_finite

_ANISOTROPIC = 4.0
_OBLIQUE_DEGREES = 10.0
_FEW_VALUES = 24


def finite_problems(image: Image) -> tuple[str, ...]:
    """Say how many voxels are NaN or infinite."""
    try:
        require_finite(image.array)
    except InputError as error:
        return (str(error),)
    return ()


def grid_problems(axes: tuple[AxisFacts, ...]) -> tuple[str, ...]:
    """Say what is unusual about a grid."""
    found = []
    steps = [axis.spacing for axis in axes]
    coarsest = max(axes, key=lambda axis: axis.spacing)
    if max(steps) > _ANISOTROPIC * min(steps):
        found.append(
            f"The {coarsest.plane} slices lie {coarsest.spacing:.4g} mm apart while the finest "
            f"spacing is {min(steps):.4g} mm; draw in the {coarsest.plane} plane, and expect "
            "outlines to jump between slices."
        )
    if min(axis.slices for axis in axes) == 1:
        found.append("The scan has a single slice; there is no other slice to segment.")
    if max(axis.tilt for axis in axes) > _OBLIQUE_DEGREES:
        found.append(
            f"The scan is oblique by {max(axis.tilt for axis in axes):.0f} degrees; planes are "
            "named after the nearest anatomical direction."
        )
    return tuple(found)


def intensity_problems(image: Image, channels: tuple[Intensities, ...]) -> tuple[str, ...]:
    """Say which channels are the same everywhere, and if the image looks like labels."""
    found = []
    for number, channel in enumerate(channels):
        name = "The image" if len(channels) == 1 else f"Channel {number}"
        if channel.minimum == channel.maximum:
            found.append(f"{name} is {channel.minimum:g} everywhere; there is nothing to go by.")
    if not found and image.array.ndim == 3 and _looks_like_labels(image):
        found.append(
            "The image holds few different whole numbers, as a label map does; check that it is "
            "the scan."
        )
    return tuple(found)


def annotation_problems(annotation: Annotation, geometry: Geometry, named: bool) -> tuple[str, ...]:
    """Say what an annotation leaves open. named: a person named annotated slices."""
    found = [] if named else _plane_problem(annotation, geometry)
    drawn = [item for item in annotated_slices(annotation, geometry) if item.drawn]
    if len(drawn) == 1:
        found.append(
            f"Only one slice is drawn ({drawn[0].plane} {drawn[0].index}); how far the structures "
            "reach can only be guessed: draw a second one, or name slices where they are absent "
            "with --annotated."
        )
        return tuple(found)
    counts = slices_with(annotation, annotation.values)
    found += [
        Remark(
            "drawn-once",
            "Label {} is drawn on one slice only; how far it reaches can only be guessed: draw it "
            "on a second one.",
            (value,),
        )
        for value, count in zip(annotation.values, counts, strict=True)
        if count == 1
    ]
    return tuple(found)


def _looks_like_labels(image: Image) -> bool:
    sample = even_sample(image.array)
    if sample.dtype.kind == "f" and (sample != np.rint(sample)).any():
        return False
    distinct = np.unique(sample)
    return len(distinct) <= _FEW_VALUES and int(distinct[0]) == 0


def _plane_problem(annotation: Annotation, geometry: Geometry) -> list[str]:
    """Say so if the labels could as well have been drawn in another plane."""
    if len(annotation.axes) > 1 or annotation.planes:
        return []
    drawn = (annotation.labels != 0) & (annotation.labels != UNKNOWN)
    touched = [int(drawn.any(axis=inplane_axes(axis)).sum()) for axis in range(3)]
    rivals = [
        f"{plane_name(geometry, axis)} ({touched[axis]})"
        for axis in range(3)
        if axis != annotation.axis and touched[axis] < 2 * touched[annotation.axis]
    ]
    if not rivals:
        return []
    return [
        f"The labels are taken as drawn on {plane_name(geometry, annotation.axis)} slices "
        f"({touched[annotation.axis]} of them), but could be {' or '.join(rivals)} ones; name "
        "the slices with --annotated PLANE:INDEX."
    ]
