"""Finishing one volume with a simulated person."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fewslice
from fewslice.errors import InputError, ReadError
from fewslice.evaluation.dataset import find_dataset, read_case
from fewslice.evaluation.simulation.annotator import SimulatedAnnotator
from fewslice.evaluation.simulation.settings import SimulationSettings
from fewslice.evaluation.simulation.study import COLUMNS
from fewslice.evaluation.simulation.volume import (
    VolumeTask,
    run_volume,
    volume_tasks,
    widest_gap_first,
)
from fewslice.io import write_labels
from fewslice.metrics.overlap import dice
from fewslice.volumes import LabelMap
from tests.support.datasets import GEOMETRY, SHAPE, labels_of, write_dataset

pytestmark = pytest.mark.slow

AXIS = 2
FAST = SimulationSettings(budget=3, engine="interpolation")
Point = dict[str, Any]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "Tiny", ("a",))


def run(
    folder: Path, strategy: str, seed: int = 0, settings: SimulationSettings = FAST, **task: str
) -> list[Point]:
    """Simulate, and check what holds for every run."""
    named = {"case": "a", "structure": "ball"} | task
    points = run_volume(
        VolumeTask(folder, strategy=strategy, seed=seed, settings=settings, **named)
    )
    assert [point["step"] for point in points] == list(range(len(points)))
    for point in points:
        assert set(COLUMNS) == set(point)
        assert point["task"] == f"{named['case']}/{named['structure']}"
        assert (point["strategy"], point["seed"]) == (strategy, seed)
        assert point["slices"] == pytest.approx(point["drawn"] + 0.1 * point["questions"])
        assert 0 <= point["dice"] <= 1
        assert 0 <= point["dice_open"] <= 1
        assert 0 <= point["foreground"] <= 1
        assert point["kind"] in ("draw", "present")
        if point["predicted"] is not None:
            assert 0 <= point["predicted_low"] <= point["promised"] <= point["predicted"] <= 1
    # The last answer may pass the budget by a part of a slice, none is asked for beyond it.
    assert all(point["slices"] < settings.budget for point in points[:-1])
    assert points[-1]["slices"] < settings.budget + 1
    return points


def of_slices(points: list[Point], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(point[name] for name in names) for point in points]


def first_dice(engine: str, *indices: int) -> float:
    case = find_dataset_case()
    truth = labels_of() == 1
    sparse = np.zeros(SHAPE, np.uint8)
    sparse[..., list(indices)] = truth[..., list(indices)]
    answer = fewslice.segment(
        case, sparse, annotated=[(AXIS, index) for index in indices], engine=engine
    )
    return dice(np.asarray(answer.labels.array == 1), truth)


def find_dataset_case() -> Any:
    """The image of case "a", without its file."""
    noise = np.random.default_rng(0).normal(scale=5, size=SHAPE)
    return fewslice.Image((100.0 * labels_of() + noise).astype(np.float32), GEOMETRY)


def test_the_default_strategy_asks_and_predicts(tiny: Path) -> None:
    points = run(tiny, "default")
    # The ball is on slices 2 to 10: the middle one is drawn first, by everybody.
    assert of_slices(points[:1], "kind", "axis", "index", "slices") == [("draw", AXIS, 6, 1.0)]
    assert all(point["predicted"] is not None for point in points)
    steps = of_slices(points, "axis", "index", "kind")
    assert len(set(steps)) == len(steps)
    assert points[-1]["slices"] >= 3
    seconds = [point["seconds"] for point in points]
    assert all(after > before for before, after in pairwise(seconds))


def test_an_engine_that_sees_the_images_has_all_of_the_ball_in_the_end(tiny: Path) -> None:
    """Advice goes by what images leave in doubt, so that outlines alone need not gain by it."""
    points = run(tiny, "default", settings=replace(FAST, engine="random-walker"))
    assert points[-1]["dice"] >= points[0]["dice"]
    assert points[-1]["dice"] > 0.99


def test_the_first_point_is_what_segment_makes_of_the_middle_slice(tiny: Path) -> None:
    for strategy in ("random", "strided-planned"):
        (first, *_) = run(tiny, strategy)
        assert first["dice"] == pytest.approx(first_dice("interpolation", 6), abs=1e-6)
    walker = replace(FAST, engine="random-walker", budget=1)
    (only,) = run(tiny, "strided-extent-known", settings=walker)
    assert only["dice"] == pytest.approx(first_dice("random-walker", 6), abs=1e-6)


def test_strided_with_the_extent_known_draws_the_middle_of_gaps(tiny: Path) -> None:
    points = run(tiny, "strided-extent-known")
    assert of_slices(points, "kind", "drawn", "questions") == [
        ("draw", 1, 0),
        ("draw", 2, 0),
        ("draw", 3, 0),
    ]
    assert points[0]["index"] == 6
    assert {point["index"] for point in points[1:]} in ({3, 9}, {4, 8}, {3, 8}, {4, 9})
    assert all(point["predicted"] is None for point in points)
    indices = [point["index"] for point in points]
    assert points[-1]["dice"] == pytest.approx(first_dice("interpolation", *indices), abs=1e-6)
    drawn = (labels_of() == 1)[..., indices].sum() / (labels_of() == 1).sum()
    assert points[-1]["foreground"] == pytest.approx(drawn)


def test_planned_slices_are_drawn_anew_for_every_number(tiny: Path) -> None:
    points = run(tiny, "strided-planned")
    # Slices 2 to 10: the midpoints of equal parts of 8 slices.
    assert of_slices(points, "drawn", "index") == [(1, 6), (2, 8), (3, 9)]
    assert points[1]["dice"] == pytest.approx(first_dice("interpolation", 4, 8), abs=1e-6)


def test_random_draws_any_slice_and_random_with_the_extent_known_those_that_hold_it(
    tiny: Path,
) -> None:
    longer = replace(FAST, budget=9)
    anywhere = [point["index"] for point in run(tiny, "random", settings=longer)]
    assert len(set(anywhere)) == 9
    assert anywhere[0] == 6
    assert not set(anywhere) <= set(range(2, 11))
    known = [point["index"] for point in run(tiny, "random-extent-known", settings=longer)]
    assert sorted(known) == list(range(2, 11))
    others = {tuple(p["index"] for p in run(tiny, "random", seed=seed)) for seed in range(4)}
    assert len(others) > 2


def test_a_slice_that_turns_out_empty_costs_as_one(tiny: Path) -> None:
    points = run(tiny, "random", settings=replace(FAST, budget=9))
    place = next(at for at, point in enumerate(points) if point["index"] in (0, 1, 11, 12))
    assert points[place]["drawn"] == points[place - 1]["drawn"] + 1
    assert points[place]["foreground"] == points[place - 1]["foreground"]
    assert points[place]["seconds"] > points[place - 1]["seconds"]


def test_no_slices_are_left_before_the_budget_is_spent(tiny: Path) -> None:
    points = run(tiny, "strided-extent-known", settings=replace(FAST, budget=500))
    assert points[-1]["drawn"] == 9
    assert points[-1]["foreground"] == pytest.approx(1.0)
    assert points[-1]["dice"] > 0.95  # nobody said that it ends there


@pytest.mark.parametrize("strategy", ["default-draw-only", "default-one-plane", "entropy"])
def test_variants_keep_to_what_they_are_called(tiny: Path, strategy: str) -> None:
    points = run(tiny, strategy)
    if strategy != "default-one-plane":
        assert all(point["kind"] == "draw" for point in points)
    if strategy != "default-draw-only":
        assert {point["axis"] for point in points} == {AXIS}
    assert points == run(tiny, strategy)


def test_an_imperfect_person_draws_something_else_but_the_same_each_time(tiny: Path) -> None:
    shaky = replace(FAST, imperfect=True, budget=2)
    first, again = (run(tiny, "strided-extent-known", 3, shaky) for _ in range(2))
    assert first == again
    assert first != run(tiny, "strided-extent-known", 4, shaky)
    perfect = run(tiny, "strided-extent-known", 3, replace(shaky, imperfect=False))
    assert of_slices(first, "index") == of_slices(perfect, "index")
    assert first[-1]["dice"] < perfect[-1]["dice"]


def test_the_time_of_the_first_slice_is_that_of_drawing_it(tiny: Path) -> None:
    (first, *_) = run(tiny, "random")
    truth = labels_of() == 1
    person = SimulatedAnnotator(truth, (1.0, 1.0, 2.0))
    nothing = np.zeros(SHAPE[:2], dtype=bool)
    assert first["seconds"] == pytest.approx(person.seconds(2, truth[..., 6], nothing), abs=1e-3)


@pytest.fixture(scope="module")
def gap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A structure on slices 1 to 4 and 8 to 11: its middle is a slice that does not hold it."""
    folder = write_dataset(tmp_path_factory.mktemp("gap") / "Gap", ("a",), labels={"part": 1})
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:12, 4:12, 1:5] = labels[4:12, 4:12, 8:12] = 1
    write_labels(folder / "labelsTs" / "a.nii.gz", LabelMap(labels, GEOMETRY))
    return folder


