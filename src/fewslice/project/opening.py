"""Creating and opening a project: its folder, its database, and the tables' present form."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from fewslice.errors import InputError, ReadError, WriteError
from fewslice.io.atomic import atomic_path
from fewslice.project.database import (
    DATABASE_FILE,
    Project,
    connect,
    utc_now,
    writing,
)
from fewslice.project.migrating import HEAD, migrate, migrate_on, schema_version
from fewslice.project.settings import get_setting
from fewslice.project.structures import Structure, put_structure
from fewslice.project.tables import SettingTable

MARKER = "project.json"


def create_project(
    directory: str | Path,
    *,
    name: str,
    structures: Sequence[Structure] = (),
    url: str | None = None,
) -> Project:
    """Make a new project.

    Parameters
    ----------
    directory
        Folder for voxels and database; it is created, and must be empty if it is there.
    name
        What people call the project.
    structures
        What can be drawn; more can be added later.
    url
        `postgresql+psycopg://...` of an empty database; None for SQLite in the folder.

    Raises
    ------
    InputError
        If there is a project already, in the folder or the database, or the name is empty.
    WriteError
        If the folder or the database cannot be written.
    """
    folder = Path(directory).absolute()
    if not name.strip():
        raise InputError("The project has an empty name; give it one.")
    _require_empty(folder)
    project = Project(folder, connect(folder, url), utc_now)
    key = secrets.token_hex(16)
    with _closed_on_failure(project), writing(project) as session:
        require_no_tables(session.connection())
        migrate_on(session.connection(), HEAD)
        session.add(SettingTable(key="name", value=name.strip()))
        session.add(SettingTable(key="key", value=key))
        for structure in structures:
            put_structure(session, structure)
    write_marker(project, key)
    return project


def open_project(directory: str | Path, url: str | None = None) -> Project:
    """Open a project, and bring its tables into the form that this version uses.

    Raises ReadError if there is no project in the folder, and InputError if it belongs to another
    database or was written by a newer version.
    """
    folder = Path(directory).absolute()
    marker = _marker(folder)
    if marker["database"] == "sqlite":
        if url is not None:
            raise InputError(
                f"The project {folder} keeps its database in its folder; leave out the URL."
            )
        if not (folder / DATABASE_FILE).is_file():
            raise ReadError(
                f"{folder / DATABASE_FILE} is missing; expected the project's database: restore "
                "the project from a backup."
            )
    elif url is None:
        raise InputError(
            f"The project {folder} keeps its database in PostgreSQL; give its URL, with --database "
            "or in FEWSLICE_DATABASE."
        )
    project = Project(folder, connect(folder, url), utc_now)
    with _closed_on_failure(project):
        migrate(project)
        if get_setting(project, "key") != marker["key"]:
            raise InputError(
                f"The database does not belong to the project {folder}; give the URL of its own."
            )
    return project


def require_no_tables(connection: Connection) -> None:
    """Raise InputError if there is a project in a database."""
    if schema_version(connection) is not None:
        raise InputError(
            "The database holds a project already; expected an empty one: open that project, or "
            "make another database."
        )


def write_marker(project: Project, key: str) -> None:
    """Write the file that makes a folder a project: which database belongs to it, and its key."""
    with atomic_path(project.directory / MARKER) as temporary:
        temporary.write_text(json.dumps({"key": key, "database": project.engine.dialect.name}))


@contextmanager
def _closed_on_failure(project: Project) -> Iterator[None]:
    try:
        yield
    except BaseException:
        project.engine.dispose()
        raise


def _require_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / MARKER).exists():
            raise InputError(f"{folder} is a project already; open it, or choose another folder.")
        if any(folder.iterdir()):
            raise InputError(f"{folder} is not empty; choose another folder for the project.")
    except OSError as error:
        raise WriteError(
            f"The folder {folder} cannot be made ({error.strerror or error}); choose another one."
        ) from error


def _marker(folder: Path) -> dict[str, str]:
    path = folder / MARKER
    try:
        marker = json.loads(path.read_text())
        return {"key": str(marker["key"]), "database": str(marker["database"])}
    except FileNotFoundError as error:
        raise ReadError(
            f"{folder} is not a project; make one with: fewslice project create {folder}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReadError(
            f"{path} cannot be read or is damaged; restore the project from a backup."
        ) from error
