import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewslice.active_learning import scores
from fewslice.active_learning.strategies.batch_bald import (
    BatchBald,
    conditional_entropies,
    configurations,
    from_draws,
    greedy_batch,
    joint_entropies,
)
from tests.support.candidate_pools import ball_pool

LOG2 = float(np.log(2))


def baal_batch_bald() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from baal.active.heuristics import BatchBALD
    return BatchBALD


def random_candidates(seed: int, count: int, samples: int = 4, classes: int = 3) -> np.ndarray:
    """Probabilities (N, S, C)."""
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), (count, samples))


def joint_entropy_by_hand(batch: np.ndarray) -> float:
    """Go through all label configurations one by one."""
    count, samples, classes = batch.shape
    total = 0.0
    for labels in itertools.product(range(classes), repeat=count):
        likelihood = np.prod([batch[x, :, label] for x, label in enumerate(labels)], axis=0)
        probability = float(np.sum(likelihood) / samples)
        total -= probability * np.log(probability)
    return total


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_two_coins_worked_by_hand() -> None:
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])  # tells which of two samples is right
    chosen, gain = greedy_batch(np.array([sure, sure])[..., None], 2, rng())
    assert sorted(chosen.tolist()) == [0, 1]
    assert gain == pytest.approx([LOG2, 0])


