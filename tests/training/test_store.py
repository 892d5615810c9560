"""The folder of models: versions, what is promoted, going back, and damage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import InputError, ReadError, WeightsError, WriteError
from fewslice.training.choice import Choice
from fewslice.training.model import TaskModel, predict
from fewslice.training.store import (
    choice_in_use,
    history,
    load_model,
    model_in_use,
    promote,
    promoted,
    refuse,
    roll_back,
    save_version,
    version_folder,
    versions,
)
from fewslice.training.support import ModelSupport
from tests.support.kept_scans import kept
from tests.support.random_models import SCAN, random_model

FACTS = {"score": 0.5, "before": None, "trained_slices": 4, "trained_scans": 2}


def saved(folder: Path, count: int = 1) -> TaskModel:
    model = random_model()
    for _ in range(count):
        promote(folder, save_version(folder, model, FACTS, [(0, 1.5)]))
    return model


def test_a_model_comes_back_as_it_was(tmp_path: Path) -> None:
    model = saved(tmp_path)
    again = load_model(tmp_path)
    one, other = (predict(each, SCAN, whole=True) for each in (model, again))
    assert np.array_equal(one.probability, other.probability)
    assert (version_folder(tmp_path, 1) / "log.csv").read_text() == "step,loss\n0,1.500000\n"


def test_scans_that_answer_come_back_with_the_reason(tmp_path: Path) -> None:
    choice = Choice("mean", {"model": 0.5, "support": 0.625, "mean": 0.75}, 2, seen=True)
    model = replace(random_model(), support=ModelSupport((kept(5, 6, 7),), choice))
    promote(tmp_path, save_version(tmp_path, model, FACTS, [], choice))
    again = load_model(tmp_path)
    assert again.support is not None
    assert again.support.choice == choice == choice_in_use(tmp_path) == versions(tmp_path)[0].choice
    assert np.array_equal(again.support.scans[0].channels, kept(5, 6, 7).channels)
    plain = save_version(tmp_path, replace(model, support=None), FACTS, [], Choice("model"))
    folder = version_folder(tmp_path, plain)
    assert not (folder / "support.npz").exists()
    assert load_model(folder).support is None
    assert model_in_use(folder)[1] != model_in_use(tmp_path)[1]  # results must not be mixed


def test_versions_are_listed_with_the_promoted_one(tmp_path: Path) -> None:
    model = saved(tmp_path, 2)
    refuse(tmp_path, save_version(tmp_path, model, FACTS, []))
    found = versions(tmp_path)
    assert [(each.number, each.promoted) for each in found] == [(1, False), (2, True), (3, False)]
    assert (found[0].score, found[0].slices, found[0].scans) == (0.5, 4, 2)
    assert [event["action"] for event in history(tmp_path)] == [
        "promoted",
        "promoted",
        "not promoted",
    ]


def test_rollbacks_go_back_promotion_by_promotion(tmp_path: Path) -> None:
    model = saved(tmp_path, 3)
    assert roll_back(tmp_path) == 2
    promote(tmp_path, save_version(tmp_path, model, FACTS, []))
    assert [roll_back(tmp_path), roll_back(tmp_path)] == [2, 1]
    assert promoted(tmp_path) == 1
    with pytest.raises(InputError, match="no earlier promotion"):
        roll_back(tmp_path)


def test_a_version_can_be_asked_for_by_its_own_folder(tmp_path: Path) -> None:
    saved(tmp_path, 2)
    assert load_model(version_folder(tmp_path, 1)).values == (0, 4, 7)


def test_where_there_is_no_model_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="holds no promoted model"):
        load_model(tmp_path)
    with pytest.raises(ReadError, match="holds no models"):
        versions(tmp_path)
    (tmp_path / "promoted").write_text("one")
    with pytest.raises(ReadError, match="no number of a version"):
        load_model(tmp_path)


@pytest.mark.parametrize("content", ["5", "[1]", '[{"action": "promoted"}]', "{"])
def test_a_damaged_history_is_one_sentence(tmp_path: Path, content: str) -> None:
    saved(tmp_path, 2)
    (tmp_path / "history.json").write_text(content)
    with pytest.raises(WeightsError, match=r"history\.json is damaged"):
        roll_back(tmp_path)


def test_a_crash_leaves_the_old_version_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = saved(tmp_path)

    def fail(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(WriteError, match="No space left"):
            save_version(tmp_path, model, FACTS, [])
    assert [path.name for path in (tmp_path / "versions").iterdir()] == ["0001"]
    number = save_version(tmp_path, model, FACTS, [])
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        with pytest.raises(WriteError):
            promote(tmp_path, number)
    assert promoted(tmp_path) == 1
