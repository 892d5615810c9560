"""`fewslice oct`: scans of OCT devices, what they say, and what is measured in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from fewslice.annotation.slice_shift import slice_shifts
from fewslice.cli import options
from fewslice.errors import InputError
from fewslice.io import read_image, read_labels, require_writable, write_image
from fewslice.io.formats import VOLUME_SUFFIXES
from fewslice.io.oct.info import GIVEN, ORIGINS, OctInfo, parse_eye
from fewslice.io.oct.read import listed_volumes
from fewslice.io.oct.sidecar import as_dict, beside, find_info, write_info
from fewslice.reporting.oct.measures import OctMeasures, measure_oct
from fewslice.reporting.oct.write import files_of, write_measures
from fewslice.reporting.outputs import require_no_inputs
from fewslice.typing import Int64Array
from fewslice.volumes import Image
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.spacing import Spacing

_B_SCANS = 2  # the axis across which they lie
_AXES = ("A-scans", "depth", "B-scans")
_EYES = {"R": "right", "L": "left", "": "unknown"}

_series = click.option(
    "--series",
    metavar="NUMBER",
    help="Which volume of a file that holds several, counted from 1; info lists them.",
)


@click.group("oct")
def oct_command() -> None:
    """Read, convert and measure scans of OCT devices (Heidelberg, Topcon, Zeiss, DICOM).

    Needs pip install "fewslice[oct]" for Heidelberg's and Topcon's files.
    """


@oct_command.command("info", short_help="Show the volumes of a file, the eye and the spacing.")
@click.argument("scan", type=options.PATH)
@_series
@options.as_json("Print JSON, not text.")
def info_command(scan: Path, series: str | None, as_json: bool) -> None:
    """Show the volumes of SCAN, which eye it is, and where its spacing comes from."""
    texts = listed_volumes(scan)
    if series is None and len(texts) > 1:
        for line in [json.dumps({"volumes": texts}, indent=1)] if as_json else _listed(texts):
            click.echo(line)
        return
    image, info = _read(scan, series)
    info = replace(info, motion=_motion(image))
    if as_json:
        found = {"shape": image.geometry.shape, "spacing_mm": image.geometry.spacing}
        click.echo(json.dumps({**found, **as_dict(info)}, indent=1, ensure_ascii=False))
        return
    for line in _lines(image, info):
        click.echo(line)


@oct_command.command("convert", short_help="Write a volume as NIfTI, MetaImage or NRRD.")
@click.argument("scan", type=options.PATH)
@click.option("-o", "--output", type=options.PATH, required=True, help="Such as scan.nii.gz.")
@_series
@options.spacing()
def convert_command(scan: Path, output: Path, series: str | None, spacing: Spacing | None) -> None:
    """Write a volume of SCAN as NIfTI, MetaImage or NRRD, with what else its file says beside it.

    SCAN.oct.json holds the eye, the B-scans' positions and motion, and where each spacing comes
    from; SCAN.fundus.png is the image of the fundus.
    """
    require_writable(output, VOLUME_SUFFIXES)
    require_no_inputs([output, *beside(output)], [scan])
    image, info = _read(scan, series)
    geometry = image.geometry
    if spacing is not None:
        geometry = geometry.with_spacing(spacing)
        info = replace(info, spacing_from=(GIVEN, GIVEN, GIVEN))
    write_image(output, Image(image.array, geometry))
    for path in (output, *write_info(output, replace(info, motion=_motion(image)))):
        click.echo(f"Written     {path}")


@oct_command.command("measure", short_help="Measure layers, fluid and thickness maps.")
@click.argument("scan", type=options.PATH)
@click.argument("labels", type=options.PATH)
@click.option("-o", "--output", type=options.PATH, required=True, help="Folder for the results.")
@click.option(
    "--fovea",
    metavar="ROW,COLUMN",
    help="B-scan and A-scan of the fovea, counted from 0; measures by ETDRS sector are then made.",
)
@click.option("--eye", help="R (OD) or L (OS), in place of what the file says.")
@click.option(
    "--directions",
    metavar="A,B",
    help="Where A-scans and B-scans run to, such as L,I: R, L for the patient's right and left, S, "
    "I for up and down; in place of what the file says.",
)
@_series
@options.spacing("the scan and its labels")
def measure_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    scan: Path,
    labels: Path,
    output: Path,
    fovea: str | None,
    eye: str | None,
    directions: str | None,
    series: str | None,
    spacing: Spacing | None,
) -> None:
    """Measure the structures of LABELS in SCAN: surfaces, thickness maps, and volumes in nL."""
    place = None if fovea is None else _parse_fovea(fovea)
    image = read_image(scan, series=series)
    info = find_info(scan, image)
    image, label_map = on_one_grid(image, read_labels(labels), spacing)
    measures = measure_oct(
        image,
        label_map,
        fovea=place,
        eye="" if eye is None else parse_eye(eye),
        directions=directions,
        info=info,
    )
    require_no_inputs(files_of(output, measures), [scan, labels])
    written = write_measures(output, measures, image.geometry)
    for line in _measure_lines(measures):
        click.echo(line)
    for path in written:
        click.echo(f"Written     {path}")


def _read(scan: Path, series: str | None) -> tuple[Image, OctInfo]:
    """Return a scan and what is known of it. Raises InputError if it is no OCT."""
    image = read_image(scan, series=series)
    info = find_info(scan, image)
    if info is None:
        raise InputError(
            f"{scan} comes from no OCT device; expected .vol, .xml, .e2e, .fda, .fds, .img or "
            "DICOM, or what fewslice oct convert wrote."
        )
    return image, info


def _motion(image: Image) -> Int64Array:
    return slice_shifts(image.channels[0], _B_SCANS)


def _parse_fovea(text: str) -> tuple[float, float]:
    try:
        row, column = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            f"Cannot read {text!r} as a place; write its B-scan and its A-scan, counted from 0, "
            "such as 24,256."
        ) from error
    return row, column


def _listed(texts: tuple[str, ...]) -> Iterator[str]:
    for number, text in enumerate(texts, 1):
        yield f"{number:<11} {text}"


def _lines(image: Image, info: OctInfo) -> Iterator[str]:
    shape, spacing = image.geometry.shape, image.geometry.spacing
    yield f"Device      {info.device}"
    yield f"Eye         {_EYES[info.laterality]}"
    for name, count, step, origin in zip(_AXES, shape, spacing, info.spacing_from, strict=True):
        yield f"{name:<11} {count}, {step:.6g} mm apart, {ORIGINS[origin]}"
    codes = image.geometry.axis_codes
    known = "" if info.directions_known else " (assumed)"
    yield f"Directions  A-scans to {codes[0]}, depth to {codes[1]}, B-scans to {codes[2]}{known}"
    if info.fundus is not None:
        rows, columns = info.fundus.shape[:2]
        yield f"Fundus      {columns}x{rows} pixels"
    if info.motion is not None:
        yield f"Motion      {_motion_text(info.motion)}"
    for remark in info.remarks:
        yield f"            {remark}"


def _motion_text(motion: Int64Array) -> str:
    most = int(np.abs(motion).max(initial=0))
    return f"B-scans lie up to {most} voxels aside" if most else "none found"


def _measure_lines(measures: OctMeasures) -> Iterator[str]:
    for layer in measures.layers:
        held = layer.thickness[np.isfinite(layer.top)]
        yield (
            f"Label {layer.value:<5} {measures.volumes_nl[layer.value]:.4g} nL, "
            f"{held.mean():.4g} µm thick on average"
        )
        for each in measures.by_sector.get(layer.value, ()):
            thick = "" if each.thickness_um is None else f", {each.thickness_um:.4g} µm"
            part = "" if each.covered > 0.99 else f" ({each.covered:.0%} of it scanned)"
            yield f"  {each.sector:<16} {each.volume_nl:.4g} nL{thick}{part}"
    for remark in measures.remarks:
        yield f"            {remark}"
