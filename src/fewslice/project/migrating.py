"""Bringing the tables of a project into the form that this version uses, with Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from fewslice.errors import InputError
from fewslice.project.database import Project, is_sqlite, writing

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "head"

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_301_966  # any number, the same in all processes


def migrate(project: Project) -> None:
    """Bring the tables up to date in one transaction; of several processes, one after another.

    Raises InputError if a newer version has written the project.
    """
    with writing(project) as session:
        migrate_on(session.connection(), HEAD)


def migrate_on(connection: Connection, to: str) -> None:
    """Bring the tables to a version, within the transaction of a connection."""
    from alembic import command
    from alembic.script import ScriptDirectory

    if not is_sqlite(connection):  # SQLite's transaction holds the one write lock already
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    config = _config()
    script = ScriptDirectory.from_config(config)
    known = {each.revision for each in script.walk_revisions()}
    unknown = {schema_version(connection), to} - known - {HEAD, None}
    if unknown:
        raise InputError(
            "The project was written by a newer version of fewslice; update fewslice to open it."
        )
    if schema_version(connection) != script.get_current_head():
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def schema_version(connection: Connection) -> str | None:
    """Return the version of the tables; None if there are none."""
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config
