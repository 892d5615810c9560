"""What the commands of `fewslice project` share: their arguments, and opening a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fewslice.cli import options
from fewslice.errors import InputError, Remark

if TYPE_CHECKING:
    from fewslice.project.database import Project
    from fewslice.project.scans import ScanRow

DIRECTORY = click.argument("directory", type=options.PATH)
DATABASE = click.option(
    "--database",
    metavar="URL",
    envvar="FEWSLICE_DATABASE",
    help="Database of a project that is not kept in its folder: "
    "postgresql+psycopg://user:password@host/name.  [env var: FEWSLICE_DATABASE]",
)
BY = click.option("--by", metavar="NAME", help="Who does it.  [default: the local user]")


def opened(directory: Path, database: str | None) -> Project:
    """Return a project, which is closed when the command ends."""
    from fewslice.project.opening import open_project

    return closed_at_the_end(open_project(directory, database))


def closed_at_the_end(project: Project) -> Project:
    """Close a project when the command ends."""
    click.get_current_context().call_on_close(project.engine.dispose)
    return project


def person_named(project: Project, name: str | None) -> int:
    """Return the number of a person, by default of the local user."""
    from fewslice.project.people import find_person, local_person

    if name is None:
        return local_person(project).id
    person = find_person(project, name)
    if person is None:
        raise InputError(f"There is no person '{name}' in the project; add them first.")
    return person.id


def described(scan: ScanRow) -> str:
    """Return a scan as people read it."""
    size = " x ".join(str(length) for length in scan.shape)
    what = f"{scan.modality}, " if scan.modality else ""
    channels = f", {scan.channels} channels" if scan.channels > 1 else ""
    return f"{scan.id}: {scan.name}, {what}{size} voxels{channels}"


def say(remark: Remark | str) -> None:
    """Print what was assumed of a file."""
    click.echo(f"fewslice: {remark}", err=True)
