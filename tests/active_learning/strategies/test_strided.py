import numpy as np
import pytest

from fewslice.active_learning.candidates import Candidates, stack
from fewslice.active_learning.strategies.strided import Strided
from tests.support.candidate_pools import line


def chosen(candidates: Candidates, count: int, seed: int = 0) -> list[int]:
    found = Strided().rank(candidates, count, np.random.default_rng(seed))
    return [int(row) for row in found.chosen]


def test_midpoints_of_equal_parts_where_nothing_is_annotated() -> None:
    # Extent 4 to 16, three parts of 4: midpoints 6, 10, 14; the middle one first.
    assert chosen(line(range(4, 17)), 3) == [10, 6, 14]


def test_one_slice_is_the_middle_of_the_structure() -> None:
    assert chosen(line(range(5, 12)), 1) == [8]


def test_fills_the_widest_gap() -> None:
    assert chosen(line(range(2, 19), annotated=(4, 16)), 1) == [10]


def test_goes_on_from_the_middle() -> None:
    # On either side of the middle; both are as good. 4 and 5 leave a sum of 12 slices on their
    # side (2 to 9), and 4 is farther from 10.
    found = {chosen(line(range(2, 19), annotated=(10,)), 1, seed)[0] for seed in range(20)}
    assert found == {4, 16}


def test_score_is_the_distance_in_mm() -> None:
    found = Strided().rank(line(range(2, 19), annotated=(4, 16)), 1, np.random.default_rng(0))
    assert found.score.tolist() == [18]


def test_the_reason_counts_slices_to_what_is_annotated_or_chosen_before() -> None:
    found = Strided().rank(line(range(2, 19), annotated=(4, 16)), 3, np.random.default_rng(0))
    assert found.reason[0] == "Evenly spaced: 6 slices from the nearest annotated one."
    assert found.reason[1] == "Evenly spaced: 3 slices from the nearest annotated one."
    alone = Strided().rank(line(range(5, 12)), 2, np.random.default_rng(0))
    away = abs(int(alone.chosen[0] - alone.chosen[1]))
    assert alone.reason == (
        "Evenly spaced.",
        f"Evenly spaced: {away} slices from the nearest annotated one.",
    )
    beside = Strided().rank(line(range(2), annotated=(0,)), 1, np.random.default_rng(0))
    assert beside.reason == ("Evenly spaced: 1 slice from the nearest annotated one.",)


def test_slices_beyond_the_extent_come_last() -> None:
    found = chosen(line(range(8, 12), annotated=(9,)), 19)
    assert set(found[:3]) == {8, 10, 11}
    assert found[3] in (0, 19)


def test_an_unseen_structure_may_be_anywhere() -> None:
    assert chosen(line(range(0)), 2) in ([5, 14], [14, 5])


def test_scans_take_turns_the_least_annotated_first() -> None:
    pool = stack([line(range(20), annotated=(3, 9, 15)), line(range(20), scan=1)])
    scans = pool.place[chosen(pool, 7), 0].tolist()
    assert scans[:3] == [1, 1, 1]
    assert sorted(scans[3:]) == [0, 0, 1, 1]


def test_keeps_to_the_plane_people_draw_in() -> None:
    pool = stack([line(range(20), 30), line(range(20), annotated=(9,), axis=0)])
    assert set(pool.place[chosen(pool, 19), 1].tolist()) == {0}
    assert len(chosen(pool, 40)) == 40


@pytest.mark.parametrize("count", [1, 5, 12])
def test_no_slice_comes_twice_when_parts_are_narrow(count: int) -> None:
    found = chosen(line(range(6, 9), 12), count)
    assert len(set(found)) == count
