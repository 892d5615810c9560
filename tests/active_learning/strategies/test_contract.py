"""What every strategy must do, whatever it is: one suite over `STRATEGIES`."""

import numpy as np
import pytest

from fewslice.active_learning.base import Ranking, Strategy
from fewslice.active_learning.candidates import Candidates
from fewslice.active_learning.scans import rank_scans
from fewslice.active_learning.strategies.registry import STRATEGIES, find_strategy
from fewslice.errors import InputError
from tests.support.candidate_pools import ball_pool, certain_pool, constant_pool


@pytest.fixture(params=sorted(STRATEGIES))
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return STRATEGIES[request.param]


def rank(strategy: Strategy, candidates: Candidates, count: int, seed: int = 0) -> Ranking:
    found = strategy.rank(candidates, count, np.random.default_rng(seed))
    free = set(candidates.open.tolist())
    assert found.chosen.dtype == np.int64
    assert found.score.dtype == np.float64
    assert len(found.chosen) == len(found.score) == len(found.reason) == min(count, len(free))
    assert set(found.chosen.tolist()) <= free
    assert len(set(found.chosen.tolist())) == len(found.chosen)
    assert np.isfinite(found.score).all()
    assert all(reason.endswith(".") and 10 < len(reason) < 100 for reason in found.reason)
    return found


def test_chooses_open_rows_once(strategy: Strategy) -> None:
    rank(strategy, ball_pool(), 5)


def test_more_than_the_pool_holds_gives_all_of_it(strategy: Strategy) -> None:
    found = rank(strategy, ball_pool(slices=6), 100)
    assert len(found) == 10


def test_one_candidate(strategy: Strategy) -> None:
    assert rank(strategy, ball_pool().take([3]), 2).chosen.tolist() == [0]


def test_nothing_annotated(strategy: Strategy) -> None:
    rank(strategy, ball_pool(annotated=()), 4)


def test_everything_annotated_gives_an_empty_ranking(strategy: Strategy) -> None:
    assert len(rank(strategy, ball_pool(slices=3, annotated=(0, 1, 2)), 2)) == 0


def test_no_candidates_give_an_empty_ranking(strategy: Strategy) -> None:
    assert len(rank(strategy, ball_pool().take(np.array([], dtype=int)), 2)) == 0


@pytest.mark.parametrize("count", [0, -3])
def test_asking_for_nothing_is_refused(strategy: Strategy, count: int) -> None:
    with pytest.raises(InputError, match="ask for one or more"):
        strategy.rank(ball_pool(), count, np.random.default_rng(0))


def test_same_seed_same_ranking(strategy: Strategy) -> None:
    first, second = (rank(strategy, ball_pool(), 6, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.chosen, second.chosen)
    np.testing.assert_array_equal(first.score, second.score)
    assert first.reason == second.reason


@pytest.mark.parametrize("pool", [constant_pool, certain_pool])
def test_ties_are_broken_by_the_seed(strategy: Strategy, pool: object) -> None:
    assert callable(pool)
    candidates = pool()
    # Where a slice lies is the one thing that makes these differ for strategies that look at it.
    candidates.position[:] = 0
    firsts = {int(rank(strategy, candidates, 1, seed).chosen[0]) for seed in range(40)}
    assert len(firsts) > 3


@pytest.mark.parametrize("pool", [constant_pool, certain_pool])
def test_candidates_that_say_nothing_are_all_ranked(strategy: Strategy, pool: object) -> None:
    assert callable(pool)
    rank(strategy, pool(), 6)


def test_several_scans_of_different_length(strategy: Strategy) -> None:
    both = ball_pool(scans=3)
    rank(strategy, both.take(np.flatnonzero(both.place[:, 2] >= 3 * both.place[:, 0])), 9)


def test_several_planes(strategy: Strategy) -> None:
    candidates = ball_pool(scans=1, slices=12)
    candidates.place[::3, 1] = 0
    rank(strategy, candidates, 11)


def test_leaves_candidates_as_they_are(strategy: Strategy) -> None:
    candidates, copy = ball_pool(), ball_pool()
    rank(strategy, candidates, 5)
    for name in candidates.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(candidates, name), getattr(copy, name))


def test_ranks_scans_of_a_pool(strategy: Strategy) -> None:
    candidates = ball_pool(scans=5, annotated=())
    candidates.annotated[candidates.place[:, 0] == 2] = True
    candidates.place[:, 0] += 10
    found = rank_scans(candidates, strategy, 9, np.random.default_rng(0))
    assert sorted(found.chosen.tolist()) == [10, 11, 13, 14]


def test_unknown_names_are_answered_with_those_there_are() -> None:
    assert find_strategy("entropy") is STRATEGIES["entropy"]
    with pytest.raises(InputError, match="no strategy 'magic'; choose one of random, strided"):
        find_strategy("magic")
