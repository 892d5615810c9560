"""`fewslice serve`: the annotation server of a project."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from fewslice.cli import options
from fewslice.errors import InputError

_EXTRA = (
    "alembic", "argon2", "fastapi", "sqlalchemy", "sse_starlette", "uvicorn", "zstandard",
)  # fmt: skip


@click.command("serve")
@click.argument("directory", type=options.PATH)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="Port to listen at; 0 for any that is free.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="Host name the server goes by, such as that of a reverse proxy; may be repeated.",
)
@click.option(
    "--database",
    envvar="FEWSLICE_DATABASE",
    metavar="URL",
    help="Database of the project, postgresql+psycopg://..., if that is not in its folder.",
)
@click.option(
    "--example", is_flag=True, help="Make a project with the bundled scan if there is none yet."
)
def serve_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    directory: Path,
    host: str,
    port: int,
    names: tuple[str, ...],
    database: str | None,
    example: bool,
) -> None:
    """Serve the project in DIRECTORY: annotate its scans in a browser.

    By default only this computer can reach the server, and nobody has to log in. At any other
    address people need accounts (fewslice project person add). Ctrl-C ends the server; whatever was
    drawn is on disk by then. Needs pip install "fewslice[server]".
    """
    _require_extra()
    from fewslice.project.opening import open_project
    from fewslice.server.run import address, bound, only_server, require_accounts, serve
    from fewslice.server.settings import Settings
    from fewslice.workflow.project_example import create_example

    if example and not directory.exists():
        create_example(directory)
    project = open_project(directory, database)
    settings = Settings(host=host, names=names)
    require_accounts(project, settings)
    with only_server(project.directory), bound(host, port) as listening:
        click.echo(f"Open {address(settings, listening)} in a browser; Ctrl-C ends the server.")
        serve(project, settings, listening)


def _require_extra() -> None:
    """Raise InputError if a library is missing that only the server needs."""
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise InputError(
            f"The server needs libraries that are not installed ({', '.join(missing)}); install "
            'them with: python -m pip install "fewslice[server]".'
        )
