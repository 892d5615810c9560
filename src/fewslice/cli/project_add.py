"""`fewslice project add`: scans for a project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from fewslice.cli import options
from fewslice.cli.project_options import (
    BY,
    DATABASE,
    DIRECTORY,
    described,
    opened,
    person_named,
    say,
)
from fewslice.errors import InputError
from fewslice.io.scan_files import ScanFiles, scan_at, with_siblings
from fewslice.volumes.spacing import Spacing


@click.command("add", short_help="Add scans of any format that can be read.")
@DIRECTORY
@click.argument("scans", metavar="SCAN...", type=options.PATH, nargs=-1, required=True)
@click.option("--name", help="What people call the scan.  [default: its file's name]")
@options.channels()
@click.option("--copy", is_flag=True, help="Copy scans into the project's folder.")
@click.option(
    "--independent",
    is_flag=True,
    help="Each person annotates the scan without seeing the others, so that they can be compared.",
)
@options.spacing()
@options.dicom()
@BY
@DATABASE
def add_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    directory: Path,
    scans: tuple[Path, ...],
    name: str | None,
    channels: tuple[Path, ...],
    alone: bool,
    copy: bool,
    independent: bool,
    spacing: Spacing | None,
    series: str | None,
    fill_gaps: bool,
    by: str | None,
    database: str | None,
) -> None:
    """Add scans to a project: files or folders of any format that can be read.

    They are read once, recognised by their hash from then on, and never changed. CASE_0000,
    CASE_0001 and so on are the channels of one scan.
    """
    from fewslice.project.adding import add_scan
    from fewslice.project.scans import ScanOptions, change_scan

    if channels and len(scans) > 1:
        raise InputError("--channel is of one scan, but several were given; add them one by one.")
    how = ScanOptions(series, fill_gaps, spacing)
    given = [
        replace(scan_at((scan, *channels), siblings=not alone), series=series, fill_gaps=fill_gaps)
        for scan in scans
    ]
    found, remarks = with_channels(given)
    if name is not None and len(found) > 1:
        raise InputError("--name names one scan, but several were given; add them one by one.")
    for remark in remarks:
        say(remark)
    project = opened(directory, database)
    person = person_named(project, by)
    for files in found:
        called = name or files.name
        scan = add_scan(
            project, files.images, by=person, name=called, options=how, copy=copy, tell=say
        )
        if independent:
            change_scan(project, scan.id, independent=True)
        click.echo(f"Added {described(scan)}")


def with_channels(given: list[ScanFiles]) -> tuple[list[ScanFiles], list[str]]:
    """Return scans with the channels found beside them, which are no scans of their own, and what
    there is to say of that.
    """
    found: list[ScanFiles] = []
    said: list[str] = []
    taken: set[Path] = set()
    # First files first, so that CASE_0001 is known to be a channel in whatever order they came.
    for scan in sorted(given, key=lambda each: not each.beside.files):
        if len(scan.images) == 1 and scan.images[0].absolute() in taken:
            continue
        named, remarks = with_siblings(scan)
        said += remarks
        taken |= {path.absolute() for path in named.images[1:]}
        found.append(named)
    order = {scan.images[0]: number for number, scan in reversed(list(enumerate(given)))}
    return sorted(found, key=lambda each: order[each.images[0]]), said
