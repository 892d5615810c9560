"""Making and opening projects, and whose database is whose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fewslice.errors import InputError, ReadError, WriteError
from fewslice.project.opening import create_project, open_project
from fewslice.project.settings import get_setting, project_name, set_setting
from fewslice.project.structures import Structure, list_structures
from tests.support.postgres import PostgresServer
from tests.support.projects import STRUCTURES, SmallProject


def test_a_project_is_found_again_as_it_was_made(small: SmallProject) -> None:
    again = open_project(small.project.directory, small.url)
    assert project_name(again) == "Balls"
    assert list_structures(again) == list(STRUCTURES)
    again.engine.dispose()


def test_settings_are_kept(small: SmallProject) -> None:
    assert get_setting(small.project, "window") is None
    set_setting(small.project, "window", {"low": -5, "high": 10.5})
    set_setting(small.project, "window", {"low": -6, "high": None})
    assert get_setting(small.project, "window") == {"low": -6, "high": None}


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty; choose another folder"):
        create_project(tmp_path, name="x")
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


def test_a_project_is_not_made_twice(small: SmallProject) -> None:
    with pytest.raises(InputError, match="is a project already"):
        create_project(small.project.directory, name="x", url=small.url)


def test_a_database_holds_one_project(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.new_database()
    create_project(tmp_path / "one", name="one", url=url).engine.dispose()
    with pytest.raises(InputError, match="The database holds a project already"):
        create_project(tmp_path / "two", name="two", url=url)


def test_another_projects_database_is_noticed(tmp_path: Path, postgres: PostgresServer) -> None:
    urls = [postgres.new_database() for _ in range(2)]
    for name, url in zip(("one", "two"), urls, strict=True):
        create_project(tmp_path / name, name=name, url=url).engine.dispose()
    with pytest.raises(InputError, match="does not belong to the project"):
        open_project(tmp_path / "one", urls[1])
    with pytest.raises(InputError, match="keeps its database in PostgreSQL; give its URL"):
        open_project(tmp_path / "one")


def test_what_is_no_project_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="is not a project; make one with: fewslice project create"):
        open_project(tmp_path)
    (tmp_path / "project.json").write_text("{")
    with pytest.raises(ReadError, match=r"project\.json cannot be read or is damaged"):
        open_project(tmp_path)
    (tmp_path / "project.json").write_text(json.dumps({"key": "x", "database": "sqlite"}))
    with pytest.raises(ReadError, match=r"project\.db is missing"):
        open_project(tmp_path)
    with pytest.raises(InputError, match="keeps its database in its folder; leave out the URL"):
        open_project(tmp_path, "postgresql+psycopg://host/name")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://host/name", "is of kind 'mysql'"),
        ("host/name", "cannot be understood; expected postgresql"),
    ],
)
def test_other_databases_are_refused(tmp_path: Path, url: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        create_project(tmp_path / "new", name="x", url=url)


def test_a_database_that_does_not_answer_is_said_in_a_sentence(tmp_path: Path) -> None:
    nowhere = f"postgresql+psycopg://somebody@/name?host={tmp_path}"
    with pytest.raises(WriteError, match="database cannot be used"):
        create_project(tmp_path / "new", name="x", url=nowhere)


def test_what_cannot_be_a_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empty name"):
        create_project(tmp_path / "new", name=" ")
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="cannot be made"):
        create_project(tmp_path / "file" / "new", name="x")
    with pytest.raises(InputError, match="label 255 cannot be used"):
        create_project(tmp_path / "third", name="x", structures=[Structure(255, "x")])
