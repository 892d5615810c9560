import numpy as np
import pytest

from fewslice.active_learning.candidates import Candidates, Place, slice_facts, stack
from fewslice.active_learning.strategies.random import ForegroundRandom
from fewslice.active_learning.strategies.registry import STRATEGIES
from fewslice.active_learning.strategies.uncertainty import (
    ClassStratified,
    PowerNoised,
    StochasticBatches,
    noised,
)


def pool_of(*samples: list[list[float]]) -> Candidates:
    """One slice of a single voxel each: a list of samples, each a list of class probabilities."""
    return stack(
        slice_facts(np.array(probability)[:, :, None, None], Place(0, 2, index, float(index)))
        for index, probability in enumerate(samples)
    )


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# Slice 0 is unsure in every sample; 1 disagrees; 2 is nearly sure; 3 is torn between three.
FOUR = pool_of(
    [[0.55, 0.45, 0.0], [0.55, 0.45, 0.0]],
    [[1.0, 0.0, 0.0], [0.2, 0.8, 0.0]],
    [[0.95, 0.05, 0.0], [0.95, 0.05, 0.0]],
    [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]],
)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("entropy", [3, 0, 1, 2]),
        ("margin", [0, 1, 3, 2]),  # 1 - margin: 0.9, 0.8, 0.75, 0.1
        ("variance", [1]),
        ("bald", [1]),
    ],
)
def test_order_by_score(name: str, order: list[int]) -> None:
    found = STRATEGIES[name].rank(FOUR, len(order), rng())
    assert found.chosen.tolist() == order
    assert (np.diff(found.score) <= 0).all()


def test_power_draws_in_proportion_to_the_score() -> None:
    score = np.array([1.0, 2.0, 5.0, 0.0])
    firsts = [int(noised(score, 1.0, rng(seed)).argmax()) for seed in range(4000)]
    share = np.bincount(firsts, minlength=4) / 4000
    assert share == pytest.approx([1 / 8, 2 / 8, 5 / 8, 0], abs=0.03)


def test_great_power_is_no_noise() -> None:
    found = PowerNoised("entropy", power=1e6).rank(FOUR, 4, rng())
    assert found.chosen.tolist() == [3, 0, 1, 2]


def test_class_stratified_gives_each_structure_its_share() -> None:
    # Slice 0 is unsure of structure 1, slice 1 (less) of structure 2; 2 is unsure of background.
    pool = pool_of([[0.1, 0.5, 0.4]], [[0.05, 0.05, 0.9]], [[1.0, 0.0, 0.0]])
    assert pool.class_entropy[0, 1] > pool.class_entropy[1, 1]
    strategy = ClassStratified(share=1.0, power=1e6)
    found = strategy.rank(pool, 2, rng())
    assert sorted(found.chosen.tolist()) == [0, 1]
    assert sorted(reason[:31] for reason in found.reason) == [
        "The prediction of structure 1 i",
        "The prediction of structure 2 i",
    ]


def test_class_stratified_takes_two_thirds_by_class() -> None:
    by_class = 0
    for seed in range(300):
        found = ClassStratified().rank(FOUR, 1, rng(seed))
        by_class += "structure" in found.reason[0]
    assert by_class / 300 == pytest.approx(0.66, abs=0.08)


def test_structures_expected_nowhere_get_no_turn() -> None:
    pool = pool_of([[0.6, 0.4, 0.0]], [[0.7, 0.3, 0.0]])
    for seed in range(20):
        found = ClassStratified(share=1.0).rank(pool, 2, rng(seed))
        assert all("structure 1" in reason for reason in found.reason)


def test_stochastic_batch_of_one_is_the_most_uncertain() -> None:
    assert StochasticBatches().rank(FOUR, 1, rng()).chosen.tolist() == [3]


def test_stochastic_batch_is_the_best_of_a_partition() -> None:
    pairs = set()
    for seed in range(60):
        found = StochasticBatches().rank(FOUR, 2, rng(seed))
        chosen = sorted(found.chosen.tolist())
        rest = [row for row in range(4) if row not in chosen]
        assert FOUR.entropy[chosen].sum() >= FOUR.entropy[rest].sum()
        pairs.add(tuple(chosen))
    assert len(pairs) == 3  # {0, 3}, {1, 3}, and {2, 3} or {0, 1}, whichever is unsure more


@pytest.mark.parametrize("share", [1 / 3, 2 / 3])
def test_foreground_random_draws_its_share_among_foreground(share: float) -> None:
    certain = [[[1.0, 0.0]]] * 9 + [[[0.0, 1.0]]]
    pool = pool_of(*certain)
    hits = np.mean(
        [ForegroundRandom(share).rank(pool, 1, rng(seed)).chosen[0] == 9 for seed in range(2000)]
    )
    # Drawn on purpose, or by chance among all ten.
    assert hits == pytest.approx(share + (1 - share) / 10, abs=0.03)


def test_foreground_random_goes_on_when_foreground_is_used_up() -> None:
    pool = pool_of([[0.0, 1.0]], [[1.0, 0.0]], [[1.0, 0.0]])
    found = ForegroundRandom(1.0).rank(pool, 3, rng())
    assert found.chosen[0] == 0
    assert found.score.tolist() == [1, 0, 0]
