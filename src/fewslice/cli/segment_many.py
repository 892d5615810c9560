"""`fewslice segment-many`: a folder of scans, on this computer or a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fewslice.annotation.phrases import counted
from fewslice.cli import options
from fewslice.cli.count_bar import count_bar
from fewslice.cli.pairs import parse_pair
from fewslice.io.dicom.derived import DicomKind, DicomOutput
from fewslice.io.formats import DICOM_LABELS, RESULT_ENDINGS

if TYPE_CHECKING:
    from fewslice.volumes.spacing import Spacing


@click.command("segment-many")
@click.argument("scans", type=options.PATH)
@click.option(
    "--labels",
    type=options.PATH,
    help="Folder of label maps with a few annotated slices each, CASE.nii.gz for the scan CASE.",
)
@click.option(
    "--model",
    type=options.PATH,
    help="Model folder from fewslice train; scans then need no labels.",
)
@options.support(
    "Another scan with its labels, for engines that can learn from it. May be repeated.",
)
@click.option(
    "-o",
    "--output",
    type=options.PATH,
    required=True,
    help="Folder for the results, CASE.nii.gz; a run in it that was interrupted goes on.",
)
@click.option("--engine", default="auto", show_default=True, help="As in fewslice segment.")
@options.strict()
@options.ignore_label()
@options.spacing("all scans and their labels")
@options.alone("scans")
@options.dicom()
@click.option(
    "--suffix",
    type=click.Choice(RESULT_ENDINGS),
    default=RESULT_ENDINGS[0],
    show_default=True,
    help="How names of results end, which says their format; .dcm for a DICOM SEG and "
    "-rtstruct.dcm for outlines, which belong to the series of their scan.",
)
@options.names()
@options.dicom_details()
@options.largest_component()
@options.scheduler()
@options.workers("Processes on this computer.  [default: number of processors]")
@options.quiet()
@options.as_json("Print what was done as JSON.")
def segment_many_command(  # noqa: PLR0913, PLR0917 - one argument per option
    scans: Path,
    labels: Path | None,
    model: Path | None,
    support: tuple[str, ...],
    output: Path,
    engine: str,
    strict: bool,
    ignore_label: int | None,
    spacing: Spacing | None,
    alone: bool,
    series: str | None,
    fill_gaps: bool,
    suffix: str,
    names_file: Path | None,
    names: tuple[str, ...],
    dicom_type: DicomKind | None,
    anonymise: bool,
    largest_component: bool,
    scheduler: str | None,
    workers: int | None,
    quiet: bool,
    as_json: bool,
) -> int | None:
    """Segment all scans in the folder SCANS.

    A scan is a file (CASE_0000.nii.gz and CASE_0001.nii.gz are channels of one) or a folder of
    DICOM files. A run that was interrupted resumes where it stopped. If some scans fail, the others
    are segmented all the same, and the exit code is 1.
    """
    from fewslice.workflow.segment_many import as_dict, segment_many

    if not suffix.endswith(DICOM_LABELS):
        options.require_no_dicom(dicom_type=dicom_type, anonymise=anonymise)
    dicom = DicomOutput(kind=dicom_type, anonymise=anonymise)
    pairs = [parse_pair(text, alone=alone) for text in support]
    with count_bar(quiet, "Segmenting", "scans") as progress:
        found = segment_many(
            scans,
            output,
            labels=labels,
            model=model,
            support=pairs,
            engine=engine,
            spacing=spacing,
            strict=strict,
            ignore_label=ignore_label,
            series=series,
            fill_gaps=fill_gaps,
            alone=alone,
            suffix=suffix,
            segments=options.segments_given(names_file, names),
            dicom=dicom if suffix.endswith(DICOM_LABELS) else None,
            largest_component=largest_component,
            scheduler=scheduler,
            workers=workers,
            progress=progress,
        )
    _report(as_dict(found), quiet, as_json)
    return 1 if found.failed else None


def _report(found: Any, quiet: bool, as_json: bool) -> None:
    import json

    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif not quiet:
        done, earlier = len(found["finished"]), found["earlier"]
        before = f" ({earlier} of them in an earlier run)" if earlier else ""
        click.echo(f"Segmented {counted(done, 'scan')}{before} in {found['output']}")
        for remark in found["remarks"]:
            click.echo(remark)
        for each in found["finished"]:
            for remark in each["remarks"]:
                click.echo(f"{each['case']}: {remark}")
    for case in found["strays"]:
        click.echo(f"The labels of {case} belong to no scan.", err=True)
    for case, sentence in found["failed"].items():
        click.echo(f"{case} was left out: {sentence}", err=True)
    if found["log"]:
        click.echo(f"Please report what went wrong, with {found['log']}", err=True)
