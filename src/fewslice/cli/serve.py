"""`fewslice serve`: the annotation server of a project."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click

from fewslice.cli import options
from fewslice.cli.server_options import server_at
from fewslice.errors import InputError

_EXTRA = (
    "alembic", "argon2", "blosc2", "fastapi", "sqlalchemy", "sse_starlette", "uvicorn", "zstandard",
)  # fmt: skip


@dataclass(frozen=True)
class _NnInteractive:
    """What was asked for. sessions: where they are kept."""

    directory: Path | None
    host: str
    port: int | None
    database: str | None
    key: str | None
    sessions: Path | None


@click.command("serve")
@click.argument("directory", type=options.PATH, required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 for any free one.  [default: 8000, or 1527]",
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
    "--origin",
    "origins",
    multiple=True,
    metavar="URL",
    help="Address of a browser viewer that may use MONAI Label's protocol; may be repeated.",
)
@click.option(
    "--dicomweb",
    metavar="URL",
    help="DICOMweb server of the scans: series are fetched when a viewer asks, labels stored.",
)
@click.option(
    "--proxy",
    is_flag=True,
    help="Let viewers read the DICOMweb server through this one, /monailabel/proxy/dicom.",
)
@click.option(
    "--nninteractive",
    is_flag=True,
    help="Serve nnInteractive's clients: as people of the project, or without a project.",
)
@click.option(
    "--key",
    envvar="FEWSLICE_KEY",
    help="Key that nnInteractive's clients must send; better set in the environment, FEWSLICE_KEY.",
)
@click.option(
    "--sessions",
    type=options.PATH,
    help="Folder for scans and interactions of nnInteractive's clients, so that they outlast the "
    "server.  [default: in the project, else none]",
)
@click.option(
    "--example", is_flag=True, help="Make a project with the bundled scan if there is none yet."
)
def serve_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    directory: Path | None,
    host: str,
    port: int | None,
    names: tuple[str, ...],
    database: str | None,
    origins: tuple[str, ...],
    dicomweb: str | None,
    proxy: bool,
    nninteractive: bool,
    key: str | None,
    sessions: Path | None,
    example: bool,
) -> None:
    """Serve the project in DIRECTORY: annotate its scans in a browser.

    By default only this computer can reach the server, and nobody has to log in. At any other
    address people need accounts (fewslice project person add). Ctrl-C ends the server; whatever was
    drawn is on disk by then. Needs pip install "fewslice[server]".

    3D Slicer's and OHIF's MONAI Label plugins find the project at /monailabel below the address.
    With --dicomweb, OHIF may ask for any series of that server; FEWSLICE_DICOMWEB_TOKEN or
    FEWSLICE_DICOMWEB_LOGIN holds the credentials. With --nninteractive, napari, Slicer, MITK and
    ITK-SNAP connect on a separate port by nnInteractive's protocol, and keep what they draw; in a
    project, its people may connect, each with a key from fewslice project person key.
    """
    _require_extra()
    if nninteractive:
        _serve_nninteractive(_NnInteractive(directory, host, port, database, key, sessions))
        return
    if directory is None:
        raise InputError("There is no DIRECTORY; name the project to serve, or --nninteractive.")
    if proxy and dicomweb is None:
        raise InputError("--proxy needs a server to read; name it with --dicomweb URL.")
    from fewslice.integrations.monai_label.routes import PREFIX, add_monai_label
    from fewslice.project.opening import open_project
    from fewslice.server.run import address, bound, only_server, require_accounts, serve
    from fewslice.server.settings import Settings
    from fewslice.workflow.project_example import create_example

    if example and not directory.exists():
        create_example(directory)
    project = open_project(directory, database)
    settings = Settings(host=host, names=names, tools=PREFIX, origins=origins)
    require_accounts(project, settings)
    with only_server(project.directory), bound(host, 8000 if port is None else port) as listening:
        said = f"Open {address(host, listening)} in a browser; Ctrl-C ends the server."
        web = None if dicomweb is None else server_at(dicomweb)
        serve(
            project,
            settings,
            listening,
            lambda app: add_monai_label(app, web, proxied=proxy),
            ready=lambda: click.echo(said),
        )


def _serve_nninteractive(asked: _NnInteractive) -> None:
    from fewslice.integrations.nninteractive.app import PORT, serve
    from fewslice.integrations.nninteractive.keys import Keys
    from fewslice.project.opening import open_project
    from fewslice.server.run import address, bound, require_accounts
    from fewslice.server.settings import Settings, is_loopback

    folder = asked.sessions
    if asked.directory is None:
        if asked.key is None and not is_loopback(asked.host):
            raise InputError(
                f"At {asked.host} other computers can reach the server; set a key that clients "
                "must know (FEWSLICE_KEY)."
            )
        keys = Keys(asked.key)
    else:
        if asked.key is not None:
            raise InputError(
                "The people of the project have keys of their own (fewslice project person key); "
                "leave the key out, or DIRECTORY."
            )
        project = open_project(asked.directory, asked.database)
        require_accounts(project, Settings(host=asked.host))
        keys, folder = Keys(project=project), folder or project.directory / "nninteractive"
    port = PORT if asked.port is None else asked.port
    with bound(asked.host, port) as listening:
        place = address(asked.host, listening)
        said = f"nnInteractive's clients connect to {place}; Ctrl-C ends the server."
        serve(listening, keys=keys, folder=folder, ready=lambda: click.echo(said))


def _require_extra() -> None:
    """Raise InputError if a library is missing that only the server needs."""
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise InputError(
            f"The server needs libraries that are not installed ({', '.join(missing)}); install "
            'them with: python -m pip install "fewslice[server]".'
        )
