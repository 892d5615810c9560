"""A PostgreSQL server of one's own, in a folder that goes when the tests end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest

REQUIRED = "FEWSLICE_REQUIRE_POSTGRESQL"
"""Where this is set, as in CI, a missing PostgreSQL fails tests instead of skipping them."""

_ACCOUNT = "postgres"  # Debian's; PostgreSQL refuses to run as root
_NUMBERS = count()


@dataclass(frozen=True)
class PostgresServer:
    """A server that listens on a socket in a folder."""

    folder: Path

    def new_database(self) -> str:
        """Return the URL of an empty database."""
        name = f"test{next(_NUMBERS)}"
        address = f"host={self.folder} user={_ACCOUNT} dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            # A schema stands for a database; to copy the template takes longer than a test.
            connection.execute(f"CREATE SCHEMA {name}".encode())
        options = f"host={self.folder}&options=-csearch_path%3D{name}"
        return f"postgresql+psycopg://{_ACCOUNT}@/postgres?{options}"


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start a server and stop it at the end; skip the test where PostgreSQL is not installed."""
    programs = _programs()
    if programs is None:
        if os.environ.get(REQUIRED):
            pytest.fail("PostgreSQL is required here but not installed; run make postgresql.")
        pytest.skip("PostgreSQL is not installed; make postgresql installs it.")
    folder = Path(tempfile.mkdtemp(prefix="fewslice-pg-"))  # short: a socket's path is limited
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _ACCOUNT, _ACCOUNT)
        data = folder / "data"
        _run(programs / "initdb", "-D", data, "-U", _ACCOUNT, "-A", "trust", "-E", "UTF8", "-N")
        options = f"-c listen_addresses= -k {folder} -c fsync=off -c max_connections=60"
        control = (programs / "pg_ctl", "-D", data, "-w", "-t", "300")
        _run(*control, "-l", folder / "log", "-o", options, "start")
        try:
            yield PostgresServer(folder)
        finally:
            _run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """Return the folder of the server's programs, the newest version's."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


def _run(*command: str | Path) -> None:
    account = ["runuser", "-u", _ACCOUNT, "--"] if os.geteuid() == 0 else []
    subprocess.run(
        [*account, *map(str, command)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
