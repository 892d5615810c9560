"""`fewslice project`: annotation projects of one or several people, from the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fewslice.annotation.phrases import counted
from fewslice.cli import options
from fewslice.cli.count_bar import count_bar
from fewslice.errors import InputError, Remark
from fewslice.volumes.spacing import Spacing

if TYPE_CHECKING:
    from fewslice.project.database import Project
    from fewslice.project.scans import ScanRow
    from fewslice.project.structures import Structure

_EXTRA = ("alembic", "argon2", "sqlalchemy", "zstandard")  # of what fewslice[server] adds
_ROLES = ("annotator", "reviewer", "admin")
_DIRECTORY = click.argument("directory", type=options.PATH)
_DATABASE = click.option(
    "--database",
    metavar="URL",
    envvar="FEWSLICE_DATABASE",
    help="Database of a project that is not kept in its folder: "
    "postgresql+psycopg://user:password@host/name.  [env var: FEWSLICE_DATABASE]",
)
_BY = click.option("--by", metavar="NAME", help="Who does it.  [default: the local user]")


class _Project(click.Group):
    """A group that says what is missing before any of its commands runs."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        missing = [name for name in _EXTRA if find_spec(name) is None]
        if missing:
            raise InputError(
                f"Annotation projects need {missing[0]}, which is not installed; install it with: "
                'python -m pip install "fewslice[server]".'
            )
        return super().invoke(ctx)


@click.group("project", cls=_Project)
def project_command() -> None:
    """Make, fill and keep annotation projects, which fewslice serve shows in the browser.

    Needs pip install "fewslice[server]".
    """


@project_command.command("create")
@_DIRECTORY
@click.option("--name", help="What people call the project.  [default: the folder's name]")
@click.option(
    "--structure",
    "structures",
    multiple=True,
    metavar="[LABEL=]NAME",
    help="What can be drawn, such as liver or 3=liver. May be repeated.",
)
@_DATABASE
def create_command(
    directory: Path, name: str | None, structures: tuple[str, ...], database: str | None
) -> None:
    """Make a project in a new folder DIRECTORY."""
    from fewslice.project.opening import create_project

    project = create_project(
        directory,
        name=name or directory.absolute().name,
        structures=parse_structures(structures or ("structure",)),
        url=database,
    )
    _closed_at_the_end(project)
    click.echo(f"Made the project {project.directory}; add scans with: fewslice project add")


@project_command.command("add")
@_DIRECTORY
@click.argument("scans", metavar="SCAN...", type=options.PATH, nargs=-1, required=True)
@click.option("--name", help="What people call the scan.  [default: its file's name]")
@click.option("--channels", is_flag=True, help="The files given are the channels of one scan.")
@click.option("--copy", is_flag=True, help="Copy scans into the project's folder.")
@click.option(
    "--independent",
    is_flag=True,
    help="Each person annotates the scan without seeing the others, so that they can be compared.",
)
@options.spacing()
@options.dicom()
@_BY
@_DATABASE
def add_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    directory: Path,
    scans: tuple[Path, ...],
    name: str | None,
    channels: bool,
    copy: bool,
    independent: bool,
    spacing: Spacing | None,
    series: str | None,
    fill_gaps: bool,
    by: str | None,
    database: str | None,
) -> None:
    """Add scans to a project: files or folders of any format that can be read.

    They are read once, recognised by their hash from then on, and never changed.
    """
    from fewslice.project.scans import ScanOptions, add_scan, change_scan

    project = _opened(directory, database)
    groups = [list(scans)] if channels else [[scan] for scan in scans]
    if name is not None and len(groups) > 1:
        raise InputError("--name names one scan, but several were given; add them one by one.")
    how = ScanOptions(series, fill_gaps, spacing)
    for files in groups:
        person = _person(project, by)
        scan = add_scan(project, files, by=person, name=name, options=how, copy=copy, tell=_say)
        if independent:
            change_scan(project, scan.id, independent=True)
        click.echo(f"Added {_described(scan)}")


def _say(remark: Remark) -> None:
    click.echo(f"fewslice: {remark}", err=True)


