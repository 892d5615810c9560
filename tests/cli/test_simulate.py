import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from fewslice.cli.main import run
from fewslice.cli.simulate import chosen_settings, simulate_command
from fewslice.errors import InputError
from fewslice.evaluation.simulation.report import PLOTS, TABLES
from tests.support.datasets import write_dataset

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn_figures")]

STRATEGIES = ("strided-extent-known", "random-extent-known")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "Tiny", cases=["a"])


@pytest.fixture(scope="module")
def done(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    output = tmp_path_factory.mktemp("done") / "new" / "out"
    return output, call(tiny, "-o", output, "--seeds", "3,4")


def call(*arguments: object) -> Result:
    fast = ["--engine", "interpolation", "--budget", "3", "--workers", "1"]
    which = ["--strategies", ",".join(STRATEGIES)]
    return CliRunner().invoke(simulate_command, [str(each) for each in (*fast, *which, *arguments)])


def test_a_table_and_the_paths_are_printed(done: tuple[Path, Result]) -> None:
    output, result = done
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "Finish this volume, Tiny: 2 tasks, 2 seeds, up to 3 slices"
    assert [line.split()[0] for line in lines[2:4]] == list(STRATEGIES)
    for name in ("summary.json", *TABLES[:-1], *PLOTS[:-1]):  # nothing was predicted
        assert f"Wrote {output / name}" in lines
        assert (output / name).exists()


def test_points_are_those_of_every_run(done: tuple[Path, Result]) -> None:
    points = pd.read_csv(done[0] / "points.csv")
    runs = points.groupby(["task", "strategy", "seed"])["slices"].max()
    assert len(runs) == 2 * 2 * 2
    assert (runs == 3).all()
    assert set(points["task"]) == {"a/ball", "a/rod"}
    # The rod is a prism: from its first to its last slice two slices tell all of it.
    rod = points[(points["task"] == "a/rod") & (points["strategy"] == STRATEGIES[0])]
    assert (rod.groupby("seed")["dice"].last() > 0.8).all()


def test_json_and_quiet_from_what_is_finished(tiny: Path, done: tuple[Path, Result]) -> None:
    output, _ = done
    before = (output / "summary.json").read_bytes()
    result = call(tiny, "-o", output, "--seeds", "3,4", "--json", "--quiet")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert json.loads(result.stdout) == json.loads(before)
    assert (output / "summary.json").read_bytes() == before


def test_an_interrupted_simulation_comes_out_the_same(
    tiny: Path, done: tuple[Path, Result], tmp_path: Path
) -> None:
    lines = (done[0] / "journal.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + 8
    (tmp_path / "journal.jsonl").write_bytes(b"".join(lines[:4]) + lines[4][:20])
    assert call(tiny, "-o", tmp_path, "--seeds", "3,4", "--quiet").exit_code == 0
    for name in ("points.csv", "summary.json", "curves.png"):
        assert (tmp_path / name).read_bytes() == (done[0] / name).read_bytes()


def test_a_folder_of_other_settings_is_left_alone(tiny: Path, done: tuple[Path, Result]) -> None:
    result = call(tiny, "-o", done[0], "--seeds", "5")
    assert isinstance(result.exception, InputError)
    assert "seeds: [3, 4] there, [5] now" in str(result.exception)


def test_a_case_that_cannot_be_read_leaves_the_others(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "Tiny", cases=["a", "b"])
    (folder / "imagesTs" / "a_0000.nii.gz").write_bytes(b"nothing")
    result = call(folder, "-o", tmp_path / "out", "--quiet")
    assert result.exit_code == 1
    assert "Finish this volume, Tiny: 2 tasks, 1 seed" in result.stdout
    assert result.stderr.startswith("a was left out: ")
    assert result.stderr.count("\n") == 1


def test_what_is_not_chosen_depends_on_the_question() -> None:
    volume = chosen_settings("volume", budget=None, engine="interpolation")
    assert (volume.budget, volume.seeds, volume.engine) == (8, (0,), "interpolation")
    assert volume.strategies == ("default", "strided-extent-known", "random")
    pool = chosen_settings("pool", rounds=7, seeds=None)
    assert (pool.budget, pool.seeds, pool.rounds) == (40, (0, 1, 2), 7)
    assert "foreground-random-33" in pool.strategies


def test_options_reach_the_settings(tiny: Path, tmp_path: Path) -> None:
    options = ["--plane", "coronal", "--cases", "1", "--imperfect", "--part", "Ts"]
    result = call(tiny, "-o", tmp_path, *options, "--json", "--quiet")
    settings = json.loads(result.stdout)["settings"]
    chosen = {key: settings[key] for key in ("plane", "most_cases", "imperfect", "part", "seeds")}
    assert chosen == {
        "plane": "coronal",
        "most_cases": 1,
        "imperfect": True,
        "part": "Ts",
        "seeds": [0],
    }
    assert tuple(settings["strategies"]) == STRATEGIES


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--question", "why"], "no question 'why'"),
        (["--strategies", "default,magic"], "no strategy 'magic'"),
        (["--strategies", ","], "at least one strategy"),
        (["--seeds", "one"], "Cannot read 'one' as seeds"),
        (["--engine", "magic"], "no engine 'magic'"),
        (["--budget", "0"], "at least 1"),
        (["--rounds", "0"], "0 is not in the range"),
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "leave one of the two out"),
    ],
)
def test_what_cannot_be_simulated_is_one_sentence(
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    assert run(["simulate", str(tiny), "-o", str(tmp_path / "out"), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out" / "summary.json").exists()
