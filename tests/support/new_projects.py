"""New projects, quickly: Alembic's steps run once a process, then what they told the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from fewslice.project import opening
from fewslice.project.database import Project
from fewslice.project.migrating import HEAD, migrate_on
from fewslice.project.structures import Structure

_STATEMENTS: dict[str, list[tuple[str, Any]]] = {}
"""By kind of database: what makes the tables of an empty one, with parameters."""


def new_project(
    directory: Path, *, name: str, structures: Sequence[Structure] = (), url: str | None = None
) -> Project:
    """Do what `create_project` does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "migrate_on", _tables_made)
        return opening.create_project(directory, name=name, structures=structures, url=url)


def _tables_made(connection: Connection, to: str) -> None:
    """Bring an empty database to the present form."""
    assert to == HEAD
    kind = connection.dialect.name
    if kind not in _STATEMENTS:
        with _recorded(connection) as statements:
            migrate_on(connection, HEAD)
        _STATEMENTS[kind] = [
            each for each in statements if not each[0].lstrip().startswith(("SELECT", "PRAGMA"))
        ]
        return
    for statement, parameters in _STATEMENTS[kind]:
        connection.exec_driver_sql(statement, parameters)


@contextmanager
def _recorded(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """Give the list of what a connection executes meanwhile."""
    statements: list[tuple[str, Any]] = []

    def keep(
        _connection: object, _cursor: object, statement: str, parameters: Any, *_: object
    ) -> None:
        statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", keep)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", keep)