def test_a_structure_with_a_gap_in_its_middle(gap: Path) -> None:
    planned = run(gap, "strided-planned", structure="part")
    # The one slice looked at is empty, and nothing can be said from it.
    assert of_slices(planned, "drawn", "dice")[0] == (1, 0.0)
    assert planned[-1]["dice"] > 0.5
    known = run(gap, "strided-extent-known", structure="part")
    assert known[0]["dice"] > 0
    assert run(gap, "random", structure="part")[0]["index"] in (4, 8)


def test_which_runs_there_are(tiny: Path) -> None:
    settings = replace(FAST, strategies=("default", "random"), seeds=(0, 5))
    tasks = volume_tasks(tiny, settings)
    assert [task.key for task in tasks] == [
        f"a/{structure}/{strategy}/{seed}"
        for structure in ("ball", "rod")
        for strategy in ("default", "random")
        for seed in (0, 5)
    ]


def test_structures_too_short_or_unknown_are_left_out(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "Tiny", ("a", "b"), annotated={"a": ["ball"], "b": ["rod"]})
    labels = labels_of()
    labels[..., 4:] = np.where(labels[..., 4:] == 1, 0, labels[..., 4:])  # slices 2 and 3 are left
    write_labels(folder / "labelsTs" / "a.nii.gz", LabelMap(labels, GEOMETRY))
    settings = replace(FAST, strategies=("random",))
    assert [task.key for task in volume_tasks(folder, settings)] == ["b/rod/random/0"]


