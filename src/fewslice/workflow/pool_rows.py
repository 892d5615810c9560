"""One scan of a pool, reduced to a few numbers a slice where it is read."""

from __future__ import annotations

from collections.abc import Callable
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
from fewslice.annotation.annotation import drawn_voxels, find_annotation
from fewslice.annotation.planes import annotation_axis, plane_name
from fewslice.errors import InputError
from fewslice.io import read_labels
from fewslice.io.folder import ScanFiles, named_scan, read_scan
from fewslice.segmentation.posterior import Samples
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.coerce import AnyArray, on_one_grid
from fewslice.volumes.geometry import Geometry

AnyScan = ScanFiles | str | Image | AnyArray
AnyLabels = str | LabelMap | AnyArray


@dataclass(frozen=True, eq=False)
class PoolSamples:
    """Posterior samples of a scan of a pool.

    axis: array axis across which the slices lie. probability: (sample, class, slice, row, column),
    any float, in [0, 1], background first, summing to 1 over classes, of the whole scan; rows and
    columns are the other two array axes in their order. Sample s must be of the same model for
    every scan. features: (slice, F), what a network sees on each slice, or None.
    """

    axis: int
    probability: Probability
    features: npt.NDArray[np.floating[Any]] | None = None


PoolSampler = Callable[[Image, LabelMap | None, int], PoolSamples | Samples | Probability]
"""Called with a scan, what was annotated of it (or None) and a seed. A plain array has its slices
across the axis people draw across (`fewslice.annotation.planes.annotation_axis`), or across another
if
only that has as many."""


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
    """How scans become rows. seed: of the samples. all_planes: slices across all three axes."""

    seed: int = 0
    all_planes: bool = False


def scan_rows(
    number: int, scan: PoolScan, sampler: PoolSampler, settings: RowSettings
) -> Candidates:
    """Return one row a slice. number: of the scan in the pool.

    Raises ReadError and the like if the scan cannot be used.
    """
    return named_rows(number, scan, sampler, settings)[0]


def named_rows(
    number: int, scan: PoolScan, sampler: PoolSampler, settings: RowSettings
) -> tuple[Candidates, tuple[str, ...]]:
    """Return the rows of `scan_rows`, and the plane of the slices across each array axis."""
    source, drawn = _read(scan)
    image, labels = on_one_grid(
        source, drawn, image_is=f"the scan {scan.name}", labels_are=f"the labels of {scan.name}"
    )
    known = labels if drawn_voxels(labels.array).any() else None
    samples = _samples(sampler(image, known, settings.seed), image.geometry)
    annotated = set(scan.annotated)
    if known:
        annotated |= set(find_annotation(known.array, image.geometry, scan.annotated).slices)
    axes = sorted(range(3), key=lambda axis: axis != samples.axis)
    views = [_across(samples, axis) for axis in axes] if settings.all_planes else [samples]
    rows = stack(_slices(number, image, view, annotated) for view in views)
    return rows, tuple(plane_name(image.geometry, axis) for axis in range(3))


def _read(scan: PoolScan) -> tuple[Image | AnyArray, LabelMap | AnyArray | None]:
    source = scan.scan
    if isinstance(source, str):
        source = named_scan(Path(source))
    image = read_scan(source) if isinstance(source, ScanFiles) else source
    drawn = read_labels(scan.labels) if isinstance(scan.labels, str) else scan.labels
    return image, drawn


def _samples(found: PoolSamples | Samples | Probability, geometry: Geometry) -> PoolSamples:
    """Return what a sampler answered as samples of the whole scan. Raises InputError."""
    if isinstance(found, Samples):
        return PoolSamples(found.axis, _whole(found, geometry))
    usual = annotation_axis(geometry)
    if isinstance(found, PoolSamples):
        samples, axes = found, [found.axis]
    else:
        axes = [usual, *(axis for axis in range(3) if axis != usual)]
        samples = PoolSamples(usual, np.asarray(found))
    shape = samples.probability.shape
    if len(shape) == 5 and shape[0] and shape[1]:
        for axis in axes:
            if shape[2:] == _sliced(geometry, axis):
                return replace(samples, axis=axis)
    expected = ", ".join(map(str, _sliced(geometry, axes[0])))
    raise InputError(
        f"The sampler answered with an array of shape {shape}; expected (samples, classes, "
        f"{expected}) for this scan, with slices across array axis {axes[0]}."
    )


def _sliced(geometry: Geometry, axis: int) -> tuple[int, ...]:
    """Return the shape of a scan with slices first."""
    return (geometry.shape[axis], *(geometry.shape[a] for a in range(3) if a != axis))


def _whole(samples: Samples, geometry: Geometry) -> npt.NDArray[np.float16]:
    full = np.zeros((*samples.probability.shape[:2], *geometry.shape), dtype=np.float16)
    full[:, 0] = 1
    full[(slice(None), slice(None), *samples.region.slices)] = samples.by_axes
    return np.moveaxis(full, 2 + samples.axis, 2)


def _across(samples: PoolSamples, axis: int) -> PoolSamples:
    """Return the samples in slices across any axis; without features, which are of one only."""
    by_axes = np.moveaxis(samples.probability, 2, 2 + samples.axis)
    return PoolSamples(axis, np.moveaxis(by_axes, 2 + axis, 2))


def _slices(
    number: int, image: Image, samples: PoolSamples, annotated: set[tuple[int, int]]
) -> Candidates:
    axis, spacing = samples.axis, image.geometry.spacing
    area = float(np.prod([spacing[other] for other in range(3) if other != axis]))
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


def _features(image: Image, samples: PoolSamples) -> list[npt.NDArray[np.floating[Any]]]:
    """Return what each slice looks like: to the sampler's network, or else to the eye."""
    if samples.features is not None:
        return list(samples.features)
    channel = image.channels[0]
    low, high = _window(channel)
    return [
        descriptor(
            (channel.take(index, axis=samples.axis).astype(np.float32) - low) / (high - low),
            samples.probability[:, :, index],
        )
        for index in range(samples.probability.shape[2])
    ]


def _window(channel: AnyArray) -> tuple[float, float]:
    low, high = np.percentile(channel[::2, ::2, ::2], [2, 98]).astype(float)
    return low, max(high, low + 1e-6 * max(abs(low), 1.0))


def _contour(probability: Probability, area: float) -> float:
    """Return mm of outline to expect: of a circle of each structure's expected area."""
    voxels = probability[:, 1:].mean(axis=0, dtype=np.float32).sum(axis=(1, 2), dtype=np.float64)
    return float((2 * np.sqrt(np.pi * voxels * area)).sum())
