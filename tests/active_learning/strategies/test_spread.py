from dataclasses import dataclass

import numpy as np

from fewslice.active_learning.base import Ranking, Strategy
from fewslice.active_learning.candidates import Candidates, stack
from fewslice.active_learning.ranking import best_first, open_rows, ranking
from fewslice.active_learning.scans import rank_scans
from fewslice.active_learning.strategies.random import ForegroundRandom, Random
from fewslice.active_learning.strategies.spread import Spread
from tests.support.candidate_pools import ball_pool, line


@dataclass(frozen=True)
class Later:
    """The slice with the greatest index."""

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        rows = open_rows(candidates, count)
        index = candidates.place[rows, 2].astype(float)
        order = best_first(index, count, rng)
        return ranking(rows[order], index[order], "The later, the better.")


def places(
    pool: Candidates, count: int, inner: Strategy | None = None, seed: int = 0
) -> list[tuple[int, int]]:
    found = Spread(inner or Later(), gap=1).rank(pool, count, np.random.default_rng(seed))
    return [(int(scan), int(index)) for scan, _, index in pool.place[found.chosen]]


def test_one_slice_of_each_scan_before_a_second_of_any() -> None:
    pool = stack([line(range(20), scan=0), line(range(15), 15, scan=1), line(range(9), 9, scan=2)])
    # Extents 57, 42 and 24 mm: of the second turn at least a quarter of that from the first slice,
    # 14.25, 10.5 and 6 mm, slices being 3 mm apart.
    first = [(0, 19), (1, 14), (2, 8)]
    assert places(pool, 6) == [*first, (0, 14), (1, 10), (2, 6)]


def test_scans_with_fewer_annotated_slices_come_first() -> None:
    drawn = ((9, 15), (4,), ())
    pool = stack(line(range(20), annotated=drawn[scan], scan=scan) for scan in range(3))
    found = [scan for scan, _ in places(pool, 6, Random())]
    assert found[0] == 2
    assert sorted(found[1:3]) == [1, 2]
    assert sorted(found[3:]) == [0, 1, 2]


def test_stays_away_from_annotated_slices_of_the_scan() -> None:
    # The structure is on 4 to 16: 36 mm. One is annotated: at least 9 mm from it, 3 slices.
    pool = line(range(4, 17), annotated=(16,))
    assert places(pool, 1) == [(0, 19)]
    found = {places(pool, 1, ForegroundRandom(1.0), seed)[0][1] for seed in range(60)}
    assert found == set(range(4, 14))


def test_a_smaller_gap_only_keeps_neighbours_apart() -> None:
    # A quarter of the 9 mm above: 2.25 mm, less than the 3 mm to the next slice. Where the
    # structure is on all 20, a quarter of 57 / 4: 3.56 mm.
    pool, rng = line(range(4, 17), annotated=(19,)), np.random.default_rng(0)
    assert Spread(Later()).rank(pool, 1, rng).chosen.tolist() == [18]
    pool = line(range(20), annotated=(19,))
    assert Spread(Later()).rank(pool, 1, rng).chosen.tolist() == [17]


def test_slices_across_another_axis_may_be_near() -> None:
    pool = stack([line(range(20), annotated=(19,)), line(range(20), axis=1)])
    found = Spread(Later()).rank(pool, 1, np.random.default_rng(0))
    assert pool.place[found.chosen[0]].tolist() == [0, 1, 19]


def test_where_all_is_near_the_distance_does_not_count() -> None:
    assert places(line(range(3), 3, annotated=(0, 2)), 5) == [(0, 1)]
    assert places(line(range(2), 2), 5) == [(0, 1), (0, 0)]


def test_a_used_up_scan_does_not_hold_the_others_back() -> None:
    pool = stack([line(range(1), 1), line(range(20), annotated=(3, 9, 15), scan=1)])
    assert [scan for scan, _ in places(pool, 4)] == [0, 1, 1, 1]


def test_score_and_reason_are_those_of_the_inner_strategy() -> None:
    found = Spread(Later()).rank(line(range(20)), 1, np.random.default_rng(0))
    assert found.score.tolist() == [19]
    assert found.reason == ("The later, the better.",)


def test_whole_scans_are_ranked_by_the_inner_strategy() -> None:
    pool = ball_pool(scans=6)
    for seed in range(5):
        by_inner, spread = (
            rank_scans(pool, strategy, 1, np.random.default_rng(seed)).chosen.tolist()
            for strategy in (Random(), Spread(Random()))
        )
        assert spread == by_inner
