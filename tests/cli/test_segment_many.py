"""`fewslice segment-many`, as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fewslice.cli.main import COMMANDS, run
from fewslice.cli.segment_many import segment_many_command
from tests.support.scan_pools import write_drawn, write_scan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate("ab"):
        write_scan(tmp_path / "scans", name, number)
        write_drawn(tmp_path / "labels", name, 2, 4)
    return tmp_path


def call(folder: Path, *arguments: object) -> Result:
    fixed = [folder / "scans", "--labels", folder / "labels", "-o", folder / "out"]
    fast = ["--engine", "interpolation", "--workers", 1]
    return CliRunner().invoke(
        segment_many_command,
        [str(each) for each in (*fixed, *fast, *arguments)],
        standalone_mode=False,
    )


def test_a_sentence_says_what_was_done(folder: Path) -> None:
    result = call(folder)
    assert result.return_value is None
    assert result.stdout == f"Segmented 2 scans in {folder / 'out'}\n"
    assert result.stderr == ""
    assert call(folder).stdout.startswith("Segmented 2 scans (2 of them in an earlier run) in ")


def test_failures_are_named_at_the_end_and_in_the_exit_code(folder: Path) -> None:
    (folder / "scans" / "a_0000.nii.gz").write_bytes(b"nothing")
    write_drawn(folder / "labels", "c", 2)
    result = call(folder, "--quiet")
    assert result.return_value == 1
    assert result.stdout == ""
    stray, failure = result.stderr.splitlines()
    assert stray == "The labels of c belong to no scan."
    assert failure.startswith("a was left out: ")


def test_json(folder: Path) -> None:
    printed = json.loads(call(folder, "--json").stdout)
    assert [each["case"] for each in printed["finished"]] == ["a", "b"]
    assert (printed["earlier"], printed["failed"], printed["log"]) == (0, {}, None)


def test_it_is_a_subcommand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "segment-many" in COMMANDS
    assert run(["segment-many", str(folder / "scans"), "-o", str(folder / "out")]) == 2
    assert "There is nothing to go by" in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_a_scheduler_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["segment-many", folder / "scans", "--labels", folder / "labels", "-o", folder / "out"]
    assert run([str(each) for each in (*given, "--scheduler", "nowhere")]) == 2
    assert "'nowhere' is not the address of a scheduler" in capsys.readouterr().err