def test_a_slice_that_tells_something_else_comes_before_a_copy() -> None:
    first = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=float)
    other = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]])
    chosen, gain = greedy_batch(np.stack([first, first, other])[..., None], 3, rng())
    assert chosen[1] == 2
    expected = LOG2 + 0.9 * np.log(0.9) + 0.1 * np.log(0.1)
    assert gain == pytest.approx([LOG2, expected, 0], abs=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_joint_entropy_is_that_of_all_configurations(count: int) -> None:
    batch = random_candidates(count, count)
    found = configurations(batch, 1000, rng())
    assert found.entropy == pytest.approx(joint_entropy_by_hand(batch), abs=1e-9)
    assert found.weight.sum() == pytest.approx(1)
    more = random_candidates(9, 2)
    expected = [joint_entropy_by_hand(np.concatenate((batch, [x]))) for x in more]
    assert joint_entropies(found, more) == pytest.approx(expected, abs=1e-9)


def test_drawn_configurations_come_near_the_exact_ones() -> None:
    batch, more = random_candidates(0, 4), random_candidates(1, 5)
    exact = joint_entropies(configurations(batch, 81, rng()), more)
    drawn = joint_entropies(configurations(batch, 80, rng()), more)
    assert len(configurations(batch, 80, rng()).weight) == 80
    assert not np.allclose(exact, drawn, atol=1e-6)
    np.testing.assert_allclose(exact, drawn, atol=0.3)
    # All 81 fit into 100,000, so these are drawn on purpose.
    many = from_draws(_drawn_likelihood(batch, 100_000))
    np.testing.assert_allclose(exact, joint_entropies(many, more), atol=0.01)


def _drawn_likelihood(batch: np.ndarray, draws: int) -> np.ndarray:
    source = rng()
    likelihood = np.ones((draws, batch.shape[1]))
    sample = np.arange(draws) % batch.shape[1]
    for probability in batch:
        label = (source.random((draws, 1)) > probability.cumsum(axis=1)[sample]).sum(axis=1)
        likelihood *= probability[:, np.minimum(label, probability.shape[1] - 1)].T
    return likelihood


@given(seed=st.integers(0, 2**32 - 1), points=st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_a_batch_of_one_is_bald(seed: int, points: int) -> None:
    source = np.random.default_rng(seed)
    candidates = source.dirichlet(np.ones(3), (6, 4, points)).transpose(0, 1, 3, 2)
    chosen, gain = greedy_batch(candidates, 1, rng())
    bald = np.array([scores.mutual_information(x).mean() for x in candidates])
    assert gain[0] == pytest.approx(bald.max(), abs=1e-5)
    assert bald[chosen[0]] == pytest.approx(bald.max(), abs=1e-5)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_gains_fall_and_copies_bring_less_than_they_would_alone(seed: int) -> None:
    candidates = random_candidates(seed, 4)
    twice = np.concatenate((candidates, candidates))[..., None]
    _, gain = greedy_batch(twice, 6, rng())
    assert (gain >= 0).all()
    assert (np.diff(gain) <= 1e-9).all()
    assert gain.sum() <= np.log(4) + 1e-9  # four samples: no more than which of them is right
    single, double = (
        joint_entropies(configurations(candidates[:n], 100, rng()), candidates[:1])[0]
        for n in (0, 1)
    )
    assert double < 2 * single - 1e-9


def test_points_are_valued_one_by_one() -> None:
    first = random_candidates(0, 5)
    second = random_candidates(1, 5)
    _, both = greedy_batch(np.stack((first, second), axis=3), 1, rng())
    bald = [scores.mutual_information(x[:, :, None])[0] for x in first]
    other = [scores.mutual_information(x[:, :, None])[0] for x in second]
    assert both[0] == pytest.approx((np.array(bald) + np.array(other)).max() / 2, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_entropies_agree_with_baal_on_the_same_draws(seed: int) -> None:
    theirs = baal_batch_bald()(num_samples=3)
    batch, more = random_candidates(seed, 3), random_candidates(seed + 50, 20)
    likelihood = _drawn_likelihood(batch, 400)
    expected = np.concatenate(list(theirs._joint_entropy(more.swapaxes(1, 2), likelihood)))
    np.testing.assert_allclose(joint_entropies(from_draws(likelihood), more), expected, atol=1e-4)
    np.testing.assert_allclose(
        conditional_entropies(more),
        theirs._conditional_entropy(more.swapaxes(1, 2)),
        atol=1e-4,
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_whole_batches_agree_with_baal(seed: int) -> None:
    """With probabilities in eighths, every configuration is a whole number of equal draws.

    So baal can be given exactly the distribution of which it would draw, and must come to the
    same batch with the same scores.
    """
    source = np.random.default_rng(seed)
    candidates = source.multinomial(8, [0.5, 0.3, 0.2], (12, 4)) / 8

    class Exhaustive(baal_batch_bald()):  # type: ignore[misc]
        def _sample_from_history(self, probs: np.ndarray, num_draw: int = 0) -> np.ndarray:
            likelihood = np.ones((1, 4))
            for probability in probs.swapaxes(1, 2):
                likelihood = (likelihood[:, None, :] * probability.T).reshape(-1, 4)
            times = np.rint(likelihood.mean(axis=1) * 4 * 8 ** len(probs)).astype(int)
            return np.repeat(likelihood, times, axis=0)

    theirs = Exhaustive(num_samples=3).compute_score(candidates.swapaxes(1, 2))
    chosen, gain = greedy_batch(candidates[..., None], 4, rng())
    assert set(chosen.tolist()) == set(np.flatnonzero(theirs).tolist())
    for place in range(4):
        batch = configurations(candidates[chosen[:place]], 100, rng())
        # baal's score leaves out H[y_B], which is the same for all candidates of a step.
        assert theirs[chosen[place]] == pytest.approx(gain[place] + batch.entropy, abs=1e-4)


def test_drawing_and_enumerating_choose_alike() -> None:
    candidates = random_candidates(3, 30, samples=6)[..., None]
    exact, gain = greedy_batch(candidates, 3, rng(), most=1000)
    drawn, near = greedy_batch(candidates, 3, rng(), most=8)
    assert exact[0] == drawn[0]
    np.testing.assert_allclose(gain, near, atol=0.2)


def test_certain_candidates_have_no_gain() -> None:
    certain = np.zeros((4, 3, 2, 5))
    certain[:, :, 0] = 1
    chosen, gain = greedy_batch(certain, 4, rng())
    assert sorted(chosen.tolist()) == [0, 1, 2, 3]
    assert gain.tolist() == [0, 0, 0, 0]


def test_large_pools_are_narrowed_to_the_best_by_bald() -> None:
    candidates = ball_pool(scans=3, annotated=())
    found = BatchBald(pool=4).rank(candidates, 3, rng())
    best = np.argsort(-candidates.mutual_information)[:4]
    assert set(found.chosen.tolist()) <= set(best.tolist())