def test_cases_that_cannot_be_read_have_no_runs(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "Tiny", ("a", "b"))
    (folder / "imagesTs" / "a_0000.nii.gz").write_bytes(b"nothing")
    settings = replace(FAST, strategies=("random",))
    unread: dict[str, str] = {}
    found = [task.key for task in volume_tasks(folder, settings, unread)]
    assert found == ["b/ball/random/0", "b/rod/random/0"]
    assert list(unread) == ["a"]
    assert "a_0000.nii.gz" in unread["a"]
    with pytest.raises(ReadError, match=r"a_0000\.nii\.gz"):
        volume_tasks(folder, settings)


def test_another_plane(tiny: Path) -> None:
    points = run(tiny, "strided-extent-known", settings=replace(FAST, plane="0"))
    assert {point["axis"] for point in points} == {0}
    assert points[0]["index"] == 6


def test_a_case_that_is_gone(tiny: Path) -> None:
    with pytest.raises(InputError, match="no case z any more"):
        run(tiny, "random", case="z")


def test_widest_gap_first_by_hand() -> None:
    assert widest_gap_first([]) == []
    assert widest_gap_first([7]) == [7]
    # Nine slices on either side of the middle: with x drawn, slices 0 to x are 0 + 1 + ... + x
    # away from it, and those between x and 9 up to (9 - x)² / 4: 15 for x = 2 and for x = 3.
    first, second, third = widest_gap_first(list(range(19)))[:3]
    assert first == 9
    assert {second, third} <= {2, 3, 15, 16}
    assert abs(second - third) >= 12
    order = widest_gap_first([2, 3, 8, 9, 10])
    assert sorted(order) == [2, 3, 8, 9, 10]
    assert order[0] == 8  # nearest to 6
    assert order[1] in (2, 3)


def test_the_made_up_image_is_the_one_in_the_file(tiny: Path) -> None:
    (case,) = find_dataset(tiny).cases
    np.testing.assert_allclose(read_case(case)[0].array, find_dataset_case().array)
