"""What is in a scan and in its labels, and what would be a problem, before anything is segmented.

Nothing here raises for a poor scan: problems are sentences, so that a person sees all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.counts import (
    AnnotatedSlice,
    annotated_slices,
    ml,
    slice_counts,
    slices_with,
)
from fewslice.annotation.few_voxels import few_voxels_remarks
from fewslice.annotation.finding import find_annotation
from fewslice.annotation.planes import annotation_axis, plane_name
from fewslice.errors import FewsliceError
from fewslice.reporting.inspection.checks import (
    annotation_problems,
    finite_problems,
    grid_problems,
    intensity_problems,
)
from fewslice.reporting.inspection.scan_statistics import (
    AxisFacts,
    Intensities,
    axis_facts,
    intensities,
)
from fewslice.volumes.geometry import Geometry, require_same_grid
from fewslice.volumes.ignore_label import ignore_remarks, numbering
from fewslice.volumes.image import UNKNOWN, Image, LabelMap
from fewslice.volumes.spacing import spacing_origin, spacing_remarks


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
    """One structure: voxels and volume, and in how many annotated slices it is drawn.

    name: None if it has none.
    """

    value: int
    voxels: int
    ml: float
    slices: int
    name: str | None = None


@dataclass(frozen=True)
class LabelMapFacts:
    """What a label map holds.

    unknown: voxels of the label that means "not looked at". ignored: that label; 255 if there is
    none. oblique_planes: how many were drawn in, beside the annotated slices.
    """

    labels: tuple[LabelFacts, ...]
    unknown: int
    annotated: tuple[AnnotatedSlice, ...]
    oblique_planes: int
    ignored: int
    problems: tuple[str, ...]


def inspect_scan(image: Image) -> ScanFacts:
    """Return the facts of a scan. Percentiles of a channel above 4 million voxels are sampled."""
    finite = finite_problems(image)
    channels = tuple(intensities(channel) for channel in image.channels)
    axes = axis_facts(image.geometry)
    spacing = spacing_remarks(image, spacing_origin(image))
    problems = (*finite, *grid_problems(axes), *spacing, *intensity_problems(image, channels))
    plane = plane_name(image.geometry, annotation_axis(image.geometry))
    return ScanFacts(axes, plane, str(image.array.dtype), channels, problems)


def inspect_labels(
    labels: LabelMap,
    geometry: Geometry,
    named: Sequence[tuple[int, int]] = (),
    *,
    strict: bool = False,
    ignore_label: int | None = UNKNOWN,
) -> LabelMapFacts:
    """Return the facts of a label map drawn on a scan of that geometry.

    named: (array axis, index) of slices that a person names as annotated. strict, ignore_label: as
    in `fewslice.segment`. Raises InputError if there is no such label to ignore.
    """
    numbers = numbering(ignore_label, labels)
    doubts = ignore_remarks(labels, ignore_label)
    labels = numbers.inside(labels)
    values = labels.values
    counts = slice_counts(labels.array, (*values, UNKNOWN), 2).sum(axis=0)
    voxels = dict(zip(values, counts.tolist(), strict=False))
    annotation, problems = _annotation(labels, geometry, named, strict)
    drawn = slices_with(annotation, values) if annotation else (0,) * len(values)
    facts = tuple(
        LabelFacts(
            numbers.value(value),
            voxels[value],
            ml(voxels[value], labels.geometry),
            slices,
            labels.names.get(numbers.value(value)),
        )
        for value, slices in zip(values, drawn, strict=True)
    )
    annotated = annotated_slices(annotation, geometry) if annotation else ()
    slips = () if annotation else few_voxels_remarks(voxels)  # else they are among its remarks
    told = numbers.told((*problems, *slips), labels.names)
    planes = len(annotation.planes) if annotation else 0
    ignored = UNKNOWN if ignore_label is None else ignore_label
    problems = (*told, *labels.remarks, *doubts)
    return LabelMapFacts(facts, int(counts[-1]), annotated, planes, ignored, problems)


def _annotation(
    labels: LabelMap, geometry: Geometry, named: Sequence[tuple[int, int]], strict: bool
) -> tuple[Annotation | None, tuple[str, ...]]:
    """Return the annotation, or None with the reason, and what it leaves open."""
    try:
        require_same_grid(geometry, labels.geometry, "the image", "the label map")
        annotation = find_annotation(labels.array, geometry, named, strict=strict)
    except FewsliceError as error:
        return None, (str(error),)
    found = annotation_problems(annotation, geometry, bool(named))
    return annotation, (*annotation.remarks, *found)
