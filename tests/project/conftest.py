"""Every test of the store runs against SQLite, and as a slow one against a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import argon2
import pytest

from tests.support.postgres import PostgresServer
from tests.support.projects import SmallProject, small_project


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def new_url(request: pytest.FixtureRequest) -> Callable[[], str | None]:
    """Gives the URL of an empty database: None for SQLite."""
    if request.param == "sqlite":
        return lambda: None
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords as cheaply as argon2 can: to be slow is its purpose, but not that of tests."""
    quick = partial(argon2.PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(argon2, "PasswordHasher", quick)


@pytest.fixture
def small(tmp_path: Path, new_url: Callable[[], str | None]) -> Iterator[SmallProject]:
    made = small_project(tmp_path, new_url())
    yield made
    made.project.engine.dispose()
