"""The command itself: what it loads, what it prints, and what becomes of every error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from fewslice import __version__
from fewslice.cli import main as command_line
from fewslice.cli.main import COMMANDS, main, run
from fewslice.errors import InputError
from fewslice.example import labels_path, scan_path
from fewslice.io import read_labels, write_labels

LEARNING = ("torch", "monai", "pydantic", "safetensors", "tensorboard")
HEAVY = (
    *("numpy", "scipy", "nibabel", "SimpleITK", "matplotlib", "sklearn", "pandas", "pydicom"),
    *LEARNING,
)


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(
        command_line.LazyGroup, "get_command", lambda *_: click.Command("info", callback=fail)
    )


def loaded(arguments: list[str], names: tuple[str, ...]) -> str:
    """Return which modules are loaded after a command, as text of a list."""
    code = (
        "import sys; from fewslice.cli.main import run; assert run(sys.argv[1:]) == 0; "
        f"print([name for name in {names!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded(arguments, HEAVY) == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["segment", "--help"], ["train", "--help"], ["info", str(scan_path())]]
)
def test_what_does_not_learn_loads_no_library_of_learning(arguments: list[str]) -> None:
    assert loaded(arguments, LEARNING) == "[]"


@pytest.mark.slow
def test_segmenting_loads_no_compiler_and_nothing_for_plots(tmp_path: Path) -> None:
    """torch's compiler and scipy.signal took two seconds, and nothing in an answer needs them."""
    labels = read_labels(labels_path())
    sparse = np.zeros_like(labels.array)
    sparse[10:30:6] = labels.array[10:30:6]
    write_labels(tmp_path / "sparse.nii.gz", labels.with_array(sparse))
    given = ["segment", str(scan_path()), "--quiet", "--labels", str(tmp_path / "sparse.nii.gz")]
    unneeded = ("torch._dynamo", "sympy", "scipy.signal", "matplotlib", "distributed")
    command = [*given, "-o", str(tmp_path / "out.nii.gz")]
    assert loaded(command, ("torch", *unneeded)) == "['torch']"


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import sys, fewslice; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_module_can_be_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fewslice", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"fewslice, version {__version__}\n"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n  {name} " in shown
    assert run([]) == 0
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"Usage: fewslice {name} ")
    assert shown.err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["--nonsense"], "No such option"),
        (["info"], "Missing argument 'SCAN'"),
        (["segment", "scan.nii"], "Missing option '-o' / '--output'"),
        (
            ["info", "a", "b"],
            "argument (b); a label map goes after --labels, see fewslice info",
        ),
        (["models", "a", "b"], "extra argument (b); see fewslice models --help."),
    ],
)
def test_wrong_usage_is_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("fewslice: ")
    assert "--help" in shown.err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("This\n is wrong."), 2, "fewslice: This is wrong.\n"),
        (MemoryError(), 2, "fewslice: There is not enough memory"),
        (KeyboardInterrupt(), 130, "fewslice: Interrupted"),
    ],
)
def test_errors_become_a_sentence_and_a_code(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing(monkeypatch, error)
    assert run(["info"]) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_bugs_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        run(["info"])


def test_main_leaves_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fewslice", "nonsense"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2


@pytest.mark.parametrize(("set_before", "holds"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_that_wait_sleep_unless_a_person_says_otherwise(
    set_before: str | None, holds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_line, "run", lambda _: 0)
    monkeypatch.setenv("OMP_WAIT_POLICY", set_before or "")  # so that it is put back afterwards
    if set_before is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    with pytest.raises(SystemExit):
        main([])
    assert os.environ["OMP_WAIT_POLICY"] == holds


def test_what_libraries_loaded_is_not_gone_through_again_at_the_end() -> None:
    code = (
        "import atexit, gc; before = gc.get_freeze_count(); "  # Python 3.12 starts with some
        "atexit.register(lambda: print(gc.get_freeze_count() > before)); "
        "from fewslice.cli.main import main; "
        "print(gc.get_freeze_count() == before); main(['--version'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    lines = result.stdout.split()
    assert (lines[0], lines[-1]) == ("True", "True")
