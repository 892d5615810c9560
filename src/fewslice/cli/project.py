"""`fewslice project`: annotation projects of one or several people, from the command line."""

from __future__ import annotations

import json
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fewslice.annotation.phrases import counted
from fewslice.cli import options
from fewslice.cli.count_bar import count_bar
from fewslice.cli.project_add import add_command
from fewslice.cli.project_options import (
    BY,
    DATABASE,
    DIRECTORY,
    closed_at_the_end,
    described,
    opened,
    person_named,
    say,
)
from fewslice.cli.project_people import person_command
from fewslice.errors import InputError

if TYPE_CHECKING:
    from fewslice.project.scans import ScanRow
    from fewslice.project.structures import Structure

_EXTRA = ("alembic", "argon2", "sqlalchemy", "zstandard")  # of what fewslice[server] adds


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


project_command.add_command(add_command)
project_command.add_command(person_command)


@project_command.command("create")
@DIRECTORY
@click.option("--name", help="What people call the project.  [default: the folder's name]")
@click.option(
    "--structure",
    "structures",
    multiple=True,
    metavar="[LABEL=]NAME",
    help="What can be drawn, such as liver or 3=liver. May be repeated.",
)
@DATABASE
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
    closed_at_the_end(project)
    click.echo(
        f"Made the project {project.directory}; add scans with: fewslice project add "
        f"{shlex.quote(str(directory))} SCAN..."
    )


@project_command.command("list")
@DIRECTORY
@options.as_json("Print JSON, not text.")
@DATABASE
def list_command(directory: Path, as_json: bool, database: str | None) -> None:
    """List the scans, structures and people of a project."""
    from fewslice.project.people import list_people
    from fewslice.project.scans import list_scans
    from fewslice.project.settings import project_name
    from fewslice.project.structures import list_structures

    project = opened(directory, database)
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
        click.echo(f"  {described(scan)}, {scan.status.replace('_', ' ')}")
    click.echo("Structures: " + (", ".join(f"{s.value} {s.name}" for s in structures) or "none"))
    click.echo("People: " + (", ".join(f"{p.name} ({p.role})" for p in people) or "nobody yet"))


@project_command.command("structure")
@DIRECTORY
@click.argument("structures", metavar="[LABEL=]NAME...", nargs=-1, required=True)
@DATABASE
def structure_command(directory: Path, structures: tuple[str, ...], database: str | None) -> None:
    """Add structures to a project, such as liver or 3=liver."""
    from fewslice.project.structures import add_structure, list_structures

    project = opened(directory, database)
    taken = [each.value for each in list_structures(project)]
    for structure in parse_structures(structures, taken):
        added = add_structure(project, structure)
        click.echo(f"Added {added.value} {added.name}")


@project_command.command("move", short_help="Say where the files of a scan are now.")
@DIRECTORY
@click.argument("scan")
@click.argument("files", type=options.PATH, nargs=-1, required=True)
@DATABASE
def move_command(directory: Path, scan: str, files: tuple[Path, ...], database: str | None) -> None:
    """Say where the FILES of a SCAN are now; they have to be the same ones."""
    from fewslice.project.scans import find_scan, move_scan

    project = opened(directory, database)
    moved = move_scan(project, find_scan(project, scan).id, files)
    click.echo(f"'{moved.name}' is read from {moved.paths[0]}")


@project_command.command("import", short_help="Import a label map as slices that somebody drew.")
@DIRECTORY
@click.argument("scan")
@click.argument("labels", type=options.PATH)
@click.option(
    "--complete", is_flag=True, help="Every slice was looked at; those without labels are empty."
)
@options.strict()
@BY
@DATABASE
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

    Slices that another person has drawn already, or that were changed since they were as they are
    imported, stay as they are; both are kept, and somebody chooses in the page. Slices that hold
    just what is imported are left alone.
    """
    from fewslice.project.importing import import_labels
    from fewslice.project.scans import find_scan

    project = opened(directory, database)
    found = find_scan(project, scan)
    person = person_named(project, by)
    imported = import_labels(project, found.id, labels, person, complete=complete, strict=strict)
    for remark in imported.remarks:
        say(remark)
    for structure in imported.added:
        click.echo(f"Added the structure {structure.value} {structure.name}")
    new = len(imported.slices) - len(imported.unchanged)
    click.echo(f"Imported {counted(new, 'slice')} of '{found.name}'")
    if imported.unchanged:
        click.echo(f"{counted(len(imported.unchanged), 'slice')} held just that already")
    if imported.conflicts:
        click.echo(
            f"{counted(len(imported.conflicts), 'slice')} had been drawn by somebody else, or "
            "changed since; both versions are kept until somebody chooses on the page"
        )


@project_command.command("export")
@DIRECTORY
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
@DATABASE
def export_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    directory: Path,
    output: Path,
    what: str,
    consensus: str | None,
    quiet: bool,
    database: str | None,
) -> int | None:
    """Write a project in nnU-Net's layout.

    provenance/CASE.json says of every slice who drew it, when and how. What nobody looked at has
    nnU-Net's ignore label, the highest one. If some scans cannot be read, the others are written
    all the same, and the exit code is 1.
    """
    from fewslice.project.export import export_project

    project = opened(directory, database)
    with count_bar(quiet, "Exporting", "scans") as report:
        exported = export_project(project, output, what, consensus, report)
    for remark in exported.remarks:
        click.echo(f"fewslice: {remark}", err=True)
    if not quiet:
        click.echo(f"Wrote {counted(len(exported.cases), 'scan')} to {exported.folder}")
        if exported.ignore_label is not None:
            click.echo(f"Label {exported.ignore_label} means not looked at")
    return 1 if exported.unreadable else None


@project_command.command("backup", short_help="Write a whole project into one file.")
@DIRECTORY
@click.option("-o", "--output", type=options.PATH, required=True, help="File to write, .tar.zst.")
@DATABASE
def backup_command(directory: Path, output: Path, database: str | None) -> None:
    """Write a whole project into one file; people may go on working meanwhile."""
    from fewslice.project.backup import backup

    done = backup(opened(directory, database), output)
    click.echo(f"Wrote {done.path}")
    if done.outside:
        click.echo(
            f"fewslice: {counted(len(done.outside), 'file')} of scans lie outside of the project, "
            f"such as {done.outside[0]}, and are not in the backup; keep copies of them.",
            err=True,
        )


@project_command.command("tidy", short_help="Remove answers that were replaced, to free space.")
@DIRECTORY
@DATABASE
def tidy_command(directory: Path, database: str | None) -> None:
    """Remove answers that newer ones replaced a day ago; people may go on working meanwhile.

    What anybody drew stays, with all that can be undone, and so does the latest answer of each
    scan. Files of the last day stay, too: run it again tomorrow.
    """
    from fewslice.project.tidying import tidy

    done = tidy(opened(directory, database))
    click.echo(
        f"Removed {counted(done.answers, 'answer')} and {counted(done.files, 'file')} "
        f"({done.size / 1e6:.1f} MB)"
    )


@project_command.command("restore", short_help="Make a project from a backup.")
@click.argument("archive", type=options.PATH)
@DIRECTORY
@DATABASE
def restore_command(archive: Path, directory: Path, database: str | None) -> None:
    """Make a project in a new folder DIRECTORY from a backup, on SQLite or PostgreSQL."""
    from fewslice.project.backup import restore

    project = closed_at_the_end(restore(archive, directory, database))
    click.echo(f"Restored {project.directory}")


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