@project_command.command("list")
@_DIRECTORY
@options.as_json("Print JSON, not text.")
@_DATABASE
def list_command(directory: Path, as_json: bool, database: str | None) -> None:
    """List the scans, structures and people of a project."""
    from fewslice.project.people import list_people
    from fewslice.project.scans import list_scans
    from fewslice.project.settings import project_name
    from fewslice.project.structures import list_structures

    project = _opened(directory, database)
    scans, people = list_scans(project), list_people(project)
    structures = list_structures(project)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "name": project_name(project),
                    "scans": [_as_dict(scan) for scan in scans],
                    "structures": [vars(each) for each in structures],
                    "people": [vars(person) for person in people],
                },
                indent=1,
            )
        )
        return
    click.echo(f"{project_name(project)}: {counted(len(scans), 'scan')}")
    for scan in scans:
        click.echo(f"  {_described(scan)}, {scan.status.replace('_', ' ')}")
    click.echo("Structures: " + (", ".join(f"{s.value} {s.name}" for s in structures) or "none"))
    click.echo("People: " + (", ".join(f"{p.name} ({p.role})" for p in people) or "nobody yet"))


@project_command.command("structure")
@_DIRECTORY
@click.argument("structures", metavar="[LABEL=]NAME...", nargs=-1, required=True)
@_DATABASE
def structure_command(directory: Path, structures: tuple[str, ...], database: str | None) -> None:
    """Add structures to a project, such as liver or 3=liver."""
    from fewslice.project.structures import add_structure, list_structures

    project = _opened(directory, database)
    taken = [each.value for each in list_structures(project)]
    for structure in parse_structures(structures, taken):
        added = add_structure(project, structure)
        click.echo(f"Added {added.value} {added.name}")


@project_command.command("move")
@_DIRECTORY
@click.argument("scan")
@click.argument("files", type=options.PATH, nargs=-1, required=True)
@_DATABASE
def move_command(directory: Path, scan: str, files: tuple[Path, ...], database: str | None) -> None:
    """Say where the FILES of a SCAN are now; they have to be the same ones."""
    from fewslice.project.scans import find_scan, move_scan

    project = _opened(directory, database)
    moved = move_scan(project, find_scan(project, scan).id, files)
    click.echo(f"'{moved.name}' is read from {moved.paths[0]}")


@project_command.command("import")
@_DIRECTORY
@click.argument("scan")
@click.argument("labels", type=options.PATH)
@click.option(
    "--complete", is_flag=True, help="Every slice was looked at; those without labels are empty."
)
@options.strict()
@_BY
@_DATABASE
def import_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    directory: Path,
    scan: str,
    labels: Path,
    complete: bool,
    strict: bool,
    by: str | None,
    database: str | None,
) -> None:
    """Import the LABELS of a SCAN (its name) as slices that somebody drew.

    Slices that another person has drawn already stay as they are; both are kept, and somebody
    chooses in the page.
    """
    from fewslice.project.importing import import_labels
    from fewslice.project.scans import find_scan

    project = _opened(directory, database)
    found = find_scan(project, scan)
    person = _person(project, by)
    imported = import_labels(project, found.id, labels, person, complete=complete, strict=strict)
    for remark in imported.remarks:
        _say(remark)
    for structure in imported.added:
        click.echo(f"Added the structure {structure.value} {structure.name}")
    click.echo(f"Imported {counted(len(imported.slices), 'slice')} of '{found.name}'")
    if imported.conflicts:
        click.echo(f"{counted(len(imported.conflicts), 'slice')} had been drawn by somebody else")


@project_command.command("export")
@_DIRECTORY
@click.option("-o", "--output", type=options.PATH, required=True, help="New folder to write.")
@click.option(
    "--what",
    type=click.Choice(("human", "all")),
    default="human",
    show_default=True,
    help="Only what people drew or accepted, or also what the engine answered elsewhere.",
)
@click.option(
    "--consensus",
    type=click.Choice(("majority", "staple")),
    help="Join what several people drew independently.  [default: each slice's newest version]",
)
@options.quiet()
@_DATABASE
def export_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    directory: Path,
    output: Path,
    what: str,
    consensus: str | None,
    quiet: bool,
    database: str | None,
) -> None:
    """Write a project in nnU-Net's layout.

    provenance/CASE.json says of every slice who drew it, when and how. What nobody looked at has
    nnU-Net's ignore label, the highest one.
    """
    from fewslice.project.export import export_project

    project = _opened(directory, database)
    with count_bar(quiet, "Exporting", "scans") as report:
        exported = export_project(project, output, what, consensus, report)
    for remark in exported.remarks:
        click.echo(f"fewslice: {remark}", err=True)
    if not quiet:
        click.echo(f"Wrote {counted(len(exported.cases), 'scan')} to {exported.folder}")
        if exported.ignore_label is not None:
            click.echo(f"Label {exported.ignore_label} means not looked at")


