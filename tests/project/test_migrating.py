"""The tables that migrations make are those that the code uses, on either database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from fewslice.errors import InputError
from fewslice.project.database import Project, connect, writing
from fewslice.project.migrating import migrate, schema_version
from fewslice.project.opening import open_project
from fewslice.project.tables import Base
from tests.support.projects import SmallProject


def test_migrations_make_the_tables_that_are_used(small: SmallProject) -> None:
    with small.project.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_several_processes_that_open_at_once_migrate_once(small: SmallProject) -> None:
    with writing(small.project) as session:
        connection = session.connection()
        Base.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    small.project.engine.dispose()
    projects = [
        Project(small.project.directory, connect(small.project.directory, small.url))
        for _ in range(4)
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, projects))
    with projects[0].engine.connect() as connection:
        assert schema_version(connection) == "0002"
    for project in projects:
        project.engine.dispose()


def test_what_a_newer_version_wrote_is_left_alone(small: SmallProject) -> None:
    with writing(small.project) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match="written by a newer version of fewslice; update"):
        open_project(small.project.directory, small.url)
