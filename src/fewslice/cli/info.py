"""`fewslice info`: what a scan and its labels hold, and what would be a problem."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from fewslice.annotation.phrases import annotated_text, counted, volume_text
from fewslice.annotation.planes import annotation_axis, parse_slices, plane_name
from fewslice.cli import options
from fewslice.cli.scan_input import ScanInput
from fewslice.errors import GeometryError, without
from fewslice.io import read_labels
from fewslice.io.dicom.read import Told
from fewslice.reporting.inspection.inspect import (
    LabelMapFacts,
    ScanFacts,
    inspect_labels,
    inspect_scan,
)
from fewslice.reporting.inspection.scan_statistics import PERCENTILES, axis_facts
from fewslice.reporting.report import describe_geometry
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.respacing import respaced
from fewslice.volumes.segments import merged
from fewslice.volumes.spacing import ORIGINS, spacing_origin, with_assumed_spacing


@click.command("info")
@click.argument("scan", type=options.PATH)
@click.option("--labels", type=options.PATH, help="Label map with a few annotated slices.")
@options.named_slices(
    "--annotated",
    "Slices, counted from 0, to count as annotated. May be repeated.",
)
@options.strict()
@options.ignore_label()
@options.spacing("SCAN and its labels")
@options.names()
@options.channels()
@options.dicom()
@options.as_json("Print JSON, not text.")
def info_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    annotated: tuple[str, ...],
    strict: bool,
    ignore_label: int | None,
    names_file: Path | None,
    names: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Show what SCAN contains: geometry, intensities, labels, annotated slices, problems.

    Of a DICOM series that takes seconds to read, what its headers say is shown before.
    """
    source = ScanInput(**given)
    shown: list[str] = []

    def show(unread: Image) -> None:
        shown.extend(_geometry_lines(unread))
        click.echo("\n".join(shown))

    # Labels and a given spacing change what there is to say.
    plain = not (as_json or source.labels or source.spacing)
    image, labels, misfit = _read(source, show if plain else None)
    named = [place for text in annotated for place in parse_slices(image.geometry, text)]
    facts = inspect_scan(image)
    drawn = None
    if labels is not None:
        segments = options.segments_given(names_file, names, labels.segments)
        labels = replace(labels, segments=merged(segments, labels.segments))
        if segments:
            image = replace(image, remarks=without(image.remarks, "names-unclear"))
        drawn = inspect_labels(
            labels, image.geometry, named, strict=strict, ignore_label=ignore_label
        )
        if misfit:
            drawn = replace(drawn, problems=(misfit, *drawn.problems[1:]))
    if as_json:
        click.echo(json.dumps(_as_dict(image, facts, drawn), indent=1, ensure_ascii=False))
        return
    for line in _lines(image, facts, drawn):
        if line not in shown:
            click.echo(line)


def _read(source: ScanInput, told: Told | None) -> tuple[Image, LabelMap | None, str]:
    """Read scan and labels, on one grid if they fit together, else with the sentence that says why.

    Remarks of both are the scan's. told: called with what headers say, if voxels take seconds.
    """
    image = source.read_image(told)
    if source.labels is None:
        return image, None, ""
    labels = read_labels(source.labels, image)
    misfit = ""
    try:
        image, labels = on_one_grid(image, labels, source.spacing)
    except GeometryError as error:
        misfit = str(error)
        labels = labels if source.spacing is None else respaced(labels, source.spacing)
    read = (*image.remarks, *labels.remarks)
    return replace(image, remarks=read), replace(labels, remarks=()), misfit


def _as_dict(image: Image, facts: ScanFacts, drawn: LabelMapFacts | None) -> dict[str, Any]:
    return {
        "geometry": describe_geometry(image.geometry),
        "spacing_from": spacing_origin(image),
        "scan": asdict(facts),
        "labels": None if drawn is None else asdict(drawn),
        "remarks": list(image.remarks),
        "problems": [*facts.problems, *(drawn.problems if drawn else ())],
    }


def _lines(image: Image, facts: ScanFacts, drawn: LabelMapFacts | None) -> Iterator[str]:
    yield from _geometry_lines(image)
    yield from _intensity_lines(facts)
    if drawn is not None:
        yield from _label_lines(drawn)
    for number, remark in enumerate(image.remarks):
        yield f"{'' if number else 'Remarks':<13} {remark}"
    problems = [*facts.problems, *(drawn.problems if drawn else ())]
    yield f"Problems      {problems[0] if problems else 'none found'}"
    for problem in problems[1:]:
        yield f"              {problem}"


def _geometry_lines(image: Image) -> Iterator[str]:
    geometry = image.geometry
    # Where no spacing is known, the plane follows from the proportions that engines go by, too.
    assumed = with_assumed_spacing(image).geometry
    axes, plane = axis_facts(geometry), plane_name(geometry, annotation_axis(assumed))
    yield f"Shape         {geometry.describe('shape')} voxels"
    yield f"Spacing       {geometry.describe('spacing')}, {ORIGINS[spacing_origin(image)]}"
    yield f"Extent        {', '.join(f'{axis.extent:.6g}' for axis in axes)} mm"
    yield f"Orientation   {''.join(geometry.axis_codes)} (where the array axes grow to)"
    for number, axis in enumerate(axes):
        tilt = f", oblique by {axis.tilt:.1f} degrees" if axis.tilt >= 0.1 else ""
        usual = " (the drawing plane, if in doubt)" if axis.plane == plane else ""
        yield f"  axis {number}      {axis.slices} {axis.plane} slices{tilt}{usual}"


def _intensity_lines(facts: ScanFacts) -> Iterator[str]:
    yield f"Intensities   {facts.dtype}, {counted(len(facts.channels), 'channel')}"
    for number, channel in enumerate(facts.channels):
        points = ", ".join(
            f"{percent}%: {value:.6g}"
            for percent, value in zip(PERCENTILES, channel.percentiles, strict=True)
        )
        yield (
            f"  channel {number}   {channel.minimum:.6g} to {channel.maximum:.6g}, "
            f"mean {channel.mean:.6g}; percentiles {points}"
        )


def _label_lines(drawn: LabelMapFacts) -> Iterator[str]:
    for label in drawn.labels:
        yield (
            f"Label {label.value:<7} {counted(label.voxels, 'voxel')}, {volume_text(label.ml)}, "
            f"drawn on {counted(label.slices, 'annotated slice')}"
            f"{f', {label.name}' if label.name else ''}"
        )
    if drawn.unknown:
        yield f"Label {drawn.ignored:<7} {counted(drawn.unknown, 'voxel')}: not looked at"
    if drawn.annotated or drawn.oblique_planes:
        yield f"Annotated     {annotated_text(drawn.annotated, drawn.oblique_planes)}"
