import numpy as np
import pytest
from scipy.stats import ttest_1samp

from fewslice.evaluation.simulation.bootstrap import (
    RESAMPLES,
    grouped_by,
    paired_p,
    resampling,
)


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(0.7, 0.1, 400)
    low, high = resampling([(f"task {n}", 0) for n in range(400)]).mean_interval(values)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_seeds_of_a_task_are_drawn_together() -> None:
    units = [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    low, high = resampling(units).mean_interval(np.array([0.2, 0.4, 0.6, 0.8]))
    # Two tasks: both twice a, both twice b, or one of each; a quarter, a quarter and a half.
    np.testing.assert_allclose([low, high], [0.3, 0.7])
    assert grouped_by(units) == "tasks, each with the mean of its seeds"
    assert grouped_by(units[:2]) == "seeds"
    np.testing.assert_allclose(
        resampling(units).group_means(np.array([[1.0], [3], [5], [6]])), np.array([[2], [5.5]])
    )


def test_with_one_task_seeds_are_drawn() -> None:
    low, high = resampling([("a", 0), ("a", 1)]).mean_interval(np.array([[0.2, 5], [0.4, 5]]))
    np.testing.assert_allclose(low, [0.2, 5])
    np.testing.assert_allclose(high, [0.4, 5])


def test_tasks_count_by_how_many_runs_they_have() -> None:
    made = resampling([("a", 0), ("a", 1), ("a", 2), ("b", 0)])
    low, high = made.mean_interval(np.array([0.0, 0, 0, 1]))
    np.testing.assert_allclose([low, high], [0, 1])
    assert made.counts.shape == (RESAMPLES, 2)
    assert (made.counts.sum(axis=1) == 2).all()


def test_a_ratio_is_one_of_means() -> None:
    units = [("a", 0), ("a", 1)]
    low, high = resampling(units).ratio_interval(np.array([1.0, 2]), np.array([4.0, 2]))
    assert (low, high) == (0.25, 1)


def test_one_unit_has_no_interval() -> None:
    assert np.isnan(resampling([("a", 0)]).mean_interval(np.array([0.5]))).all()


def test_the_same_seed_draws_the_same() -> None:
    units = [("a", n) for n in range(5)]
    np.testing.assert_array_equal(resampling(units, 3).counts, resampling(units, 3).counts)
    assert (resampling(units, 3).counts != resampling(units, 4).counts).any()


def test_the_t_test_is_scipys() -> None:
    differences = np.random.default_rng(0).normal(0.3, 1, (9, 4))
    np.testing.assert_allclose(
        paired_p(differences), ttest_1samp(differences, 0.0).pvalue, rtol=1e-10
    )


def test_differences_without_spread() -> None:
    alike = np.array([[0.0, 0.25], [0.0, 0.25]])
    np.testing.assert_array_equal(paired_p(alike), [1, 0])
    assert np.isnan(paired_p(alike[:1])).all()
