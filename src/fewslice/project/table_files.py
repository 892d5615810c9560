"""The tables of a project as lines of JSON, which do not depend on the kind of database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, MetaData, Table, insert, select, text

from fewslice.project.database import is_sqlite
from fewslice.project.migrating import HEAD, migrate_on, schema_version
from fewslice.project.tables import Base

LEFT_OUT = ("tokens", "logins", "leases")
"""What only holds while a server runs."""

_VERSION = "schema.json"
_AT_ONCE = 500


def dump_tables(connection: Connection, folder: Path) -> None:
    """Write every table into a new folder. Open a transaction before, so that they fit together."""
    folder.mkdir()
    (folder / _VERSION).write_text(json.dumps(schema_version(connection)))
    for table in Base.metadata.sorted_tables:
        if table.name in LEFT_OUT:
            continue
        with (folder / f"{table.name}.jsonl").open("w", encoding="utf-8") as file:
            for row in connection.execute(select(table).order_by(*table.primary_key)):
                file.write(json.dumps([_written(value) for value in row], ensure_ascii=False))
                file.write("\n")


def load_tables(connection: Connection, folder: Path) -> None:
    """Fill an empty database with what `dump_tables` wrote, in any version since."""
    migrate_on(connection, json.loads((folder / _VERSION).read_text()))
    present = MetaData()
    present.reflect(connection)
    for table in present.sorted_tables:
        path = folder / f"{table.name}.jsonl"
        if path.exists():
            for rows in _batches(path, table, is_sqlite(connection)):
                connection.execute(insert(table), rows)
            _count_on(connection, table)
    migrate_on(connection, HEAD)


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _batches(path: Path, table: Table, naive: bool) -> Iterator[list[dict[str, Any]]]:
    """Yield rows as the database takes them. naive: whether times have no zone there."""
    times = {column.name for column in table.columns if isinstance(column.type, DateTime)}
    names = [column.name for column in table.columns]
    rows: list[dict[str, Any]] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = dict(zip(names, json.loads(line), strict=True))
            for name in times & {name for name in row if row[name] is not None}:
                time = datetime.fromisoformat(row[name]).astimezone(UTC)
                row[name] = time.replace(tzinfo=None) if naive else time
            rows.append(row)
            if len(rows) == _AT_ONCE:
                yield rows
                rows = []
    if rows:
        yield rows


def _count_on(connection: Connection, table: Table) -> None:
    """Let new rows get numbers after those that were loaded; SQLite does so by itself."""
    if is_sqlite(connection) or "id" not in table.columns:
        return
    connection.execute(
        text(
            f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "  # noqa: S608 - no input
            f"(SELECT coalesce(max(id), 0) + 1 FROM {table.name}), false)"
        )
    )
