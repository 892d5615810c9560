"""`fewslice project`: what people type, and what they are told."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from fewslice.cli import project as project_commands
from fewslice.cli.main import run
from fewslice.cli.project import parse_structures
from fewslice.io import read_image, read_labels, write_image
from fewslice.project.answers import save_answer
from fewslice.project.login import check_password
from fewslice.project.opening import open_project
from fewslice.project.people import find_person
from fewslice.project.scans import get_scan
from fewslice.project.structures import Structure
from fewslice.volumes import Geometry, Image
from tests.support.command_line import DRAWN, SHAPE, refused, save, truth
from tests.support.projects import scan_file


def project(*arguments: object) -> None:
    assert run(["project", *map(str, arguments)]) == 0


@pytest.fixture
def made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A project with one scan."""
    project("create", tmp_path / "p", "--name", "Balls", "--structure", "ball")
    project("add", tmp_path / "p", scan_file(tmp_path / "scan.nii.gz"))
    capsys.readouterr()
    return tmp_path / "p"


def sparse(folder: Path) -> Path:
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, :, DRAWN] = truth()[:, :, DRAWN]
    return save(folder / "sparse.nii.gz", labels)


def test_from_nothing_to_an_export(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project("import", made, "scan", sparse(tmp_path))
    project("export", made, "-o", tmp_path / "out")
    assert capsys.readouterr().out.splitlines() == [
        "Imported 3 slices of 'scan'",
        f"Wrote 1 scan to {tmp_path / 'out'}",
        "Label 2 means not looked at",
    ]
    expected = np.full(SHAPE, 2, np.uint8)
    expected[:, :, DRAWN] = truth()[:, :, DRAWN]
    written = read_labels(tmp_path / "out" / "labelsTr" / "scan.nii.gz")
    np.testing.assert_array_equal(written.array, expected)


def test_a_scan_that_is_missing_is_named_and_the_others_are_exported(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project("add", made, scan_file(tmp_path / "other.nii.gz"))
    for scan in ("scan", "other"):
        project("import", made, scan, sparse(tmp_path))
    (tmp_path / "scan.nii.gz").unlink()
    capsys.readouterr()
    assert run(["project", "export", str(made), "-o", str(tmp_path / "out")]) == 1
    shown = capsys.readouterr()
    assert f"Wrote 1 scan to {tmp_path / 'out'}" in shown.out
    assert "The scan 'scan' is left out: " in shown.err
    assert (tmp_path / "out" / "labelsTr" / "other.nii.gz").is_file()


def test_what_holds_already_is_told(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project("import", made, "scan", sparse(tmp_path))
    capsys.readouterr()
    project("import", made, "scan", sparse(tmp_path))
    assert capsys.readouterr().out.splitlines() == [
        "Imported 0 slices of 'scan'",
        "3 slices held just that already",
    ]


def test_what_is_in_a_project(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project("list", made)
    assert capsys.readouterr().out.splitlines() == [
        "Balls: 1 scan",
        "  1: scan, 20 x 18 x 12 voxels, new",
        "Structures: 1 ball",
        "People: local (admin)",
    ]
    project("list", made, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["name"] == "Balls"
    assert told["scans"][0]["shape"] == list(SHAPE)
    assert told["structures"] == [
        {"value": 1, "name": "ball", "colour": "#f8007a", "locked": False}
    ]


def test_structures_are_added(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project("structure", made, "cube", "7=rod")
    assert capsys.readouterr().out == "Added 2 cube\nAdded 7 rod\n"
    assert "has no name" in refused(["project", "structure", str(made), " "], capsys)


def test_labels_are_numbered_where_they_are_not_given() -> None:
    assert parse_structures(("a", "2=b", "c"), [1]) == [
        Structure(3, "a"),
        Structure(2, "b"),
        Structure(4, "c"),
    ]


def test_several_scans_channels_and_copies(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [scan_file(tmp_path / f"mr_{n:04d}.nii.gz") for n in range(2)]
    first, second = files
    project("add", made, "--copy", "--independent", first, "--channel", second)
    project("add", made, "--name", "finer", "--alone", "--spacing", "0.5,0.5,2", first)
    project("list", made, "--json")
    told = json.loads(capsys.readouterr().out.split("\n", 2)[2])["scans"]
    assert [(each["name"], each["channels"], each["independent"]) for each in told] == [
        ("scan", 1, False),
        ("mr", 2, True),
        ("finer", 1, False),
    ]
    assert told[1]["paths"][0].startswith(str(made))
    assert told[2]["spacing"] == [0.5, 0.5, 2.0]
    given = ["project", "add", str(made), str(first), str(tmp_path / "scan.nii.gz")]
    several = "names one scan, but several were given"
    assert f"--name {several}" in refused([*given, "--name", "x"], capsys)
    assert "--channel is of one scan" in refused([*given, "--channel", str(second)], capsys)


def test_channels_in_files_of_nnunets_names_are_one_scan(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for case in ("a", "b"):
        for number in range(2):
            scan_file(tmp_path / f"{case}_{number:04d}.nii.gz")
    finer = np.zeros((30, 18, 12), np.int16)
    save(tmp_path / "c_0000.nii.gz", np.zeros(SHAPE, np.int16))
    save(tmp_path / "c_0001.nii.gz", finer)  # on another grid
    here = read_image(save(tmp_path / "d_0000.nii.gz", np.zeros(SHAPE, np.int16)))
    affine = here.geometry.affine.copy()
    affine[0, 3] += 900
    write_image(tmp_path / "d_0001.nii.gz", Image(here.array, Geometry(SHAPE, affine)))
    project("add", made, *sorted(tmp_path.glob("[abcd]_*.nii.gz"), reverse=True))
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "Added 2: d_0001, 20 x 18 x 12 voxels",
        "Added 3: d, 20 x 18 x 12 voxels",
        "Added 4: c, 20 x 18 x 12 voxels, 2 channels",
        "Added 5: b, 20 x 18 x 12 voxels, 2 channels",
        "Added 6: a, 20 x 18 x 12 voxels, 2 channels",
    ]
    assert shown.err.count("is taken as a channel") == 3
    assert "brought from another grid (c_0001.nii.gz); --alone" in shown.err
    assert "but they hardly show the same place" in shown.err
    assert [path.name for path in get_scan(open_project(made), 6).paths] == [
        "a_0000.nii.gz",
        "a_0001.nii.gz",
    ]


def test_a_scan_that_lies_elsewhere(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = (tmp_path / "scan.nii.gz").rename(tmp_path / "there.nii.gz")
    project("move", made, "scan", there)
    assert capsys.readouterr().out == f"'scan' is read from {there}\n"


def test_backup_and_restore(tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project("backup", made, "-o", tmp_path / "all.tar.zst")
    shown = capsys.readouterr()
    assert shown.out == f"Wrote {tmp_path / 'all.tar.zst'}\n"
    assert "1 file of scans lie outside of the project" in shown.err
    project("restore", tmp_path / "all.tar.zst", tmp_path / "again")
    project("list", tmp_path / "again")
    assert "Balls: 1 scan" in capsys.readouterr().out


def test_people_who_can_log_in(
    made: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWSLICE_PASSWORD", "correct horse")
    project("person", "add", made, "ann", "--role", "admin")
    project("person", "add", made, "bob")
    project("person", "change", made, "bob", "--role", "reviewer", "--close")
    assert capsys.readouterr().out.splitlines() == [
        "Added ann (admin)",
        "Added bob (annotator)",
        "bob (reviewer), closed",
    ]
    opened = open_project(made)
    assert check_password(opened, "ann", "correct horse").name == "ann"
    bob = find_person(opened, "bob")
    assert bob is not None
    assert not bob.active
    opened.engine.dispose()
    sentence = refused(["project", "import", str(made), "scan", "x", "--by", "eve"], capsys)
    assert "There is no person 'eve' in the project" in sentence


def test_what_is_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not a project" in refused(["project", "list", str(tmp_path)], capsys)


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_commands, "_EXTRA", ("sqlalchemy", "fewslice_nowhere"))
    sentence = refused(["project", "list", str(tmp_path)], capsys)
    assert "projects need fewslice_nowhere, which is not installed" in sentence
    assert 'python -m pip install "fewslice[server]"' in sentence


def test_replaced_answers_are_removed(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = datetime.now(UTC) - timedelta(days=2)
    opened = replace(open_project(made), now=lambda: before)
    for labels in (np.zeros(SHAPE, np.uint8), truth()):
        save_answer(opened, 1, labels=labels, engine="a", revision=None)
    opened.engine.dispose()
    for path in (made / "voxels").glob("*/*"):
        os.utime(path, (1, 1))
    project("tidy", made)
    assert capsys.readouterr().out == "Removed 1 answer and 1 file (0.0 MB)\n"
