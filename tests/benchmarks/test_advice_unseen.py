"""How baselines choose and how runs are summed up; by hand, without any scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from benchmarks.advice_recipes import KINDS, RECIPES, sampled
from benchmarks.advice_rows import Row, as_row, profiles_of, run_row
from benchmarks.advice_tasks import Recipe, Seen, Task
from benchmarks.advice_trials import widest_gap_after
from benchmarks.advice_unseen import BASELINES, Advice, dice_at, fewer, needed, oracle

from fewslice import suggest
from fewslice.active_learning.next_slice.features import state_features
from fewslice.active_learning.next_slice.gain_model import shipped_gain_model
from fewslice.active_learning.next_slice.quality import predicted_quality
from fewslice.annotation.annotation import SliceIndex
from fewslice.engines import Scan
from tests.support.small_profiles import axis_profile
from tests.support.small_profiles import profiles_of as made_up

MASK = np.zeros((20, 6, 6), dtype=bool)
MASK[2:11, 2:5, 1:4] = True


@dataclass(frozen=True, eq=False)
class Counting(Task):
    """A task whose Dice is the number of slices drawn, in hundredths."""

    def dice(self, places: Sequence[SliceIndex]) -> float:
        return len(set(places)) / 100


TASK = Counting(
    Recipe("box", "made up", 0, (1,)),
    Scan.from_spacing(np.zeros((1, *MASK.shape), np.float32), (1.0, 1.0, 1.0)),
    MASK,
    0,
)


def order(name: str) -> list[int]:
    points = list(BASELINES[name](TASK, 4))
    assert [point[0] for point in points] == [1, 2, 3, 4]
    return [int(point[4].split(", ")[1].rstrip(")")) for point in points]


def test_scans_of_fewer_slices_than_may_be_drawn_are_drawn_whole() -> None:
    mask = MASK[3:6]
    scan = Scan.from_spacing(np.zeros((1, *mask.shape), np.float32), (1.0, 1.0, 1.0))
    short = Counting(TASK.recipe, scan, mask, 0)
    for name in ("strided, whole scan", "foreground random", "random", "strided, extent known"):
        assert [point[0] for point in BASELINES[name](short, 6)] == [1, 2, 3]


def test_people_who_do_not_know_the_extent() -> None:
    assert order("middle-out") == [6, 5, 7, 4]
    # Gaps end at -1 and 20: the middle of 6 to 20 is 13, which is empty; then -1 to 6 and 6 to 13.
    assert order("widest gap") == [6, 13, 2, 9]
    assert order("strided, extent known")[0] == 6
    for name in ("random", "foreground random"):
        assert order(name)[0] == 6
        assert len(set(order(name))) == 4


def test_slices_after_some_are_known_fill_what_is_farthest() -> None:
    # Of 0 to 8 with 0 known, 5 leaves distances 0 1 2 2 1 0 1 2 3 and no other less.
    assert widest_gap_after(list(range(9)), np.array([0]))[0] == 5
    assert widest_gap_after([3, 4], np.array([3, 4])) == []
    assert widest_gap_after([0, 1, 2], np.array([9]))[0] == 1  # none of them: begin in the middle


def test_slices_needed_and_dice_for_so_many() -> None:
    points = pd.DataFrame({"slices": [1.0, 1.1, 2.1, 3.1], "dice": [0.5, 0.6, 0.86, 0.84]})
    assert needed(points, 0.85, 5) == pytest.approx(2.1)
    assert needed(points, 0.9, 5) == 6.0
    assert dice_at(points, 2) == 0.6
    assert dice_at(points, 3) == 0.86


def test_shares_of_slices_saved() -> None:
    mean = pd.DataFrame(
        {"to 0.85": [3.0, 4.0, 2.5], "to 0.90": [4.5, 5.0, 4.5]}, index=["advice", "a", "b"]
    )
    assert fewer(mean, "advice").splitlines()[2:] == ["| a | 25% | 10% |", "| b | -20% | 0% |"]
    assert fewer(mean, "rules") == fewer(mean.loc[["advice"]], "advice") == "(not run)"


def test_every_kind_is_drawn_and_those_judged_by_are_among_them() -> None:
    rng = np.random.default_rng(0)
    drawn = {sampled(rng).kind for _ in range(400)}
    assert drawn == set(KINDS)
    assert {recipe.kind for recipe in RECIPES} <= set(KINDS)


def test_rows_keep_profiles_for_features_to_come() -> None:
    found = made_up(axis_profile([0.0, 12, 30, 12], [0, 3.0, 0, 2], drawn=(2,), empty=(0,)))
    answer = np.zeros((4, 4, 4), dtype=bool)
    truth = answer.copy()
    answer[0, 0, 1:4], truth[0, 0, 2:4], truth[0, 1, 1] = True, True, True
    row = as_row(Seen(found, np.array([[0.8, 0.1, 0.2, 0.7, 0.6]]), answer), truth)
    assert row["answer"] == [0.8, 0.1, 0.2, 0.7, 0.6]
    assert row["dice"] == pytest.approx(2 * 2 / 6)
    assert row["slice_dice"] == [None, 0.0, 1.0, 1.0]
    assert row["holds"] == [0, 1, 1, 1]
    back = profiles_of(row)
    np.testing.assert_allclose(state_features(back, 0), state_features(found, 0), rtol=1e-4)


def test_a_run_keeps_how_the_answer_changed_and_the_last_slice_was_foreseen() -> None:
    truth = np.zeros((3, 2, 4), dtype=bool)
    before, answer = truth.copy(), truth.copy()
    truth[1, 0, :3] = True
    before[1, 0, 1:4] = True
    answer[1, 0, :3] = answer[2, 0, 0] = True
    row = run_row(answer, before, truth, (0, 1))
    assert row["areas"] == [[0, 3, 1], [4, 0], [2, 1, 1, 0]]
    assert row["change"] == [2, 3, 4]
    assert row["last"] == [2, 3, 3]


def ball() -> Task:
    """An ellipsoid whose longest axis is the last, so that people draw across that one."""
    at = np.moveaxis(np.indices((14, 14, 18)), 0, -1) - [6.5, 6.5, 8.5]
    mask = (at**2 / np.array([25, 25, 36])).sum(axis=-1) <= 1
    channels = np.where(mask, 1.0, 0.0)[None].astype(np.float32)
    return Task(Recipe("ball", "made up", 0, (1,)), Scan.from_spacing(channels, (1, 1, 1)), mask, 2)


@pytest.mark.slow
@pytest.mark.parametrize("places", [[(2, 8)], [(2, 8), (0, 8)], [(2, 8), (0, 8), (1, 6), (2, 4)]])
def test_suggest_judges_by_what_the_fit_was_made_of(places: list[SliceIndex]) -> None:
    # With as many slices across two axes the answer goes by one of them and the fit by the other.
    task = ball()
    found = suggest(task.image, task.labels(places), annotated=places)
    seen = task.seen(places)
    expected = predicted_quality(seen.profiles, seen.told, shipped_gain_model())
    # Here the grid is as fine as the scan: a coarse answer says what the whole one does.
    assert found.predicted_dice == pytest.approx(expected.dice, abs=2e-3)
    assert found.predicted_dice_low == pytest.approx(expected.low, abs=2e-3)


@pytest.mark.slow
def test_states_of_a_run_are_kept_beside_its_points() -> None:
    kept: list[Row] = []
    points = list(Advice(keep=kept.append)(ball(), 2))
    assert [row["slices"] for row in kept] == [point[0] for point in points]
    assert [row["dice"] for row in kept] == [point[1] for point in points]
    assert [row["asked"] for row in kept] == [point[4] for point in points]
    assert kept[0]["change"][0] == kept[0]["change"][1] == kept[0]["change"][2] > 0
    assert points[-1][0] >= 2


@dataclass(frozen=True, eq=False)
class Secret(Task):
    """A task of which two slices show all that counts: .5 for the one, .4 for the other."""

    def dice(self, places: Sequence[SliceIndex]) -> float:
        return 0.5 * ((1, 3) in places) + 0.4 * ((2, 2) in places) + 0.001 * len(places)


def test_the_oracle_finds_the_slices_that_count_and_stops_once_it_is_enough() -> None:
    points = list(oracle(Secret(TASK.recipe, TASK.scan, MASK, 0), 5))
    assert [point[4] for point in points] == ["draw (0, 6)", "draw (1, 3)", "draw (2, 2)"]
    assert [point[1] for point in points] == pytest.approx([0.001, 0.502, 0.903])
