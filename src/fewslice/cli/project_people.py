"""`fewslice project person`: who works on a project."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from fewslice.cli.project_options import DATABASE, DIRECTORY, opened, person_named

_ROLES = ("annotator", "reviewer", "admin")


@click.group("person", short_help="Say who works on a project.")
def person_command() -> None:
    """Say who works on a project; with accounts, everybody has to log in."""


@person_command.command("add")
@DIRECTORY
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
@DATABASE
def add_person_command(
    directory: Path, name: str, role: str, password: str, database: str | None
) -> None:
    """Add a person NAME who can log in. The first one has to be an admin."""
    from fewslice.project.people import add_person

    person = add_person(opened(directory, database), name, password, role)
    click.echo(f"Added {person.name} ({person.role})")


@person_command.command(
    "key", short_help="Print the key of a person, for programs that ask for one."
)
@DIRECTORY
@click.argument("name")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=365,
    show_default=True,
    help="How long it lasts.",
)
@DATABASE
def person_key_command(directory: Path, name: str, days: int, database: str | None) -> None:
    """Print a key of a person for programs that ask for one, such as nnInteractive's clients.

    Whoever has it asks as that person. It is shown once; closing the account ends it.
    """
    from fewslice.project.tokens import give_token

    project = opened(directory, database)
    click.echo(give_token(project, person_named(project, name), timedelta(days=days)))


@person_command.command(
    "change", short_help="Change role or password of a person, or close the account."
)
@DIRECTORY
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), help="Another role.")
@click.option("--password", is_flag=True, help="Ask for another password.")
@click.option("--close/--reopen", "close", default=None, help="Close or reopen the account.")
@DATABASE
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

    project = opened(directory, database)
    new = click.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
    active = None if close is None else not close
    person = change_person(
        project, person_named(project, name), role=role, password=new, active=active
    )
    click.echo(f"{person.name} ({person.role}), {'active' if person.active else 'closed'}")
