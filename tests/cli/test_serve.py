"""`fewslice serve`: what it refuses, and what it makes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fewslice.cli import serve as module
from fewslice.cli.main import run
from fewslice.integrations.nninteractive.keys import Keys
from fewslice.project.database import Project
from fewslice.project.opening import create_project, open_project
from fewslice.project.people import add_person
from fewslice.project.scans import list_scans
from fewslice.project.structures import list_structures
from fewslice.server import run as running
from fewslice.server.settings import Settings
from tests.support.command_line import refused


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Do not serve for ever: return how it would have been done."""
    found: list[Settings] = []

    def stand_in(
        _: Project,
        settings: Settings,
        __: socket.socket,
        ___: object,
        *,
        ready: Callable[[], None],
    ) -> None:
        found.append(settings)
        ready()

    monkeypatch.setattr(running, "serve", stand_in)
    return found


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create_project(tmp_path / "project", name="Hearts").engine.dispose()
    return tmp_path / "project"


def test_the_address_is_said(
    directory: Path, served: list[Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", str(directory), "--port", "0", "--name", "scans.example.org"]) == 0
    assert capsys.readouterr().out.startswith("Open http://127.0.0.1:")
    assert served == [Settings(names=("scans.example.org",), tools="/monailabel")]


def test_the_example_is_made_once(tmp_path: Path, served: list[Settings]) -> None:
    directory = tmp_path / "example"
    for _ in range(2):
        assert run(["serve", str(directory), "--port", "0", "--example"]) == 0
    assert len(served) == 2
    project = open_project(directory)
    (scan,) = list_scans(project)
    assert scan.shape == (54, 84, 70)
    assert scan.paths[0].is_relative_to(directory)
    assert len(list_structures(project)) == 4


def test_what_cannot_be_served_is_refused(
    tmp_path: Path,
    directory: Path,
    served: list[Settings],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "is not a project" in refused(["serve", str(tmp_path / "no")], capsys)
    everywhere = ["serve", str(directory), "--host", "192.0.2.1"]
    assert "has no accounts; add one first" in refused(everywhere, capsys)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        found = refused(["serve", str(directory), "--port", port], capsys)
        assert f"cannot listen at 127.0.0.1, port {port}" in found
    with running.only_server(directory):
        assert "is served already" in refused(["serve", str(directory), "--port", "0"], capsys)
    assert served == []


def test_a_missing_library_is_named(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "fastapi" else name)
    found = refused(["serve", str(directory)], capsys)
    assert found == (
        "fewslice: The server needs libraries that are not installed (fastapi); install them "
        'with: python -m pip install "fewslice[server]".\n'
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, Keys, Path | None]]:
    """Do not serve nnInteractive's clients for ever: return how it would have been done."""
    found: list[tuple[str, int, Keys, Path | None]] = []
    places: list[tuple[str, int]] = []

    @contextmanager
    def bound(host: str, port: int) -> Iterator[socket.socket]:
        places.append((host, port))
        with socket.create_server(("127.0.0.1", 0)) as listening:
            yield listening

    def stand_in(
        _: socket.socket, *, keys: Keys, folder: Path | None, ready: Callable[[], None]
    ) -> None:
        found.append((*places[-1], keys, folder))
        ready()

    monkeypatch.delenv("FEWSLICE_KEY", raising=False)
    monkeypatch.setattr(running, "bound", bound)
    monkeypatch.setattr("fewslice.integrations.nninteractive.app.serve", stand_in)
    return found


def test_clients_of_nninteractive_need_no_project(
    asked: list[tuple[str, int, Keys, Path | None]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["serve", "--nninteractive", "--sessions", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("nnInteractive's clients connect to")
    assert (
        run(["serve", "--nninteractive", "--host", "192.0.2.1", "--key", "k", "--port", "9"]) == 0
    )
    capsys.readouterr()
    assert asked == [
        ("127.0.0.1", 1527, Keys(), tmp_path),
        ("192.0.2.1", 9, Keys("k"), None),
    ]
    assert "set a key" in refused(["serve", "--nninteractive", "--host", "192.0.2.1"], capsys)
    assert "There is no DIRECTORY" in refused(["serve"], capsys)


def test_people_of_a_project_are_clients_of_nninteractive(
    asked: list[tuple[str, int, Keys, Path | None]],
    directory: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["serve", str(directory), "--nninteractive"]
    assert "leave the key out" in refused([*given, "--key", "k"], capsys)
    everywhere = [*given, "--host", "192.0.2.1"]
    assert "has no accounts; add one first" in refused(everywhere, capsys)
    project = open_project(directory)
    ann = add_person(project, "ann", "correct horse", "admin")
    assert run(["project", "person", "key", str(directory), "ann", "--days", "2"]) == 0
    key = capsys.readouterr().out.strip()
    assert run(everywhere) == 0
    ((host, port, keys, folder),) = asked
    assert (host, port, folder) == ("192.0.2.1", 1527, directory / "nninteractive")
    assert keys.owner(key) == f"person {ann.id}"
    project.engine.dispose()


def test_a_proxy_needs_a_server(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--dicomweb" in refused(["serve", str(directory), "--proxy"], capsys)
