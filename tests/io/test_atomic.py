"""Folders that appear as a whole or not at all. Single files are tested with their writers."""

from __future__ import annotations

from pathlib import Path

import pytest

from fewslice.errors import WriteError
from fewslice.io.atomic import atomic_folder, require_free_folder


def write_one(folder: Path) -> None:
    with atomic_folder(folder) as temporary:
        (temporary / "one").write_text("1")
        assert not folder.exists() or not any(folder.iterdir())


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_appears_when_it_is_whole(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "new"
    if there:
        folder.mkdir()  # an empty folder will do
    write_one(folder)
    assert [file.read_text() for file in folder.iterdir()] == ["1"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail(error: Exception) -> None:
        with atomic_folder(tmp_path / "new") as temporary:
            (temporary / "one").write_text("1")
            raise error

    with pytest.raises(KeyError):
        fail(KeyError())
    with pytest.raises(WriteError, match="nothing is left of it"):
        fail(OSError(28, "No space left on device"))
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_replaced(tmp_path: Path) -> None:
    file, full = tmp_path / "file", tmp_path / "full"
    file.write_text("mine")
    full.mkdir()
    (full / "mine").write_text("mine")
    for there in (file, full):
        with pytest.raises(WriteError, match="there already"):
            write_one(there)
        with pytest.raises(WriteError, match="there already"):
            require_free_folder(there)
    assert (file.read_text(), (full / "mine").read_text()) == ("mine", "mine")


def test_the_folder_around_must_exist(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="does not exist; create"):
        require_free_folder(tmp_path / "no" / "new")
    require_free_folder(tmp_path / "new")
