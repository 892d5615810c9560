"""The database of a project: SQLite in its folder, or PostgreSQL by URL, used in the same way.

SQLite runs in WAL mode and flushes every commit to disk. A transaction that writes takes the one
write lock at its beginning, so that it never has to give up half-way because another one wrote
since it read; on PostgreSQL rows are locked where that matters (`locked_scan`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
    TimeoutError,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from fewslice.errors import InputError, WriteError

DATABASE_FILE = "project.db"
POSTGRESQL = "postgresql+psycopg"

_WAIT_FOR_LOCK = 30  # seconds
_MORE_CONNECTIONS = 40  # than those that stay open: a server answers as many requests at once
_WRITES = "fewslice_writes"


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Project:
    """An annotation project: the value that every function of this package takes first.

    directory: holds the voxels, and the database unless that is PostgreSQL. engine: of the
    database. now: the clock.
    """

    directory: Path
    engine: Engine = field(repr=False)
    now: Callable[[], datetime] = field(default=utc_now, repr=False)


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone. SQLite knows none, so times lie in UTC there."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Return the time with its zone."""
        if value is None:
            return None
        time: datetime = value
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def connect(directory: Path, url: str | None = None) -> Engine:
    """Return an engine for the database of a project. Nothing is opened yet.

    url: `postgresql+psycopg://...`; None for SQLite in the folder. Raises InputError for others.
    """
    if url is None:
        return _sqlite(directory / DATABASE_FILE)
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername=POSTGRESQL)
        if parsed.drivername != POSTGRESQL:
            raise InputError(
                f"The database is of kind '{parsed.drivername}'; expected {POSTGRESQL}://..., or "
                "no URL for SQLite in the project's folder."
            )
        return create_engine(parsed, pool_pre_ping=True, max_overflow=_MORE_CONNECTIONS)
    except (ArgumentError, NoSuchModuleError) as error:
        raise InputError(
            f"The URL of the database cannot be understood; expected "
            f"{POSTGRESQL}://user:password@host:5432/name."
        ) from error


def is_sqlite(engine: Engine | Connection) -> bool:
    """Whether the database is SQLite."""
    return engine.dialect.name == "sqlite"


@contextmanager
def reading(project: Project) -> Iterator[Session]:
    """Open a transaction that only reads; it sees one state of the database."""
    engine = project.engine
    if not is_sqlite(engine):
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with failures_named(), Session(engine) as session:
        yield session


@contextmanager
def writing(project: Project) -> Iterator[Session]:
    """Open a transaction that writes; at its end everything is on disk, or nothing is changed.

    Raises WriteError if the database cannot be written, such as on a full disk.
    """
    engine = project.engine.execution_options(**{_WRITES: True})
    with failures_named(), Session(engine) as session, session.begin():
        yield session


@contextmanager
def failures_named() -> Iterator[None]:
    """Turn failures of the database, and what it cannot keep, into one sentence."""
    try:
        yield
    except (DataError, OverflowError, UnicodeEncodeError) as error:
        raise InputError(
            "Something given cannot be kept in the database: a number that is too large, or a text "
            "with characters that are none; correct it."
        ) from error
    except (IntegrityError, ProgrammingError):
        raise  # mistakes of ours
    except (DBAPIError, TimeoutError) as error:
        cause = str(getattr(error, "orig", "") or "it is busy").strip().splitlines()[0]
        raise WriteError(
            f"The project's database cannot be used ({cause}); what was saved before is "
            "untouched: free space, or see that the database runs, and try again."
        ) from error


def _sqlite(path: Path) -> Engine:
    waiting = {"timeout": _WAIT_FOR_LOCK}
    engine = create_engine(
        f"sqlite:///{path}", connect_args=waiting, max_overflow=_MORE_CONNECTIONS
    )

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: object) -> None:
        connection.isolation_level = (
            None  # transactions begin as said below, not as the driver does
        )
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
