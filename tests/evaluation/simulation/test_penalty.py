import numpy as np
import pytest

from fewslice.evaluation.simulation.penalty import mean_penalty, penalty_matrix
from tests.support.simulated_points import run, study


def test_the_loser_is_the_row() -> None:
    # Budgets 1, 2, 3: the same at 1; "good" is ahead by 0.2, 0.21 and 0.22 at 2 and 3.
    lead = (0.2, 0.21, 0.22)
    made = study(
        *[
            run(task, "good", [1, 2], [0.5, 0.6 + more])
            for task, more in zip("abc", lead, strict=True)
        ],
        *[run(task, "bad", [1, 2], [0.5, 0.6]) for task in "abc"],
    )
    np.testing.assert_allclose(penalty_matrix(made), np.array([[0, 0], [2 / 3, 0]]))


def test_differences_within_noise_are_no_loss() -> None:
    # Differences 0.1, 0.1 and -0.1: t = 0.5, p = 0.67.
    made = study(
        *[run(task, "one", [1], [dice]) for task, dice in zip("abc", (0.6, 0.6, 0.4), strict=True)],
        *[run(task, "two", [1], [0.5]) for task in "abc"],
    )
    assert not penalty_matrix(made).any()


def test_more_seeds_of_the_same_task_are_no_more_evidence() -> None:
    # With two tasks that differ by 0.1 and 0.3, p = 0.295, however many seeds say the same.
    made = study(
        *[
            run(task, name, [1], [dice], seed=seed)
            for task, better in (("a", 0.6), ("b", 0.8))
            for name, dice in (("one", better), ("two", 0.5))
            for seed in range(10)
        ]
    )
    assert not penalty_matrix(made).any()


def test_strategies_without_a_shared_run_cannot_be_compared() -> None:
    made = study(run("a", "one", [1], [0.9]), run("b", "two", [1], [0.1]))
    assert not penalty_matrix(made).any()


def test_dice_before_a_run_begins_is_its_first() -> None:
    made = study(
        *[run(task, "late", [3], [dice]) for task, dice in (("a", 0.4), ("b", 0.401))],
        *[run(task, "early", [1], [0.5]) for task in "ab"],
    )
    np.testing.assert_allclose(penalty_matrix(made), [[0, 1], [0, 0]])


def test_means_are_over_the_others() -> None:
    assert mean_penalty(np.array([[0, 0, 0], [0.5, 0, 0], [1, 0.5, 0]])) == pytest.approx(
        [0, 0.25, 0.75]
    )
    assert mean_penalty(np.zeros((1, 1))).tolist() == [0]
