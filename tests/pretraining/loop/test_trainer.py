"""Whole training runs of a tiny network: they learn, stop, go on and come out the same."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.support.ticking_time import ticking
from tests.support.tiny_network import MATERIALS, Squares, bright_square, config

from fewslice.errors import FewsliceError, InputError, TrainingError
from fewslice.networks.weights import load_weights, read_metadata
from fewslice.pretraining.loop import timer
from fewslice.pretraining.loop.checkpoint import load_checkpoint
from fewslice.pretraining.loop.loop import BEST, FINAL, LAST, Materials
from fewslice.pretraining.loop.trainer import train
from fewslice.pretraining.tasks.episodes import Episode
from fewslice.pretraining.tasks.feed import Draw


def after(calls: int) -> Callable[[], bool]:
    """Return what says False `calls` times and then True."""
    left = [calls]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return stop


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_weights(path)[1]


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_a_run_learns_and_writes_everything(tmp_path: Path) -> None:
    settings = config(tmp_path, optimisation={"steps": 40}, validation={"every": 20})
    shown: list[tuple[float, str]] = []
    outcome = train(
        settings, materials=MATERIALS, report=lambda done, words: shown.append((done, words))
    )
    out = tmp_path / "out"
    assert outcome.finished
    assert outcome.step == 40
    assert outcome.weights == out / BEST
    names = {file.name for file in out.iterdir()}
    assert names == {LAST, BEST, FINAL, "log.csv", "validation.csv", "run.json"}
    steps = rows(out / "log.csv")
    assert [int(row["step"]) for row in steps] == list(range(4, 41, 4))
    assert float(steps[-1]["loss"]) < 0.5 * float(steps[0]["loss"])
    assert all(0 < float(row["busy"]) <= 1 for row in steps)
    assert float(steps[-1]["lr"]) < 0.1 * float(steps[0]["lr"])
    validations = rows(out / "validation.csv")
    assert [(row["step"], row["kind"]) for row in validations] == [
        (step, kind) for step in ("0", "20", "40") for kind in ("large", "small", "all")
    ]
    dice = {row["step"]: float(row["dice"]) for row in validations if row["kind"] == "all"}
    assert dice["0"] == 0  # the base says background
    assert dice["40"] > 0.8
    assert outcome.best == pytest.approx(max(dice.values()), abs=1e-5)
    assert read_metadata(out / BEST)["validation dice"] == f"{outcome.best:.5f}"
    run = json.loads((out / "run.json").read_text())
    assert run["seed"] == 0
    assert set(run["versions"]) == {"fewslice", "python", "torch", "monai"}
    assert run["config"]["optimisation"]["steps"] == 40
    assert [done for done, _ in shown] == sorted(done for done, _ in shown)
    assert shown[-1][1].startswith("loss 0.")


@pytest.mark.slow
def test_going_on_gives_what_not_stopping_gives(tmp_path: Path) -> None:
    straight = train(config(tmp_path / "a"), materials=MATERIALS)
    # Asked before each of 5 steps and each of 3 episodes of the validations at steps 0 and 4.
    stopped = train(config(tmp_path / "b"), materials=MATERIALS, stop=after(5 + 2 * 3))
    assert not stopped.finished
    assert stopped.step == 5
    assert not (tmp_path / "b/out" / FINAL).exists()
    resumed = train(config(tmp_path / "b"), materials=MATERIALS, resume=stopped.checkpoint)
    assert resumed.finished
    assert resumed.best == straight.best
    for name in (BEST, FINAL):
        assert equal(weights(tmp_path / "a/out" / name), weights(tmp_path / "b/out" / name))
    one, other = (rows(tmp_path / run / "out/validation.csv") for run in "ab")
    assert [(r["step"], r["dice"]) for r in one] == [(r["step"], r["dice"]) for r in other]
    assert load_checkpoint(resumed.checkpoint).state.episodes == 24


@pytest.mark.slow
def test_a_validation_that_was_stopped_is_done_when_going_on(tmp_path: Path) -> None:
    stopped = train(config(tmp_path), materials=MATERIALS, stop=after(2))
    assert stopped.step == 0
    assert rows(tmp_path / "out/validation.csv") == []
    train(config(tmp_path), materials=MATERIALS, resume=stopped.checkpoint)
    assert rows(tmp_path / "out/validation.csv")[0]["step"] == "0"


@pytest.mark.slow
def test_going_on_in_another_folder_brings_the_best_weights(tmp_path: Path) -> None:
    first = train(config(tmp_path), materials=MATERIALS)
    longer = config(
        tmp_path, optimisation={"steps": 13}, output={"folder": str(tmp_path / "second")}
    )
    second = train(longer, materials=MATERIALS, resume=first.checkpoint)
    assert second.step == 13
    assert second.best >= first.best
    assert (tmp_path / "second" / BEST).exists()


@pytest.mark.slow
def test_processes_that_make_episodes_change_nothing(tmp_path: Path) -> None:
    short = {"steps": 2}
    train(config(tmp_path / "a", optimisation=short), materials=MATERIALS)
    with_one = config(tmp_path / "b", optimisation=short, data={"workers": 1})
    train(with_one, materials=MATERIALS)
    assert equal(weights(tmp_path / "a/out" / FINAL), weights(tmp_path / "b/out" / FINAL))


@pytest.mark.slow
def test_the_time_limit_ends_a_run_with_everything_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timer, "time", ticking(0.02))
    settings = config(tmp_path, optimisation={"steps": 10**9, "max_minutes": 2 / 60})
    outcome = train(settings, materials=MATERIALS)
    assert outcome.finished
    assert 0 < outcome.step < 10**6
    last = rows(tmp_path / "out/log.csv")[-1]
    assert 1.5 < float(last["seconds"]) < 2.5
    assert rows(tmp_path / "out/validation.csv")[-1]["step"] == str(outcome.step)
    assert (tmp_path / "out" / FINAL).exists()


@pytest.mark.slow
def test_weights_are_the_average_and_can_be_started_from(tmp_path: Path) -> None:
    first = config(tmp_path, optimisation={"steps": 3})
    outcome = train(first, materials=MATERIALS)
    checkpoint = load_checkpoint(outcome.checkpoint)
    final = weights(tmp_path / "out" / FINAL)
    assert equal(
        final,
        {
            name.removeprefix("module."): value
            for name, value in checkpoint.average.items()
            if name.startswith("module.")
        },
    )
    assert not equal(final, checkpoint.network)
    again = {"folder": str(tmp_path / "again")}
    start = tmp_path / "out" / FINAL
    second = replace_start(config(tmp_path, optimisation={"steps": 1}, output=again), start)
    train(second, materials=MATERIALS, stop=lambda: True)
    assert equal(load_checkpoint(tmp_path / "again" / LAST).network, final)
    other = config(tmp_path, network={"keys": 16}, output={"folder": str(tmp_path / "other")})
    with pytest.raises(InputError, match=r"keys=8.*keys=16.*set \[network\] accordingly"):
        train(replace_start(other, start), materials=MATERIALS)


def replace_start(settings: Any, path: Path) -> Any:
    return settings.model_copy(update={"start_from": path})


def test_a_folder_with_another_run_is_left_alone(tmp_path: Path) -> None:
    train(config(tmp_path), materials=MATERIALS, stop=lambda: True)
    with pytest.raises(InputError, match="already holds a training run; go on with --resume"):
        train(config(tmp_path), materials=MATERIALS)


def test_other_settings_cannot_go_on(tmp_path: Path) -> None:
    outcome = train(config(tmp_path), materials=MATERIALS, stop=lambda: True)
    with pytest.raises(InputError, match=r"optimisation\.seed = 0, but the configuration says 1"):
        train(config(tmp_path, optimisation={"seed": 1}), resume=outcome.checkpoint)


@pytest.mark.slow
def test_another_seed_is_another_run(tmp_path: Path) -> None:
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        train(config(folder, optimisation={"steps": 1, "seed": seed}), materials=MATERIALS)
    assert not equal(weights(tmp_path / "0/out" / FINAL), weights(tmp_path / "1/out" / FINAL))


@pytest.mark.slow
def test_bfloat16_learns_too(tmp_path: Path) -> None:
    settings = config(tmp_path, optimisation={"steps": 24, "precision": "bfloat16"})
    train(settings, materials=MATERIALS)
    losses = [float(row["loss"]) for row in rows(tmp_path / "out/log.csv")]
    assert losses[-1] < 0.7 * losses[0]


def test_an_impossible_network_is_named_before_anything(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"settings in \[network\]"):
        train(config(tmp_path, network={"widths": [8, 8, 8, 4]}), materials=MATERIALS)
    assert not (tmp_path / "out").exists()


@dataclass(frozen=True)
class Broken:
    """Opens episodes with pictures that are not a number."""

    def __call__(self) -> Draw:
        return _broken


def _broken(number: int) -> Episode:
    episode = bright_square(number)
    inputs = replace(episode.inputs, images=episode.inputs.images * float("nan"))
    return replace(episode, inputs=inputs)


@pytest.mark.slow
def test_a_loss_that_stays_not_a_number_ends_the_run(tmp_path: Path) -> None:
    settings = config(
        tmp_path, optimisation={"steps": 60, "episodes_per_step": 1}, validation={"episodes": 0}
    )
    with pytest.raises(TrainingError, match="not finite in 51 steps"):
        train(settings, materials=Materials(Broken(), Squares()))


@dataclass(frozen=True)
class Failing:
    """Cannot be opened."""

    def __call__(self) -> Draw:
        raise FewsliceError("The bank is gone.")


@pytest.mark.slow
def test_what_goes_wrong_with_episodes_is_one_sentence(tmp_path: Path) -> None:
    settings = config(tmp_path, validation={"episodes": 0}, data={"workers": 1})
    with pytest.raises(FewsliceError, match=r"^The bank is gone\.$"):
        train(settings, materials=Materials(Failing(), Squares()))
