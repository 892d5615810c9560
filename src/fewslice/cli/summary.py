"""What `fewslice segment` says when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fewslice.annotation.phrases import annotated_text, counted, slices_text, volume_text
from fewslice.reporting.report import Report


def summary(report: Report, written: Sequence[Path]) -> Iterator[str]:
    """Yield lines for people: what was used, found, worth a look, and written."""
    yield f"Annotated   {annotated_text(report.annotated, report.oblique_planes)}"
    if report.support:
        yield f"Support     {counted(report.support, 'other scan')} learned from"
    yield f"Engine      {report.engine} ({report.seconds:.1f} s)"
    for remark in report.remarks:
        yield f"            {remark}"
    for label in report.labels:
        called = f", {label.name}" if label.name else ""
        yield f"Label {label.value:<5} {volume_text(label.ml)} ({label.voxels} voxels){called}"
    unsure = report.least_sure()
    if unsure:
        low, high = (f"{f(item.confidence for item in unsure):.2f}" for f in (min, max))
        where = slices_text([(report.plane, item.index) for item in unsure])
        span = low if low == high else f"{low} to {high}"
        yield f"Check       You may want to check {where}: confidence {span}."
    for number, path in enumerate(written):
        yield f"{'' if number else 'Written':<11} {path}"
