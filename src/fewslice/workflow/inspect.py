"""What is in a scan and in its labels, and what would be a problem, before anything is segmented.

Nothing here raises for a poor scan: problems are sentences, so that a person sees all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.errors import FewsliceError, InputError
from fewslice.slices.annotation import Annotation, find_annotation, on_slice
from fewslice.slices.planes import annotation_axis, plane_name
from fewslice.volumes.geometry import Geometry, require_same_grid
from fewslice.volumes.image import (
    MAX_LABEL,
    UNKNOWN,
    Image,
    LabelArray,
    LabelMap,
    require_finite,
)

PERCENTILES = (1, 50, 99)
_MOST_VALUES = 4_000_000  # percentiles of larger channels are taken from an even sample
_ANISOTROPIC = 4.0
_OBLIQUE_DEGREES = 10.0
_FEW_VALUES = 24
_FEW_VOXELS = 5
_LONGEST_MM = 3000.0


@dataclass(frozen=True)
class AxisFacts:
    """One array axis: the plane of the slices across it and how they lie.

    slices: how many. direction: where it grows to, one of R L A P S I. spacing, extent: mm.
    tilt: degrees between the axis and that anatomical direction.
    """

    plane: str
    slices: int
    direction: str
    spacing: float
    extent: float
    tilt: float


@dataclass(frozen=True)
class Intensities:
    """The finite voxels of one channel, in the scan's own units.

    percentiles: those of `PERCENTILES`.
    """

    minimum: float
    maximum: float
    mean: float
    percentiles: tuple[float, ...]


@dataclass(frozen=True)
class ScanFacts:
    """What a scan holds.

    axes: one per array axis. plane: the plane people are expected to draw in. dtype: of the array.
    """

    axes: tuple[AxisFacts, ...]
    plane: str
    dtype: str
    channels: tuple[Intensities, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class LabelFacts:
    """One structure: voxels and volume, and in how many annotated slices it is drawn."""

    value: int
    voxels: int
    ml: float
    slices: int


@dataclass(frozen=True)
class AnnotatedSlice:
    """One annotated slice; drawn is False for one that was named and holds no structure."""

    plane: str
    axis: int
    index: int
    drawn: bool


@dataclass(frozen=True)
class LabelMapFacts:
    """What a label map holds. unknown: voxels of 255."""

    labels: tuple[LabelFacts, ...]
    unknown: int
    annotated: tuple[AnnotatedSlice, ...]
    problems: tuple[str, ...]


def inspect_scan(image: Image) -> ScanFacts:
    """Return the facts of a scan. Percentiles of a channel above 4 million voxels are sampled."""
    finite = _finite_problem(image)
    channels = tuple(_intensities(channel) for channel in image.channels)
    axes = _axes(image.geometry)
    problems = (*finite, *_grid_problems(axes), *_intensity_problems(image, channels))
    plane = plane_name(image.geometry, annotation_axis(image.geometry))
    return ScanFacts(axes, plane, str(image.array.dtype), channels, problems)


def inspect_labels(
    labels: LabelMap, geometry: Geometry, named: Sequence[tuple[int, int]] = ()
) -> LabelMapFacts:
    """Return the facts of a label map drawn on a scan of that geometry.

    named: (array axis, index) of slices that a person names as annotated.
    """
    values = labels.values
    counts = slice_counts(labels.array, (*values, UNKNOWN), 2).sum(axis=0)
    voxels = dict(zip((*values, UNKNOWN), counts.tolist(), strict=True))
    annotation: Annotation | None = None
    problems: tuple[str, ...] = ()
    try:
        require_same_grid(geometry, labels.geometry, "the image", "the label map")
        annotation = find_annotation(labels.array, geometry, named)
        problems = _annotation_problems(annotation, geometry, bool(named))
    except FewsliceError as error:
        problems = (str(error),)
    facts = tuple(
        LabelFacts(value, voxels[value], ml(voxels[value], labels.geometry), drawn)
        for value, drawn in zip(values, _slices_with(annotation, values), strict=True)
    )
    small = tuple(
        f"Label {fact.value} holds only {fact.voxels} voxel{'s' * (fact.voxels > 1)}; erase it if "
        "it was a slip of the hand."
        for fact in facts
        if fact.voxels < _FEW_VOXELS
    )
    annotated = annotated_slices(annotation, geometry) if annotation else ()
    return LabelMapFacts(facts, voxels[UNKNOWN], annotated, (*problems, *small))


def ml(voxels: int, geometry: Geometry) -> float:
    """Return the volume of a number of voxels in ml."""
    return voxels * float(abs(np.linalg.det(geometry.affine[:3, :3]))) / 1000.0


def annotated_slices(annotation: Annotation, geometry: Geometry) -> tuple[AnnotatedSlice, ...]:
    """Return the annotated slices by the names of their planes, ascending."""
    found = []
    for axis, index in annotation.slices:
        labels = annotation.labels[on_slice(axis, index)]
        drawn = bool(((labels != 0) & (labels != UNKNOWN)).any())
        found.append(AnnotatedSlice(plane_name(geometry, axis), axis, index, drawn))
    return tuple(found)


def slice_counts(labels: LabelArray, values: Sequence[int], axis: int) -> npt.NDArray[np.int64]:
    """Return voxels of each label on each slice: int64 (slice along axis, value)."""
    chosen = np.asarray(values, dtype=np.intp)
    counts = np.zeros((labels.shape[axis], len(chosen)), dtype=np.int64)
    for index in range(len(counts)):
        found = np.bincount(labels[on_slice(axis, index)].ravel(), minlength=MAX_LABEL + 1)
        counts[index] = found[chosen]
    return counts


def _axes(geometry: Geometry) -> tuple[AxisFacts, ...]:
    cosines = np.abs(geometry.affine[:3, :3]) / geometry.spacing
    return tuple(
        AxisFacts(
            plane=plane_name(geometry, axis),
            slices=geometry.shape[axis],
            direction=geometry.axis_codes[axis],
            spacing=geometry.spacing[axis],
            extent=geometry.shape[axis] * geometry.spacing[axis],
            tilt=float(np.degrees(np.arccos(min(1.0, cosines[world, axis])))),
        )
        for axis, world in enumerate(geometry.world_axes)
    )


def _intensities(channel: npt.NDArray[np.number]) -> Intensities:
    values = channel.ravel(order="K")
    sample = values[:: max(1, values.size // _MOST_VALUES)]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return Intensities(np.nan, np.nan, np.nan, (np.nan,) * len(PERCENTILES))
    finite = values if values.dtype.kind != "f" else values[np.isfinite(values)]
    return Intensities(
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        mean=float(finite.mean(dtype=np.float64)),
        percentiles=tuple(float(value) for value in np.percentile(sample, PERCENTILES)),
    )


def _finite_problem(image: Image) -> tuple[str, ...]:
    try:
        require_finite(image.array)
    except InputError as error:
        return (str(error),)
    return ()


def _grid_problems(axes: tuple[AxisFacts, ...]) -> tuple[str, ...]:
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
    if max(axis.extent for axis in axes) > _LONGEST_MM:
        found.append(
            f"The scan is {max(axis.extent for axis in axes):.5g} mm long; check that its spacing "
            "is in mm."
        )
    return tuple(found)


def _intensity_problems(image: Image, channels: tuple[Intensities, ...]) -> tuple[str, ...]:
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


def _looks_like_labels(image: Image) -> bool:
    values = image.array.ravel(order="K")
    sample = values[:: max(1, values.size // _MOST_VALUES)]
    if sample.dtype.kind == "f" and (sample != np.rint(sample)).any():
        return False
    distinct = np.unique(sample)
    return len(distinct) <= _FEW_VALUES and int(distinct[0]) == 0


def _annotation_problems(
    annotation: Annotation, geometry: Geometry, named: bool
) -> tuple[str, ...]:
    found = []
    if not named:
        found += _plane_problem(annotation, geometry)
    drawn = [item for item in annotated_slices(annotation, geometry) if item.drawn]
    if len(drawn) == 1:
        found.append(
            f"Only one slice is drawn ({drawn[0].plane} {drawn[0].index}); how far the structures "
            "reach can only be guessed: draw a second one, or name slices where they are absent "
            "with --annotated."
        )
        return tuple(found)
    for value, count in zip(
        annotation.values, _slices_with(annotation, annotation.values), strict=True
    ):
        if count == 1:
            found.append(
                f"Label {value} is drawn on one slice only; how far it reaches can only be "
                "guessed: draw it on a second one."
            )
    return tuple(found)


def _plane_problem(annotation: Annotation, geometry: Geometry) -> list[str]:
    """Say so if the labels could as well have been drawn in another plane."""
    if len(annotation.axes) > 1:
        return []
    drawn = (annotation.labels != 0) & (annotation.labels != UNKNOWN)
    touched = [
        int(drawn.any(axis=tuple(other for other in range(3) if other != axis)).sum())
        for axis in range(3)
    ]
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


def _slices_with(annotation: Annotation | None, values: Sequence[int]) -> tuple[int, ...]:
    """Return on how many annotated slices each structure is drawn; 0 without an annotation."""
    if annotation is None:
        return (0,) * len(values)
    found = [
        np.isin(values, annotation.labels[on_slice(axis, index)])
        for axis, index in annotation.slices
    ]
    return tuple(int(count) for count in np.sum(found, axis=0))
