"""How simulated people choose slices: where a structure lies on slices 2 to 10 of 14."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.advice import HABITS

from fewslice.annotation.annotation import SliceIndex
from tests.support.box_task import box_task

TASK = box_task(14)


def follow(habit: str, seed: int) -> list[SliceIndex]:
    """Start with the middle slice and go on until nothing is left to draw, or 30 times."""
    rng = np.random.default_rng(seed)
    places: list[SliceIndex] = [(0, 6)]
    for _ in range(30):
        following = HABITS[habit](TASK, places, rng)
        if following is None:
            break
        if following not in places:
            places.append(following)
    return places


def test_halving_draws_the_middle_of_the_widest_gap_until_all_is_drawn() -> None:
    # Gaps end at 1 and 11: 1 to 6 first, then 6 to 11, then what is left.
    found = [index for _, index in follow("halving", 0)]
    assert found[:3] == [6, 3, 8]
    assert sorted(found) == list(range(2, 11))


def test_bunched_slices_stay_near_the_first() -> None:
    # A quarter of nine slices are two.
    assert sorted(index for _, index in follow("bunched", 0)) == [4, 5, 6, 7, 8]


def test_random_slices_hold_the_structure() -> None:
    assert sorted(index for _, index in follow("random", 0)) == list(range(2, 11))
    assert follow("random", 0) != follow("random", 1)


@pytest.mark.parametrize("habit", HABITS)
def test_every_habit_stays_inside_the_scan_and_repeats_with_its_seed(habit: str) -> None:
    found = follow(habit, 3)
    assert found == follow(habit, 3)
    assert all(0 <= index < TASK.mask.shape[axis] for axis, index in found)
    assert len(found) > 3
