"""`fewslice dicomweb`: list, fetch, segment and store series on a DICOMweb server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from fewslice.annotation.phrases import counted
from fewslice.cli import options
from fewslice.cli.count_bar import count_bar
from fewslice.cli.segment import Request, run_request, segment_command
from fewslice.cli.server_options import takes_server
from fewslice.errors import InputError, ServerError
from fewslice.io.atomic import require_free_folder, require_writable
from fewslice.io.dicomweb.find import StoredSeries, StoredStudy
from fewslice.io.dicomweb.server import DicomWebServer
from fewslice.io.dicomweb.store import Receipt
from fewslice.io.formats import DICOM_LABELS, suffix_of
from fewslice.workflow.stored_case import find_labels, stored_case

# Not "series": that is a volume within a folder, an option of fewslice segment.
_wanted = click.argument("wanted", required=False, metavar="[SERIES]")
_study = click.option(
    "--study",
    metavar="UID",
    help="Study of the series; SERIES may then be the end of its UID, or left out if it is the "
    "only one with images.",
)
# What `fewslice segment` has, but for where the scan is.
_SEGMENTING = [
    each for each in segment_command.params if each.name not in ("scan", "labels", "source")
]


@click.group("dicomweb")
def dicomweb_command() -> None:
    """List, fetch, segment and store series on a DICOMweb server (QIDO-RS, WADO-RS, STOW-RS).

    URL is where its DICOMweb services begin, such as https://pacs.example.org/dicom-web.
    Credentials are read from FEWSLICE_DICOMWEB_TOKEN, or FEWSLICE_DICOMWEB_LOGIN=user:password, in
    the environment. Needs pip install "fewslice[dicomweb]".
    """


@dicomweb_command.command("list", short_help="List studies, or the series of one.")
@takes_server
@click.argument("study", required=False, metavar="[STUDY]")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KEYWORD=VALUE",
    help="Only studies with this value, such as StudyDate=20240101- or PatientID=17; * stands for "
    "any text. May be repeated.",
)
@click.option(
    "--limit", type=options.POSITIVE, default=100, show_default=True, help="How many studies."
)
@click.option("--names", is_flag=True, help="Show name and ID of patients as well.")
@options.as_json("Print JSON, not text.")
def list_command(  # noqa: PLR0913 - click hands over one argument an option
    *,
    archive: DicomWebServer,
    study: str | None,
    filters: Sequence[str],
    limit: int,
    names: bool,
    as_json: bool,
) -> None:
    """List the studies on a server, or the series of STUDY (its UID).

    Shown are dates, modalities, descriptions, numbers and UIDs; nothing of a patient without
    --names.
    """
    if study is not None:
        if filters or names:
            raise InputError("--filter and --names are for studies; leave them out, or STUDY.")
        series = archive.series(study)
        _print([asdict(each) for each in series] if as_json else _series_lines(series))
        return
    found = archive.studies(parse_filters(filters), names=names, limit=limit + 1)
    if len(found) > limit:
        click.echo(
            f"fewslice: There are more than {limit} studies; narrow the search with --filter, or "
            "raise --limit.",
            err=True,
        )
    shown = found[:limit]
    hidden = () if names else ("patient", "patient_id")
    _print(
        [{key: v for key, v in asdict(each).items() if key not in hidden} for each in shown]
        if as_json
        else _study_lines(shown, names)
    )


@dicomweb_command.command("fetch", short_help="Fetch a series into a folder.")
@takes_server
@_wanted
@_study
@click.option("-o", "--output", type=options.PATH, required=True, help="New folder to make.")
@options.quiet()
def fetch_command(
    *, archive: DicomWebServer, wanted: str | None, study: str | None, output: Path, quiet: bool
) -> None:
    """Fetch SERIES (its UID) into a folder, which appears when all of it is there."""
    require_free_folder(output)
    found = archive.find(study, wanted)
    with count_bar(quiet, "Fetching", "instances") as progress:
        count = archive.fetch(found, output, progress)
    if not quiet:
        click.echo(f"Fetched     {counted(count, 'instance')}")
        click.echo(f"Written     {output}")


@dicomweb_command.command("store", short_help="Store DICOM files on a server.")
@takes_server
@click.argument("files", nargs=-1, required=True, type=options.PATH)
@click.option("--study", metavar="UID", help="Study that FILES must belong to.")
@options.quiet()
def store_command(
    *, archive: DicomWebServer, files: tuple[Path, ...], study: str | None, quiet: bool
) -> None:
    """Store FILES (DICOM files, or folders of them) on a server."""
    with count_bar(quiet, "Storing", "objects") as progress:
        receipt = archive.store(files, study, progress)
    _print_receipt(receipt, quiet)


@dicomweb_command.command(
    "segment",
    params=_SEGMENTING,
    short_help="Fetch a series, segment it, and store the result in its study.",
)
@takes_server
@_wanted
@_study
@click.option(
    "--labels",
    metavar="FILE|UID|seg",
    help="Label map with a few annotated slices: a file, the UID of a DICOM SEG or RTSTRUCT series "
    "in the study (or the end of it), or seg for the only one there.",
)
@click.option("--keep", type=options.PATH, metavar="FOLDER", help="Keep the scan in a new folder.")
@click.option("--no-store", is_flag=True, help="Only write the result, do not store it.")
def stored_segment_command(  # noqa: PLR0913 - click hands over one argument an option
    *,
    archive: DicomWebServer,
    wanted: str | None,
    study: str | None,
    labels: str | None,
    keep: Path | None,
    no_store: bool,
    **given: Any,
) -> None:
    """Fetch SERIES (its UID), segment it, and store the DICOM SEG or RTSTRUCT in its study.

    The result is written to a file first (-o result.dcm), and kept there if the server refuses it.
    All other options are those of fewslice segment.
    """
    if given["anonymise"] and not no_store:
        raise InputError(
            "An anonymised result does not go into the study of its patient; leave out "
            "--anonymise, or add --no-store."
        )
    results = [path for path in (given["output"], given["probability"]) if path is not None]
    for path in results:
        require_writable(path, (DICOM_LABELS,) if not no_store else (suffix_of(path),))
    if keep is not None:
        require_free_folder(keep)
    scan = archive.find(study, wanted)
    drawn = find_labels(archive, scan, labels)
    with ExitStack() as stack:
        with count_bar(given["quiet"], "Fetching", "instances") as progress:
            fetching = stored_case(archive, scan, drawn, keep=keep, progress=progress)
            case = stack.enter_context(fetching)
        run_request(
            Request(case.scan, labels=case.labels, **given),
            {"scan": scan.uid, "labels": drawn.uid if isinstance(drawn, StoredSeries) else labels},
        )
    if no_store:
        return
    try:
        receipt = archive.store(results, scan.study)
    except ServerError as error:
        written = " and ".join(map(str, results))
        raise ServerError(f"{error} The result is kept in {written}.") from None
    _print_receipt(receipt, given["quiet"] or given["as_json"])


def parse_filters(texts: Sequence[str]) -> dict[str, str]:
    """Parse filters such as 'StudyDate=20240101-'. Raises InputError."""
    filters = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (name.strip() and sign):
            raise InputError(
                "A --filter cannot be read; write a keyword, = and a value, such as "
                "StudyDate=20240101-."
            )
        filters[name.strip()] = value.strip()
    return filters


def _print(what: Sequence[Any] | Iterator[str]) -> None:
    if isinstance(what, list):
        click.echo(json.dumps(what, indent=1, ensure_ascii=False))
        return
    for line in what:
        click.echo(line)


def _print_receipt(receipt: Receipt, quiet: bool) -> None:
    for remark in receipt.remarks:
        click.echo(f"fewslice: {remark}", err=True)
    if not quiet:
        for uid in receipt.stored:
            click.echo(f"Stored      {uid}")


def _study_lines(studies: Sequence[StoredStudy], names: bool) -> Iterator[str]:
    if not studies:
        yield "No study was found."
    for each in studies:
        yield f"Study       {each.uid}"
        parts = [
            _date(each.date),
            ", ".join(each.modalities) or "modality unknown",
            _count(each.series, "series", "series"),
            _count(each.instances, "instance", "instances"),
            each.description,
        ]
        yield f"            {'; '.join(part for part in parts if part)}"
        if names:
            yield f"            {each.patient or 'no name'} ({each.patient_id or 'no ID'})"


def _series_lines(series: Sequence[StoredSeries]) -> Iterator[str]:
    if not series:
        yield "No series was found."
    for each in series:
        yield f"Series      {each.uid}"
        parts = [
            "" if each.number is None else f"number {each.number}",
            _date(each.date),
            each.modality or "modality unknown",
            _count(each.instances, "instance", "instances"),
            each.description,
        ]
        yield f"            {'; '.join(part for part in parts if part)}"


def _date(text: str) -> str:
    """Return a date of DICOM as people write it."""
    whole = len(text) == 8 and text.isdecimal()
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if whole else text or "no date"


def _count(number: int | None, one: str, several: str) -> str:
    return "" if number is None else f"{number} {one if number == 1 else several}"
