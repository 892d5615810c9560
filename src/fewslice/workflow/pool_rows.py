"""One scan of a pool, reduced to a few numbers a slice where it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.candidates import (
    Candidates,
    Place,
    Probability,
    descriptor,
    scan_facts,
    stack,
)
from fewslice.active_learning.cost import CostModel
from fewslice.annotation.annotation import Annotation, SliceIndex, drawn_voxels
from fewslice.annotation.finding import find_annotation
from fewslice.annotation.planes import annotation_axis, plane_name
from fewslice.engines import Scan
from fewslice.errors import InputError, Remark, without
from fewslice.io import read_labels
from fewslice.io.scan_files import ScanFiles, read_scan, scan_at
from fewslice.segmentation.posterior import Sampler, Samples
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.coerce import AnyArray, on_one_grid
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.ignore_label import ignore_remarks, numbering
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.intensity_range import sliver
from fewslice.volumes.region import Region
from fewslice.volumes.segments import merged, names_of
from fewslice.volumes.spacing import Spacing

AnyScan = ScanFiles | str | Image | AnyArray
AnyLabels = str | LabelMap | AnyArray


@dataclass(frozen=True, eq=False)
class PoolScan:
    """A scan of a pool: files, or an image in memory.

    labels: what was annotated of it so far. annotated: (array axis, index) of slices that were
    looked at even if nothing is drawn on them.
    """

    name: str
    scan: AnyScan
    labels: AnyLabels | None = None
    annotated: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class RowSettings:
    """How scans become rows.

    seed: of the samples. all_planes: slices across all three axes. spacing: mm per array axis, in
    place of the scans' own. ignore_label, strict: as in `fewslice.segment`.
    """

    seed: int = 0
    all_planes: bool = False
    spacing: Spacing | None = None
    ignore_label: int | None = UNKNOWN
    strict: bool = False


def scan_rows(number: int, scan: PoolScan, sampler: Sampler, settings: RowSettings) -> Candidates:
    """Return one row a slice. number: of the scan in the pool.

    Raises ReadError and the like if the scan cannot be used.
    """
    return named_rows(number, scan, sampler, settings).rows


@dataclass(frozen=True, eq=False)
class NamedRows:
    """The rows of a scan. planes: that of the slices across each array axis. remarks: on reading
    the scan and its labels, and on how these were understood. structures: what to call each class.
    """

    rows: Candidates
    planes: tuple[str, ...]
    remarks: tuple[str, ...]
    structures: tuple[str, ...]

    def calling(self, reason: str) -> str:
        """Return a strategy's reason with what the scan's structures are called."""
        return calling_classes(reason, self.structures)


def named_rows(number: int, scan: PoolScan, sampler: Sampler, settings: RowSettings) -> NamedRows:
    """Return the rows of `scan_rows`, with what people need to know of the scan."""
    source, drawn = _read(scan)
    image, labels = on_one_grid(
        source,
        drawn,
        settings.spacing,
        image_is=f"the scan {scan.name}",
        labels_are=f"the label map of {scan.name}",
    )
    # By the number that a model learned the structure 255 under, if it did.
    stand_in = getattr(sampler, "stand_in", None)
    numbers = numbering(settings.ignore_label, labels, stand_in=stand_in)
    drawn_on = numbers.inside(labels)
    annotation = _annotation(drawn_on, scan.annotated, settings.strict)
    found = sampler.samples(Scan.of(image), annotation, settings.seed).native(annotation)
    samples = _of_whole_scan(found, image.geometry)
    annotated = set(scan.annotated) | set(annotation.slices)
    axes = sorted(range(3), key=lambda axis: axis != samples.axis)
    views = [samples]
    if settings.all_planes:  # what a network sees is known across one axis only
        views = [replace(samples, features=None).across(axis) for axis in axes]
    rows = stack(_slices(number, image, view, annotated) for view in views)
    planes = tuple(plane_name(image.geometry, axis) for axis in range(3))
    read = (*image.remarks, *labels.remarks, *ignore_remarks(labels, settings.ignore_label))
    names = names_of(merged(labels.segments, getattr(sampler, "segments", ())))
    told = numbers.told(annotation.remarks, names)
    structures = tuple(numbers.called(value, names) for value in samples.values)
    # What structures are called makes no difference here.
    return NamedRows(rows, planes, without((*read, *told), "names-unclear"), structures)


def calling_classes(reason: str, structures: Sequence[str]) -> str:
    """Return a strategy's reason with what each class is called in place of its number."""
    return (
        reason.calling(lambda number: structures[number]) if isinstance(reason, Remark) else reason
    )


