from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.evaluation.annotator import RevealedSlices
from fewslice.evaluation.dataset import Structure, find_dataset
from fewslice.evaluation.settings import Settings, parse_names, parse_numbers
from fewslice.evaluation.task import (
    Task,
    beyond_ends,
    dice_within_extent,
    distance_rows,
    evaluate_case,
    task_seed,
)
from fewslice.volumes import Geometry, Image
from tests.support.datasets import labels_of, write_dataset

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("little_garbage")]

INTERPOLATION = Settings(engines=("interpolation",), slices=(1, 3))


def columns_task(
    truth: dict[int, int], drawn: tuple[int, ...], empty: tuple[int, ...] = ()
) -> Task:
    """A task of ten slices of 2.5 mm with a number of voxels on each."""
    mask = columns(truth)
    occupied = sorted(truth)
    revealed = RevealedSlices(2, drawn, empty, (occupied[0], occupied[-1]), len(occupied))
    image = Image(mask.astype(np.float32), Geometry.from_spacing(mask.shape, (1, 1, 2.5)))
    return Task("case", image, Structure("it", (1,)), mask, len(drawn), revealed)


def columns(voxels: dict[int, int]) -> Any:
    mask = np.zeros((1, 20, 10), dtype=bool)
    for index, count in voxels.items():
        mask[0, :count, index] = True
    return mask


def test_distances_count_from_the_nearest_annotated_slice() -> None:
    task = columns_task({2: 4, 3: 5, 4: 6, 5: 7, 6: 8}, drawn=(3, 6), empty=(9,))
    answer = columns({1: 2, 2: 6, 3: 5, 4: 3, 6: 8, 8: 1})
    rows = distance_rows(task, "some", answer)
    found = [
        (
            r.slice,
            r.distance_slices,
            r.distance_mm,
            r.between,
            r.intersection,
            r.predicted,
            r.reference,
        )
        for r in rows
    ]
    assert found == [
        (1, 2, 5.0, 0, 0, 2, 0),
        (2, 1, 2.5, 0, 4, 6, 4),
        (4, 1, 2.5, 1, 3, 3, 6),
        (5, 1, 2.5, 1, 0, 0, 7),
        (8, 1, 2.5, 1, 0, 1, 0),
    ]


def test_dice_within_the_extent_and_voxels_beyond_it() -> None:
    task = columns_task({2: 4, 3: 5, 4: 6, 5: 7, 6: 8}, drawn=(3, 6))
    answer = columns({0: 1, 1: 2, 2: 6, 3: 5, 4: 3, 6: 8, 8: 3})
    # Slices 2, 4, 5: 4 + 3 + 0 in both, 6 + 3 + 0 answered, 4 + 6 + 7 true.
    assert dice_within_extent(task, answer) == pytest.approx(2 * 7 / (9 + 17))
    assert beyond_ends(task, answer) == pytest.approx(6 / 30)


def test_seeds_are_the_same_on_every_machine() -> None:
    assert task_seed(0, "case", "spleen") == 868_802_412_252_865_896
    assert len({task_seed(s, c, x) for s in (0, 1) for c in "ab" for x in "cd"}) == 8


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_dataset(tmp_path)


def test_a_case_is_scored_structure_by_structure(tiny: Path) -> None:
    seen: list[float] = []
    result = evaluate_case(find_dataset(tiny).cases[0], INTERPOLATION, seen.append)
    assert [(r.structure, r.slices, r.drawn) for r in result.scores] == [
        ("ball", 1, 1),
        ("ball", 3, 3),
        ("rod", 1, 1),
        ("rod", 3, 3),
    ]
    assert {(r.plane, r.axis, r.engine) for r in result.scores} == {("axial", 2, "interpolation")}
    for row in result.scores:
        assert 0.3 < row.dice <= 1
        assert row.dice_volume >= row.dice
        assert row.seconds > 0
        assert row.peak_memory_mb >= 0
    assert (result.case.scores, result.case.distances) == (4, len(result.distances))
    assert seen == [0.25, 0.5, 0.75, 1]


def test_distance_rows_sum_to_the_voxels_that_were_not_annotated(tiny: Path) -> None:
    result = evaluate_case(find_dataset(tiny).cases[0], INTERPOLATION)
    rod = labels_of() == 2
    rows = [r for r in result.distances if (r.structure, r.slices) == ("rod", 3)]
    annotated = [3, 6, 9]  # 1 + 10 * (1/6, 3/6, 5/6) = 2.67, 6, 9.33
    assert sum(r.reference for r in rows) == np.delete(rod, annotated, axis=2).sum()
    (score,) = [r for r in result.scores if (r.structure, r.slices) == ("rod", 3)]
    both, sizes = sum(r.intersection for r in rows), sum(r.predicted + r.reference for r in rows)
    assert 2 * both / sizes == pytest.approx(score.dice)


def test_short_absent_and_unknown_structures_are_counted(tiny: Path) -> None:
    write_dataset(
        tiny,
        labels={"background": 0, "ball": 1, "rod": 2, "ghost": 3, "secret": 4},
        annotated={"a": ["ball", "rod", "ghost"], "b": []},
    )
    # 5 of the 9 slices of the ball are more than half; 5 of the 11 of the rod are not.
    settings = Settings(engines=("interpolation",), slices=(3, 5))
    first, second = (evaluate_case(case, settings) for case in find_dataset(tiny).cases)
    assert [(r.structure, r.slices) for r in first.scores] == [("ball", 3), ("rod", 3), ("rod", 5)]
    assert (first.case.mostly_annotated, first.case.absent, first.case.unknown) == (1, 1, 1)
    assert (second.scores, second.case.unknown) == ((), 4)


def test_the_plane_can_be_chosen(tiny: Path) -> None:
    settings = Settings(engines=("interpolation",), slices=(3,), plane="sagittal")
    result = evaluate_case(find_dataset(tiny).cases[0], settings)
    assert {(r.plane, r.axis) for r in result.scores} == {("sagittal", 0)}


def test_random_annotation_is_repeatable_by_seed(tiny: Path) -> None:
    settings = Settings(engines=("interpolation",), slices=(3,), annotator="random")
    first = find_dataset(tiny).cases[0]
    assert numbers(evaluate_case(first, settings)) == numbers(evaluate_case(first, settings))
    reseeded = Settings(engines=("interpolation",), slices=(3,), annotator="random", seed=1)
    assert numbers(evaluate_case(first, settings)) != numbers(evaluate_case(first, reseeded))


def numbers(result: Any) -> list[Any]:
    left_out = {"seconds", "peak_memory_mb"}
    return [
        [getattr(row, f.name) for f in fields(row) if f.name not in left_out]
        for row in result.scores
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"engines": ("magic",)}, "no engine 'magic'"),
        ({"engines": ()}, "nothing to evaluate"),
        ({"slices": (3, 0)}, "0 slices cannot be annotated"),
        ({"annotator": "lazy"}, "no annotator 'lazy'"),
        ({"plane": "oblique"}, "no plane 'oblique'"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Settings(**wrong)


def test_lists_are_parsed() -> None:
    assert parse_numbers("3, 1,3") == (3, 1)
    assert parse_names(" auto,interpolation,auto,") == ("auto", "interpolation")
    with pytest.raises(InputError, match=r"'1;3'.*commas"):
        parse_numbers("1;3")
