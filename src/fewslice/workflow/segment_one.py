"""Segmenting one scan of many, in a worker: from its files to the file of its result."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fewslice.engines import EngineOptions, find_engine, options_of
from fewslice.errors import without
from fewslice.io import DicomOutput, read_labels
from fewslice.io.atomic import failures_named
from fewslice.io.formats import RESULT_ENDINGS
from fewslice.io.scan_files import ScanFiles, read_scan
from fewslice.reporting.outputs import Outputs, check_outputs, with_source, write_outputs
from fewslice.reporting.report import make_report
from fewslice.segmentation.cleaned import cleaned
from fewslice.segmentation.result import Segmentation
from fewslice.training.choice import CODE
from fewslice.training.store import cached_model
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.respacing import respaced
from fewslice.volumes.segments import Segment
from fewslice.volumes.spacing import Spacing
from fewslice.workflow.segment import segment
from fewslice.workflow.support import Paths, read_support

STAGING = ".segment-many-"  # begins the names of folders in which results are written


@dataclass(frozen=True)
class Recipe:
    """How scans are segmented: by a model of the task, or by an engine.

    model: path of a version of a model folder; what is drawn on a scan stays. engine: name, if
    there is no model. support: other scans with their labels, for the engine. largest_component:
    keep only the largest piece of each structure, and what was drawn. spacing: mm per array axis,
    in place of what the files say. strict, ignore_label: as in `fewslice.segment`. suffix: with
    which results are written, after the name of the case. dicom: what results in DICOM say; their
    source is the scan itself. segments: names and colours of structures, in place of those that
    labels, support or model bring along.
    """

    engine: str = "auto"
    model: str | None = None
    support: Paths = ()
    largest_component: bool = False
    spacing: Spacing | None = None
    strict: bool = False
    ignore_label: int | None = UNKNOWN
    suffix: str = RESULT_ENDINGS[0]
    dicom: DicomOutput = field(default_factory=DicomOutput)
    segments: tuple[Segment, ...] = ()


def segment_one(scan: ScanFiles, labels: str | None, recipe: Recipe, output: str) -> dict[str, Any]:
    """Read one scan, segment it and write the labels; return what is known of it.

    case, output (file name), seconds, engine, plane, annotated (slices), remarks, and labels: value
    to ml, and names of labels. Raises ReadError and the like.
    """
    path = Path(output) / f"{scan.name}{recipe.suffix}"
    outputs = Outputs(path, dicom=replace(recipe.dicom, source=scan.images[0]))
    check_outputs(outputs, scan.images)
    image = read_scan(scan)
    outputs = with_source(outputs, image)
    if recipe.spacing is not None:
        image = respaced(image, recipe.spacing)
    drawn = None if labels is None else read_labels(labels, image)
    start = time.perf_counter()
    segmentation = _segmented(image, drawn, recipe)
    if recipe.largest_component:
        segmentation = cleaned(segmentation)
    segmentation = segmentation.named(recipe.segments)
    said = without(segmentation.remarks, CODE)  # said once for all scans
    segmentation = replace(segmentation, remarks=said)
    seconds = time.perf_counter() - start
    options = EngineOptions() if recipe.model else options_of(find_engine(recipe.engine))
    report = make_report(segmentation, {"scan": scan.name}, seconds, options)
    with failures_named(path), TemporaryDirectory(prefix=STAGING, dir=output) as place:
        staged = Path(place) / path.name
        write_outputs(replace(outputs, labels=staged), image, segmentation, report)
        staged.replace(path)
    return {
        "case": scan.name,
        "output": path.name,
        "seconds": round(seconds, 2),
        "engine": report.engine,
        "plane": report.plane,
        "annotated": len(report.annotated),
        "remarks": list(report.remarks),
        "labels": {str(label.value): round(label.ml, 4) for label in report.labels},
        "names": {str(label.value): label.name for label in report.labels if label.name},
    }


def _segmented(image: Image, drawn: LabelMap | None, recipe: Recipe) -> Segmentation:
    engine = find_engine(recipe.engine) if recipe.model is None else cached_model(recipe.model)
    support = read_support(recipe.support)
    return segment(
        image,
        drawn,
        spacing=recipe.spacing,
        support=support,
        engine=engine,
        strict=recipe.strict,
        ignore_label=recipe.ignore_label,
    )