@project_command.command("backup")
@_DIRECTORY
@click.option("-o", "--output", type=options.PATH, required=True, help="File to write, .tar.zst.")
@_DATABASE
def backup_command(directory: Path, output: Path, database: str | None) -> None:
    """Write a whole project into one file; people may go on working meanwhile."""
    from fewslice.project.backup import backup

    done = backup(_opened(directory, database), output)
    click.echo(f"Wrote {done.path}")
    if done.outside:
        click.echo(
            f"fewslice: {counted(len(done.outside), 'file')} of scans lie outside of the project, "
            f"such as {done.outside[0]}, and are not in the backup; keep copies of them.",
            err=True,
        )


@project_command.command("restore")
@click.argument("archive", type=options.PATH)
@_DIRECTORY
@_DATABASE
def restore_command(archive: Path, directory: Path, database: str | None) -> None:
    """Make a project in a new folder DIRECTORY from a backup, on SQLite or PostgreSQL."""
    from fewslice.project.backup import restore

    project = _closed_at_the_end(restore(archive, directory, database))
    click.echo(f"Restored {project.directory}")


@project_command.group("person")
def person_command() -> None:
    """Say who works on a project; with accounts, everybody has to log in."""


@person_command.command("add")
@_DIRECTORY
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), default="annotator", show_default=True)
@click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    envvar="FEWSLICE_PASSWORD",
    help="At least 8 characters; asked for if not given.  [env var: FEWSLICE_PASSWORD]",
)
@_DATABASE
def add_person_command(
    directory: Path, name: str, role: str, password: str, database: str | None
) -> None:
    """Add a person NAME who can log in. The first one has to be an admin."""
    from fewslice.project.people import add_person

    person = add_person(_opened(directory, database), name, password, role)
    click.echo(f"Added {person.name} ({person.role})")


@person_command.command("key")
@_DIRECTORY
@click.argument("name")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=365,
    show_default=True,
    help="How long it lasts.",
)
@_DATABASE
def person_key_command(directory: Path, name: str, days: int, database: str | None) -> None:
    """Print a key of a person for programs that ask for one, such as nnInteractive's clients.

    Whoever has it asks as that person. It is shown once; closing the account ends it.
    """
    from fewslice.project.tokens import give_token

    project = _opened(directory, database)
    click.echo(give_token(project, _person(project, name), timedelta(days=days)))


@person_command.command("change")
@_DIRECTORY
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), help="Another role.")
@click.option("--password", is_flag=True, help="Ask for another password.")
@click.option("--close/--reopen", "close", default=None, help="Close or reopen the account.")
@_DATABASE
def change_person_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    directory: Path,
    name: str,
    role: str | None,
    password: bool,
    close: bool | None,
    database: str | None,
) -> None:
    """Give a person NAME another role or password, or close the account."""
    from fewslice.project.people import change_person

    project = _opened(directory, database)
    new = click.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
    active = None if close is None else not close
    person = change_person(project, _person(project, name), role=role, password=new, active=active)
    click.echo(f"{person.name} ({person.role}), {'active' if person.active else 'closed'}")


def parse_structures(texts: tuple[str, ...], taken: list[int] | None = None) -> list[Structure]:
    """Parse structures such as '3=liver'; without a label, the next free one is taken."""
    from fewslice.project.structures import Structure

    named = options.parse_names([text for text in texts if "=" in text])
    values, found = {*(taken or ()), *named}, []
    for text in texts:
        if "=" in text:
            ((value, name),) = options.parse_names([text]).items()
        else:
            value, name = next(n for n in range(1, len(values) + 2) if n not in values), text
        values.add(value)
        found.append(Structure(value, name))
    return found


def _opened(directory: Path, database: str | None) -> Project:
    from fewslice.project.opening import open_project

    return _closed_at_the_end(open_project(directory, database))


def _closed_at_the_end(project: Project) -> Project:
    click.get_current_context().call_on_close(project.engine.dispose)
    return project


def _person(project: Project, name: str | None) -> int:
    from fewslice.project.people import find_person, local_person

    if name is None:
        return local_person(project).id
    person = find_person(project, name)
    if person is None:
        raise InputError(f"There is no person '{name}' in the project; add them first.")
    return person.id


def _described(scan: ScanRow) -> str:
    size = " x ".join(str(length) for length in scan.shape)
    what = f"{scan.modality}, " if scan.modality else ""
    return f"{scan.id}: {scan.name}, {what}{size} voxels"


def _as_dict(scan: ScanRow) -> dict[str, Any]:
    return {
        "id": scan.id,
        "name": scan.name,
        "paths": [str(path) for path in scan.paths],
        "sha256": scan.hash,
        "shape": scan.shape,
        "spacing": scan.spacing,
        "modality": scan.modality,
        "channels": scan.channels,
        "status": scan.status,
        "priority": scan.priority,
        "predicted_dice": scan.predicted_dice,
        "independent": scan.independent,
    }