def _read(scan: PoolScan) -> tuple[Image | AnyArray, LabelMap | AnyArray | None]:
    source = scan.scan
    if isinstance(source, str):
        source = scan_at(Path(source))
    image = read_scan(source) if isinstance(source, ScanFiles) else source
    on = image if isinstance(image, Image) else None
    drawn = read_labels(scan.labels, on) if isinstance(scan.labels, str) else scan.labels
    return image, drawn


def _annotation(labels: LabelMap, named: tuple[SliceIndex, ...], strict: bool) -> Annotation:
    """Return what was annotated of a scan, which may be nothing."""
    if drawn_voxels(labels.array).any():
        return find_annotation(labels.array, labels.geometry, named, strict=strict)
    return Annotation(labels.array, tuple(sorted(named)), annotation_axis(labels.geometry))


def _of_whole_scan(samples: Samples, geometry: Geometry) -> Samples:
    """Return samples for every voxel of a scan. Raises InputError unless they are of its shape."""
    order = (samples.axis, *inplane_axes(samples.axis))
    expected = tuple(samples.region.shape[axis] for axis in order)
    shape = samples.probability.shape
    inside = all(
        0 <= start < stop <= length
        for start, stop, length in zip(
            samples.region.start, samples.region.stop, geometry.shape, strict=True
        )
    )
    if len(shape) != 5 or not shape[0] or shape[1] < 2 or shape[2:] != expected or not inside:
        raise InputError(
            f"The sampler answered with an array of shape {shape} for the region from "
            f"{samples.region.start} to {samples.region.stop} of a scan of {geometry.shape} "
            f"voxels; expected (samples, classes, {', '.join(map(str, expected))})."
        )
    if samples.region.shape == geometry.shape:
        return samples
    full = np.zeros((*shape[:2], *geometry.shape), dtype=np.float16)
    full[:, 0] = 1
    full[(slice(None), slice(None), *samples.region.slices)] = samples.by_axes
    whole = Region((0, 0, 0), geometry.shape)
    return replace(samples, region=whole, probability=np.moveaxis(full, 2 + samples.axis, 2))


def _slices(
    number: int, image: Image, samples: Samples, annotated: set[tuple[int, int]]
) -> Candidates:
    axis, spacing = samples.axis, image.geometry.spacing
    area = float(np.prod([spacing[other] for other in inplane_axes(axis)]))
    places = [
        Place(
            scan=number,
            axis=axis,
            index=index,
            position=index * spacing[axis],
            annotated=(axis, index) in annotated,
            seconds=CostModel().drawing(_contour(samples.probability[:, :, index], area)),
            pixel_area=area,
        )
        for index in range(samples.probability.shape[2])
    ]
    return scan_facts(samples.probability, places, _features(image, samples))


def _features(image: Image, samples: Samples) -> list[npt.NDArray[np.floating[Any]]]:
    """Return what each slice looks like: to the sampler's network, or else to the eye."""
    if samples.features is not None:
        return list(samples.features)
    channel = image.channels[0]
    low, high = _window(channel)
    return [
        descriptor(
            (np.moveaxis(channel, samples.axis, 0)[index].astype(np.float32) - low) / (high - low),
            samples.probability[:, :, index],
        )
        for index in range(samples.probability.shape[2])
    ]


def _window(channel: AnyArray) -> tuple[float, float]:
    sample = channel[::2, ::2, ::2]
    low, high = np.percentile(sample, [2, 98]).astype(float)
    return low, max(high, low + max(1e-6 * abs(low), sliver(low, high, sample)))


def _contour(probability: Probability, area: float) -> float:
    """Return mm of outline to expect: of a circle of each structure's expected area."""
    voxels = probability[:, 1:].mean(axis=0, dtype=np.float32).sum(axis=(1, 2), dtype=np.float64)
    return float((2 * np.sqrt(np.pi * voxels * area)).sum())
