"""The files of one version of a model: written, read, and refused where they are damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fewslice.errors import WeightsError
from fewslice.training.choice import Choice
from fewslice.training.support import ModelSupport
from fewslice.training.version_files import (
    read_choice,
    read_description,
    read_digest,
    read_model,
    write_log,
    write_model,
)
from tests.support.kept_scans import kept
from tests.support.random_models import random_model

CHOICE = Choice("support", {"model": 0.5, "support": 0.75, "mean": 0.625}, 1)


def test_a_model_comes_back_with_what_is_told_of_it(tmp_path: Path) -> None:
    model = random_model()
    write_model(tmp_path, model, {"score": 0.5})
    again = read_model(tmp_path)
    assert (again.grid, again.intensity, again.values) == (
        model.grid,
        model.intensity,
        model.values,
    )
    state = again.network.state_dict()
    assert all(torch.equal(state[name], t) for name, t in model.network.state_dict().items())
    described = read_description(tmp_path)
    assert described["score"] == 0.5
    assert read_choice(described, tmp_path) == Choice("model")
    assert read_digest(tmp_path) == described["sha256"]


def test_losses_are_a_table(tmp_path: Path) -> None:
    write_log(tmp_path, [(0, 1.5), (10, 0.25)])
    assert (tmp_path / "log.csv").read_text() == "step,loss\n0,1.500000\n10,0.250000\n"


def test_scans_that_answer_are_refused_if_damaged_or_gone(tmp_path: Path) -> None:
    model = replace(random_model(), support=ModelSupport((kept(5, 6, 7),), CHOICE))
    write_model(tmp_path, model, {}, CHOICE)
    path = tmp_path / "support.npz"
    path.write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"not the file that model\.json"):
        read_model(tmp_path)
    path.unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        read_model(tmp_path)


def test_weights_of_another_version_are_refused(tmp_path: Path) -> None:
    write_model(tmp_path, random_model(), {})
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match=r"is not the file that model\.json"):
        read_model(tmp_path)


def test_an_unknown_answerer_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path, random_model(), {}, CHOICE)
    path = tmp_path / "model.json"
    path.write_text(path.read_text().replace('"chosen": "support"', '"chosen": "somebody"'))
    with pytest.raises(WeightsError, match="does not say who answers"):
        read_digest(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"plane"', '"pane"'), ('"widths"', '"width"'), ("task-model-1", "task-model-9"), ("{", "")],
)
def test_damaged_descriptions_are_one_sentence(tmp_path: Path, old: str, new: str) -> None:
    write_model(tmp_path, random_model(), {})
    path = tmp_path / "model.json"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(WeightsError):
        read_model(tmp_path)
