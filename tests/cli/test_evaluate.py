import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from fewslice.cli.evaluate import evaluate
from fewslice.errors import InputError, ReadError
from fewslice.io import write_image
from fewslice.volumes import Image
from tests.support.datasets import GEOMETRY, SHAPE, write_dataset
from tests.support.other_engines import mean_of_masks, random_universeg, save_universeg

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn_figures", "little_garbage")]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "Tiny")


def call(*arguments: object) -> Result:
    fast = ["--engines", "interpolation", "--slices", "3", "--jobs", "1"]
    return CliRunner().invoke(evaluate, [str(each) for each in (*fast, *arguments)])


def test_a_table_and_the_paths_are_printed(tiny: Path, tmp_path: Path) -> None:
    result = call(tiny, "-o", tmp_path / "new" / "out")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "Mean Dice on not annotated slices, Tiny, cases: 2"
    assert lines[2].startswith("interpolation")
    assert f"Wrote {tmp_path / 'new' / 'out' / 'scores.csv'}" in lines
    assert result.stderr == ""  # the bar is for terminals, so that logs stay readable


def test_json_and_quiet(tiny: Path, tmp_path: Path) -> None:
    result = call(tiny, "-o", tmp_path, "--json", "--quiet", "--cases", "1")
    assert result.exit_code == 0
    assert result.stderr == ""
    printed = json.loads(result.stdout)
    assert printed == json.loads((tmp_path / "summary.json").read_text())
    assert printed["dataset"]["cases"] == 1


def test_options_reach_the_settings(tiny: Path, tmp_path: Path) -> None:
    options = ["--annotator", "random", "--seed", "7", "--plane", "coronal"]
    result = call(tiny, "-o", tmp_path, "--json", "--quiet", "--cases", "1", *options)
    settings = json.loads(result.stdout)["settings"]
    chosen = {key: settings[key] for key in ("annotator", "seed", "plane", "slices", "part")}
    assert chosen == {
        "annotator": "random",
        "seed": 7,
        "plane": "coronal",
        "slices": [3],
        "part": "Ts",
    }
    assert list(settings["engines"]) == ["interpolation"]


def test_support_reaches_the_settings(tiny: Path, tmp_path: Path) -> None:
    result = call(tiny, "-o", tmp_path, "--json", "--quiet", "--support-from", "Ts:1")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["settings"]["support"] == "Ts:1"
    remarks = pd.read_csv(tmp_path / "scores.csv")["remarks"]
    assert remarks.str.contains("the 1 given as support made no difference").all()


def test_channels_reach_the_engines(tmp_path: Path) -> None:
    # Channel 1 is noise alone, so that a walker that sees nothing else does worse.
    data = write_dataset(tmp_path / "data", ["a"], channels=2)
    noise = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    write_image(data / "imagesTs" / "a_0001.nii.gz", Image(noise, GEOMETRY))
    dice = {}
    for channels in ("0", "1"):
        options = ["--engines", "random-walker", "--channels", channels]
        result = call(data, "-o", tmp_path / channels, "--json", "--quiet", *options)
        summary = json.loads(result.stdout)
        assert summary["settings"]["channels"] == [int(channels)]
        dice[channels] = summary["overall"][0]["dice"]
    assert dice["0"] > dice["1"] + 0.02
    again = call(data, "-o", tmp_path / "0", "--quiet", "--engines", "random-walker")
    assert isinstance(again.exception, InputError)
    assert "channels: [0] there, null now" in str(again.exception)


def test_the_table_says_which_channels_were_seen(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", ["a"], channels=2)
    result = call(data, "-o", tmp_path / "out", "--quiet", "--channels", "1,0,1")
    assert result.stdout.splitlines()[0].endswith(", cases: 1, channels: 1,0")


def test_a_damaged_case_is_named_and_the_exit_code_is_1(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data")
    (data / "labelsTs" / "b.nii.gz").write_bytes(b"nothing")
    result = call(data, "-o", tmp_path / "out", "--quiet")
    assert result.exit_code == 1
    assert result.stderr.startswith("b was left out: ")
    assert "cases: 1" in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engines", "magic"], "no engine 'magic'"),
        (["--annotator", "lazy"], "no annotator 'lazy'"),
        (["--slices", "three"], "Cannot read 'three'"),
        (["--plane", "oblique"], "no plane 'oblique'"),
        (["--support-from", "Tr"], "write PART:COUNT"),
        (["--channels", "0,ct"], "Cannot read '0,ct' as channels"),
        (["--channels", ","], "Cannot read ',' as channels"),
        (["--channels", "-1"], "Cannot read '-1' as channels"),
        (["--channels", "1"], "no channel 1 of a, which has only channel 0"),
        (["--slices", "0"], "at least 1"),
        (["--slices", "0", "--support-from", "Ts:1"], "none of interpolation can"),
    ],
)
def test_wrong_options_are_named_before_anything_is_written(
    tiny: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    result = call(tiny, "-o", tmp_path / "out", *options)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_missing_dataset_is_named_before_anything_is_written(tmp_path: Path) -> None:
    result = call(tmp_path / "nowhere", "-o", tmp_path / "out")
    assert isinstance(result.exception, ReadError)
    assert not (tmp_path / "out").exists()


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from fewslice.cli.evaluate import evaluate; "
        "sys.exit(bool({'numpy', 'pandas', 'matplotlib', 'tqdm'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_engines_of_others_are_in_the_same_table(tiny: Path, tmp_path: Path) -> None:
    weights = save_universeg(tmp_path / "a.pt", mean_of_masks())
    engines = f"interpolation,universeg={weights}"
    given = [tiny, "-o", tmp_path / "out", "--json", "--quiet", "--engines", engines]
    result = call(*given)
    assert result.exit_code == 0, result.output
    means = {record["engine"]: record["dice"] for record in json.loads(result.stdout)["overall"]}
    assert list(means) == engines.split(",")
    assert means["interpolation"] > means[f"universeg={weights}"] > 0
    save_universeg(weights, random_universeg())
    again = call(*given)
    assert isinstance(again.exception, InputError)
    assert "engines" in str(again.exception)  # the same file holds something else
