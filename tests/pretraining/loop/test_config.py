"""Configuration files: what they may say, and one sentence for whatever they must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.tiny_network import settings

from fewslice.errors import InputError, ReadError
from fewslice.networks.settings import NetworkSettings
from fewslice.pretraining.loop.config import parse_config, read_config
from fewslice.pretraining.tasks.sources import ScanSource

EXAMPLE = """
start_from = "earlier/best.safetensors"

[data]
folder = "scans"
bank = "bank"

[sources]
shapes = 10

[[sources.scans]]
name = "abdomen"
folder = "Dataset001_Abdomen"
tasks = 20

[episodes]
kinds = [["shapes", 0.5]]
side = 64

[network]
widths = [8, 16, 24, 32]

[optimisation]
steps = 1000
max_minutes = 90
precision = "bfloat16"

[validation]
every = 200

[output]
folder = "out"
"""


def test_an_example_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(EXAMPLE)
    config = read_config(path)
    assert config.start_from == Path("earlier/best.safetensors")
    assert config.data.folder == Path("scans")
    assert config.sources.scans == (ScanSource("abdomen", "Dataset001_Abdomen", 20),)
    assert config.episodes.kinds == (("shapes", 0.5),)
    assert config.network == NetworkSettings(widths=(8, 16, 24, 32))
    assert config.optimisation.max_minutes == 90.0
    assert config.optimisation.learning_rate == 1e-3
    assert config.optimisation.ema == 0.999
    assert config.validation.episodes == 64
    assert config.output.log_every == 10


def test_what_is_stored_reads_back_the_same(tmp_path: Path) -> None:
    config = parse_config(settings(tmp_path), "a")
    stored = config.as_dict()
    assert stored["network"]["widths"] == [8, 8, 8, 8]
    assert parse_config(stored, "b") == config


@pytest.mark.parametrize(
    ("section", "change", "sentence"),
    [
        (
            "optimisation",
            {"steps": "many"},
            "t: optimisation.steps is 'many'; expected a valid integer.",
        ),
        ("optimisation", {"steps": True}, "t: optimisation.steps is True; expected a valid"),
        (
            "optimisation",
            {"ema": 1.0},
            "t: optimisation.ema is 1.0; expected less than 1.",
        ),
        (
            "optimisation",
            {"precision": "float16"},
            "t: optimisation.precision is 'float16'; expected 'float32' or 'bfloat16'.",
        ),
        (
            "optimisation",
            {"learning_rate": float("nan")},
            "t: optimisation.learning_rate is nan; expected",
        ),
        (
            "validation",
            {"evry": 5},
            "t: validation.evry is no known setting; expected one of every, episodes.",
        ),
        (
            "network",
            {"width": 5},
            "t: network.width is no known setting; expected one of widths, keys, values, heads,",
        ),
        (
            "network",
            {"widths": [8, 8.5, 8, 8]},
            "t: network.widths.1 is 8.5; expected a valid integer.",
        ),
        (
            "sources",
            {"scans": [{"name": "a", "folder": "b", "tasks": 2}]},
            "t: data.folder is missing; add the folder that holds the scans of [[sources.scans]].",
        ),
        ("trainig", {}, "t: trainig is no known setting; expected one of start_from, data,"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    section: str, change: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        parse_config(settings(tmp_path, **{section: change}), "t")
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    given = settings(tmp_path)
    del given["output"]["folder"]
    with pytest.raises(InputError, match=r"^t: output\.folder is missing; add it\.$"):
        parse_config(given, "t")


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="No such file"):
        read_config(tmp_path / "none.toml")
    path = tmp_path / "run.toml"
    path.write_text("steps = = 3")
    with pytest.raises(ReadError, match=r"is not valid TOML: .*line 1"):
        read_config(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReadError, match="is not valid TOML"):
        read_config(path)
