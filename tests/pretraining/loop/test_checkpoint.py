"""Checkpoints come back as they were; files that are none are refused and never run."""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from fewslice.errors import InputError, ReadError
from fewslice.pretraining.loop.checkpoint import (
    Checkpoint,
    State,
    load_checkpoint,
    require_same_settings,
    save_checkpoint,
    versions,
)


def checkpoint(**config: Any) -> Checkpoint:
    weights = {"a": torch.arange(3.0)}
    return Checkpoint(
        weights, weights, {"state": {}}, State(7, 28, 1.5, 4, 0.5), config, versions()
    )


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    save_checkpoint(path, checkpoint(seed=3))
    read = load_checkpoint(path)
    assert read.state == State(7, 28, 1.5, 4, 0.5)
    assert read.config == {"seed": 3}
    assert read.network["a"].tolist() == [0, 1, 2]
    assert set(read.versions) == {"fewslice", "python", "torch", "monai"}
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


class _Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("was-run",)


def test_files_that_are_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "last.ckpt"
    with pytest.raises(ReadError, match="cannot be read"):
        load_checkpoint(path)
    save_checkpoint(path, checkpoint())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ReadError, match="damaged or no checkpoint"):
        load_checkpoint(path)
    path.write_bytes(b"")
    with pytest.raises(ReadError, match="damaged or no checkpoint"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(_Runs()))
    with pytest.raises(ReadError, match="damaged or no checkpoint"):
        load_checkpoint(path)
    torch.save({"format": "fewslice-checkpoint-1", "x": _Runs()}, path)
    with pytest.raises(ReadError, match="damaged or no checkpoint"):
        load_checkpoint(path)
    assert not (tmp_path / "was-run").exists()
    torch.save({"format": "other"}, path)
    with pytest.raises(ReadError, match="no checkpoint of this version"):
        load_checkpoint(path)
    torch.save({"format": "fewslice-checkpoint-1", "state": {"steps": 3}}, path)
    with pytest.raises(ReadError, match="lacks parts"):
        load_checkpoint(path)


def test_settings_that_shape_what_is_learned_must_stay() -> None:
    before = checkpoint(
        optimisation={"steps": 10, "seed": 1, "max_minutes": None}, data={"workers": 1}, output="a"
    )
    same: dict[str, Any] = {
        "optimisation": {"steps": 99, "seed": 1, "max_minutes": 3.0},
        "data": {"workers": 2, "bank": "elsewhere"},
        "output": "b",
    }
    require_same_settings(Path("x.ckpt"), before, same)
    same["optimisation"]["seed"] = 2
    sentence = "x.ckpt was trained with optimisation.seed = 1, but the configuration says 2;"
    with pytest.raises(InputError, match=re.escape(sentence)):
        require_same_settings(Path("x.ckpt"), before, same)
