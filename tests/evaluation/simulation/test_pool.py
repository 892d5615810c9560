"""Training the next model with a simulated person, in very few steps."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fewslice.errors import InputError, ReadError
from fewslice.evaluation.simulation.pool import (
    PoolTask,
    dice_of_trainings,
    pool_tasks,
    run_pool,
)
from fewslice.evaluation.simulation.settings import SimulationSettings
from fewslice.evaluation.simulation.study import COLUMNS
from tests.support.datasets import write_case, write_dataset

pytestmark = pytest.mark.slow

SETTINGS = SimulationSettings(
    "pool", ("random",), budget=5, rounds=2, start=2, steps=2, test_cases=1
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_dataset(tmp_path_factory.mktemp("data") / "Tiny", ("t", "u"))
    for number, name in enumerate("abc"):
        write_case(folder, name, number, part="Tr")
    return folder


def run(folder: Path, strategy: str, seed: int = 0, **changes: Any) -> list[dict[str, Any]]:
    settings = replace(SETTINGS, strategies=(strategy,), **changes)
    points = run_pool(PoolTask(folder, strategy, seed, settings))
    for step, point in enumerate(points):
        assert set(COLUMNS) == set(point)
        assert (point["task"], point["strategy"], point["seed"]) == ("Tiny", strategy, seed)
        assert point["step"] == step
        assert 0 <= point["dice"] <= 1
        assert point["slices"] == point["drawn"]
        assert point["slices"] <= settings.budget
    seconds = [point["seconds"] for point in points]
    assert all(after >= before + 15 for before, after in pairwise(seconds))
    return points


@pytest.fixture(scope="module")
def by_random(tiny: Path) -> list[dict[str, Any]]:
    return run(tiny, "random")


def test_a_point_for_the_start_and_each_round(by_random: list[dict[str, Any]]) -> None:
    # Three more slices in two rounds: one, then two.
    assert [point["drawn"] for point in by_random] == [2, 3, 5]
    foreground = [point["foreground"] for point in by_random]
    assert 0 < foreground[0] <= foreground[1] <= foreground[2] < 1


def test_every_strategy_starts_with_the_same_slices(
    tiny: Path, by_random: list[dict[str, Any]]
) -> None:
    other = run(tiny, "entropy", budget=3, rounds=1)
    names = ("seconds", "foreground", "dice", "drawn")
    assert [other[0][name] for name in names] == [by_random[0][name] for name in names]


def test_the_same_seed_gives_the_same(tiny: Path, by_random: list[dict[str, Any]]) -> None:
    first = run(tiny, "default", 3, budget=3, rounds=1)
    assert first == run(tiny, "default", 3, budget=3, rounds=1)
    assert first[0]["dice"] != by_random[0]["dice"]  # of seed 0


def test_trainings_on_the_same_slices_differ_by_their_seed_alone(
    tiny: Path, by_random: list[dict[str, Any]]
) -> None:
    task = PoolTask(tiny, "random", 0, replace(SETTINGS, strategies=("random",)))
    found = dice_of_trainings(task, 2)
    assert found[0] == by_random[0]["dice"]  # the first training of a run
    assert found[1] != found[0]


def test_rounds_without_a_slice_to_draw_are_left_out(tiny: Path) -> None:
    assert [point["drawn"] for point in run(tiny, "random", budget=3, rounds=3)] == [2, 3]


def test_a_budget_larger_than_the_pool_ends_with_the_pool(tiny: Path) -> None:
    points = run(tiny, "random", budget=400, rounds=1, most_cases=2)
    assert [point["drawn"] for point in points] == [2, 26]  # two scans of 13 slices
    assert points[-1]["foreground"] == pytest.approx(1.0)


def test_a_start_larger_than_the_pool(tiny: Path) -> None:
    with pytest.raises(InputError, match=r"The pool has 3 scans with structures; .* smaller start"):
        run(tiny, "random", start=5)


def test_which_runs_there_are(tiny: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, strategies=("random", "entropy"), seeds=(1, 2))
    assert [task.key for task in pool_tasks(tiny, settings)] == [
        "Tiny/random/1",
        "Tiny/random/2",
        "Tiny/entropy/1",
        "Tiny/entropy/2",
    ]
    with pytest.raises(ReadError, match="labelsTr"):
        pool_tasks(write_dataset(tmp_path / "NoPool", ("t",)), settings)


def test_overlapping_regions_are_refused(tmp_path: Path) -> None:
    def with_labels(name: str, labels: dict[str, Any]) -> Path:
        folder = write_dataset(tmp_path / name, ("t",), labels=labels)
        write_case(folder, "a", part="Tr")
        return folder

    overlapping = with_labels("Regions", {"background": 0, "whole": [1, 2], "core": [2]})
    with pytest.raises(InputError, match=r"Label 2 belongs to both whole and core in .*Regions"):
        pool_tasks(overlapping, SETTINGS)
    assert len(pool_tasks(with_labels("Joined", {"both": [1, 2], "other": [3]}), SETTINGS)) == 1
