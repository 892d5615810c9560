"""A project in one file, and made into a project again, also on another database."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from zstandard import ZstdCompressor

from fewslice.errors import InputError, ReadError, WriteError
from fewslice.project.adding import add_scan
from fewslice.project.answers import latest_answer, save_answer
from fewslice.project.backup import backup, restore
from fewslice.project.drawings import drawing
from fewslice.project.leases import take
from fewslice.project.opening import create_project
from fewslice.project.people import add_person, list_people
from fewslice.project.revisions import history
from fewslice.project.saving import save_revision
from fewslice.project.scans import get_scan, read_scan
from fewslice.project.tokens import give_token, person_of_token
from fewslice.project.undo import undo
from fewslice.project.voxels import voxel_path
from tests.support.command_line import truth
from tests.support.postgres import PostgresServer
from tests.support.projects import SmallProject, draw, slice_of


def fill(small: SmallProject) -> None:
    draw(small, 4, 6)
    undo(small.project, small.scan, small.ann)
    save_answer(
        small.project,
        small.scan,
        labels=truth(),
        engine="auto",
        revision=2,
        uncertainty=truth(),
        confidence=[1, 2],
    )


def test_everything_comes_back(small: SmallProject, tmp_path: Path) -> None:
    fill(small)
    copied = add_scan(small.project, tmp_path / "scan.nii.gz", by=small.ann, name="in", copy=True)
    (small.project.directory / "models").mkdir()
    (small.project.directory / "models" / "0001.txt").write_text("weights")
    done = backup(small.project, tmp_path / "all.tar.zst")
    assert done.outside == (tmp_path / "scan.nii.gz",)
    again = restore(tmp_path / "all.tar.zst", tmp_path / "again")
    assert history(again, small.scan) == history(small.project, small.scan)
    assert list_people(again) == list_people(small.project)
    np.testing.assert_array_equal(
        drawing(again, small.scan).drawing.labels(),
        drawing(small.project, small.scan).drawing.labels(),
    )
    answer = latest_answer(again, small.scan)
    assert answer is not None
    np.testing.assert_array_equal(answer.labels, truth())
    assert (again.directory / "models" / "0001.txt").read_text() == "weights"
    inside = get_scan(again, copied.id).paths[0]
    assert inside.is_relative_to(again.directory)
    assert read_scan(again, copied.id).array.shape == truth().shape
    taken = undo(again, small.scan, small.ann)  # the log of undo goes on
    assert taken is not None
    assert taken.target == 1
    again.engine.dispose()


def test_it_moves_between_databases_and_goes_on_counting(
    small: SmallProject, tmp_path: Path, postgres: PostgresServer
) -> None:
    fill(small)
    backup(small.project, tmp_path / "all.tar.zst")
    url = postgres.new_database() if small.url is None else None
    again = restore(tmp_path / "all.tar.zst", tmp_path / "again", url)
    assert again.engine.dialect.name != small.project.engine.dialect.name
    assert history(again, small.scan) == history(small.project, small.scan)
    saved = save_revision(again, small.scan, small.bob, action="absent", axis=2, index=0)
    assert saved.revision.id == 4
    assert add_person(again, "new", None).id == 3
    again.engine.dispose()


def test_who_is_logged_in_or_has_a_scan_open_is_left_out(
    small: SmallProject, tmp_path: Path
) -> None:
    token = give_token(small.project, small.ann)
    take(small.project, small.scan, small.ann)
    backup(small.project, tmp_path / "all.tar.zst")
    again = restore(tmp_path / "all.tar.zst", tmp_path / "again")
    assert person_of_token(again, token) is None
    assert get_scan(again, small.scan).lease is None
    again.engine.dispose()


@pytest.mark.slow
def test_people_may_go_on_working(small: SmallProject, tmp_path: Path) -> None:
    stop = threading.Event()
    saved: list[int] = []

    def work() -> None:
        while not stop.is_set():
            number = len(saved)
            labels = slice_of(number % 12, number % 20, number % 18)
            revision = save_revision(
                small.project,
                small.scan,
                small.ann,
                action="draw",
                axis=2,
                index=number % 12,
                labels=labels,
            )
            saved.append(revision.revision.id)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(3):
            known = len(saved)
            backup(small.project, tmp_path / f"{number}.tar.zst")
            again = restore(tmp_path / f"{number}.tar.zst", tmp_path / str(number))
            kept = [each.id for each in history(again, small.scan)]
            assert len(kept) >= known
            assert kept == saved[: len(kept)] or kept[:-1] == saved[: len(kept) - 1]
            drawing(again, small.scan)  # every slice can be read
            again.engine.dispose()
    finally:
        stop.set()
        worker.join()


def test_a_project_with_lost_voxels_is_not_backed_up_as_if_whole(
    small: SmallProject, tmp_path: Path
) -> None:
    fill(small)
    content = history(small.project, small.scan)[0].content
    assert content is not None
    voxel_path(small.project.directory, content.hash).write_bytes(b"")
    with pytest.raises(ReadError, match="are missing or damaged"):
        backup(small.project, tmp_path / "all.tar.zst")
    assert not (tmp_path / "all.tar.zst").exists()


def test_a_damaged_backup_makes_no_project(
    small: SmallProject, tmp_path: Path, new_url: Callable[[], str | None]
) -> None:
    fill(small)
    backup(small.project, tmp_path / "all.tar.zst")
    whole = (tmp_path / "all.tar.zst").read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-40], b"", b"something else"):
        (tmp_path / "cut.tar.zst").write_bytes(content)
        with pytest.raises(ReadError, match="is no backup of a project, or is damaged"):
            restore(tmp_path / "cut.tar.zst", tmp_path / "again")
    with pytest.raises(ReadError, match="does not exist"):
        restore(tmp_path / "none.tar.zst", tmp_path / "again")
    assert not (tmp_path / "again").exists()
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".fewslice")]


@pytest.mark.parametrize("old", [False, True], ids=["filtered", "before 3.11.4"])
@pytest.mark.filterwarnings("ignore:Python 3.14 will:DeprecationWarning")
@pytest.mark.parametrize("name", ["../stray", "/stray", "link"])
def test_nothing_lands_outside_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, old: bool
) -> None:
    if old:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    elif not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python filters no archives")
    member = tarfile.TarInfo(name)
    if name == "link":
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    packed = io.BytesIO()
    with (
        ZstdCompressor().stream_writer(packed, closefd=False) as file,
        tarfile.open(fileobj=file, mode="w|") as archive,
    ):
        archive.addfile(member, io.BytesIO())
    (tmp_path / "made-up.backup").write_bytes(packed.getvalue())
    with pytest.raises(ReadError, match="is no backup of a project, or is damaged"):
        restore(tmp_path / "made-up.backup", tmp_path / "back")
    assert not (tmp_path / "stray").exists()
    assert not (tmp_path / "back").exists()


def test_a_disk_that_gets_full_leaves_no_half_project(
    small: SmallProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    backup(small.project, tmp_path / "all.tar.zst")
    for extracts in ("extractall", "extract"):
        monkeypatch.setattr(tarfile.TarFile, extracts, fail)
    with pytest.raises(WriteError, match="No space left on device"):
        restore(tmp_path / "all.tar.zst", tmp_path / "again")
    monkeypatch.setattr(tarfile.TarFile, "add", fail)
    with pytest.raises(WriteError, match="whatever was there before is untouched"):
        backup(small.project, tmp_path / "all.tar.zst")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "all.tar.zst",
        "project",
        "scan.nii.gz",
    ]
    monkeypatch.undo()
    restore(tmp_path / "all.tar.zst", tmp_path / "again").engine.dispose()


def test_what_is_there_is_not_written_over(
    small: SmallProject, tmp_path: Path, postgres: PostgresServer
) -> None:
    backup(small.project, tmp_path / "all.tar.zst")
    with pytest.raises(InputError, match="is there already and not empty"):
        restore(tmp_path / "all.tar.zst", small.project.directory)
    url = postgres.new_database()
    create_project(tmp_path / "other", name="other", url=url).engine.dispose()
    with pytest.raises(InputError, match="The database holds a project already"):
        restore(tmp_path / "all.tar.zst", tmp_path / "again", url)
    with pytest.raises(InputError, match=r"does not end with \.tar\.zst"):
        backup(small.project, tmp_path / "all.zip")
    with pytest.raises(InputError, match="lies inside of the project"):
        backup(small.project, small.project.directory / "all.tar.zst")
