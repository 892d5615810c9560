"""The report of a segmentation: what went in, what came out, and where a look is worth most."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fewslice._version import __version__
from fewslice.annotation.counts import AnnotatedSlice, annotated_slices, ml, slice_counts
from fewslice.annotation.planes import plane_name
from fewslice.engines import EngineOptions
from fewslice.io.atomic import atomic_path
from fewslice.segmentation.result import ENGINE, Segmentation
from fewslice.volumes.geometry import Geometry


@dataclass(frozen=True)
class LabelVolume:
    """The size of one structure in the result. name: None if it has none."""

    value: int
    voxels: int
    ml: float
    name: str | None = None


@dataclass(frozen=True)
class SliceReport:
    """One slice along the main axis.

    provenance: "human" or "engine". confidence: expected Dice, 0 to 1. voxels: label to count, for
    the labels on it.
    """

    index: int
    provenance: str
    confidence: float
    voxels: dict[int, int]


@dataclass(frozen=True)
class Report:
    """What is known after a segmentation.

    inputs: role ("scan", "labels", ...) to path, as the caller gave them. plane, axis: main plane
    and its array axis. oblique_planes: how many were drawn in, beside slices. support: how many
    other scans were learned from. engine_options: those of `EngineOptions` that hold for the
    engine. seconds: the time segmenting took. slices: along the main axis, all of them.
    """

    version: str
    inputs: dict[str, Any]
    geometry: dict[str, Any]
    plane: str
    axis: int
    annotated: tuple[AnnotatedSlice, ...]
    oblique_planes: int
    support: int
    engine: str
    engine_options: dict[str, Any]
    remarks: tuple[str, ...]
    seconds: float
    labels: tuple[LabelVolume, ...]
    slices: tuple[SliceReport, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain lists, dicts, strings and finite numbers, ready for JSON."""
        return asdict(self)

    def least_sure(self, most: int = 3) -> tuple[SliceReport, ...]:
        """Return the engine's slices with the lowest confidence, at most `most`, by index."""
        made = [item for item in self.slices if item.provenance == ENGINE and item.voxels]
        lowest = sorted(made, key=lambda item: item.confidence)[:most]
        return tuple(sorted(lowest, key=lambda item: item.index))


def make_report(
    segmentation: Segmentation,
    inputs: dict[str, Any],
    seconds: float,
    options: EngineOptions | None = None,
) -> Report:
    """Return the report of a segmentation that took `seconds`; inputs is repeated in it.

    options: those of the engine that made it, see `fewslice.engines.options_of`.
    """
    geometry, names = segmentation.labels.geometry, segmentation.labels.names
    values = segmentation.label_values[1:]
    slices = _slices(segmentation, values)
    totals = {value: sum(item.voxels.get(value, 0) for item in slices) for value in values}
    return Report(
        version=__version__,
        inputs=inputs,
        geometry=describe_geometry(geometry),
        plane=plane_name(geometry, segmentation.axis),
        axis=segmentation.axis,
        annotated=annotated_slices(segmentation.annotation, geometry),
        oblique_planes=len(segmentation.annotation.planes),
        support=segmentation.support,
        engine=segmentation.engine,
        engine_options=_plain(options or EngineOptions()),
        remarks=segmentation.remarks,
        seconds=round(seconds, 3),
        labels=tuple(
            LabelVolume(value, count, ml(count, geometry), names.get(value))
            for value, count in totals.items()
        ),
        slices=slices,
    )


def _plain(options: EngineOptions) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, os.PathLike) else value
        for name, value in options.given.items()
    }


def describe_geometry(geometry: Geometry) -> dict[str, Any]:
    """Return a geometry as plain values: shape, spacing_mm, axis_codes, affine (RAS+ mm)."""
    return {
        "shape": list(geometry.shape),
        "spacing_mm": list(geometry.spacing),
        "axis_codes": "".join(geometry.axis_codes),
        "affine": geometry.affine.tolist(),
    }


def write_report(path: str | os.PathLike[str], report: Report) -> None:
    """Write a report as JSON, as a whole or not at all. Raises WriteError."""
    with atomic_path(path) as temporary:
        temporary.write_text(report_text(report), encoding="utf-8")


def report_text(report: Report) -> str:
    """Return a report as JSON text."""
    return json.dumps(report.as_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _slices(segmentation: Segmentation, values: Sequence[int]) -> tuple[SliceReport, ...]:
    counts = slice_counts(segmentation.labels.array, values, segmentation.axis)
    rows = zip(segmentation.provenance, segmentation.confidence, counts, strict=True)
    return tuple(
        SliceReport(
            index=index,
            provenance=provenance,
            confidence=round(float(confidence), 4),
            voxels={value: int(n) for value, n in zip(values, row, strict=True) if n},
        )
        for index, (provenance, confidence, row) in enumerate(rows)
    )
