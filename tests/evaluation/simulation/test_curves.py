import numpy as np
import pytest

from fewslice.evaluation.simulation.curves import (
    area,
    comparison_budgets,
    curve_budgets,
    curve_rows,
    final_dice,
    learning_curves,
    normalised_area,
)
from tests.support.simulated_points import run, study


def test_a_constant_curve_has_its_value_as_area() -> None:
    flat = study(run("a", "x", [1, 1.1, 3], [0.7, 0.7, 0.7]))
    assert area(flat, "x", "slices") == pytest.approx([0.7])
    assert area(flat, "x", "seconds") == pytest.approx([0.7])


def test_areas_are_trapezoids_over_the_whole_budget() -> None:
    # From 1 to 2 a mean of 0.5, from 2 to 3 one of 0.7; by seconds the run ends at 20 s of 20 s.
    made = study(run("a", "x", [1, 2], [0.3, 0.7]))
    assert area(made, "x", "slices") == pytest.approx([(0.5 + 0.7) / 2])
    assert area(made, "x", "seconds") == pytest.approx([0.5])


def test_a_curve_that_begins_later_counts_its_first_value_back() -> None:
    made = study(run("a", "x", [2, 3], [0.6, 0.8]), run("b", "x", [1], [0.5]))
    assert area(made, "x", "slices") == pytest.approx([(0.6 + 0.7) / 2, 0.5])


def test_area_of_a_run_of_no_length_is_its_last_value() -> None:
    assert normalised_area(np.array([2.0, 2.0]), np.array([0.4, 0.6]), 2, 2) == 0.6


def test_the_area_ends_with_the_budget_within_a_segment() -> None:
    assert normalised_area(np.array([0.0, 4.0]), np.array([0.0, 1.0]), 0, 2) == pytest.approx(0.25)


def test_final_dice_is_the_last_within_the_budget() -> None:
    made = study(run("b", "x", [1, 3, 4], [0.3, 0.6, 0.9]), run("a", "x", [1], [0.5]))
    assert final_dice(made, "x") == pytest.approx([0.5, 0.6])


def test_curves_are_means_of_steps_with_bands() -> None:
    made = study(run("a", "x", [1, 2.1], [0.2, 0.6]), run("b", "x", [1, 2], [0.4, 0.8]))
    by_slices, by_seconds = learning_curves(made)
    np.testing.assert_allclose(by_slices.budgets, np.arange(10, 31) / 10)
    expected = {1.0: (0.3, 0.2, 0.4), 2.0: (0.5, 0.2, 0.8), 2.1: (0.7, 0.6, 0.8)}
    for budget, (mean, low, high) in expected.items():
        at = int(np.argmin(np.abs(by_slices.budgets - budget)))
        assert by_slices.dice[at] == pytest.approx(mean)
        assert (by_slices.low[at], by_slices.high[at]) == pytest.approx((low, high))
    assert by_slices.dice[-1] == pytest.approx(0.7)
    assert (by_seconds.budgets[0], by_seconds.budgets[-1]) == (10, 21)
    assert by_seconds.dice[[0, -1]] == pytest.approx([0.3, 0.7])
    assert by_slices.units == 2


def test_a_curve_begins_where_all_its_runs_have_begun() -> None:
    made = study(run("a", "x", [1, 3], [0.2, 0.6]), run("b", "x", [1.5], [0.4]))
    by_slices = learning_curves(made)[0]
    assert by_slices.budgets[0] == 1.5
    assert by_slices.dice[0] == pytest.approx(0.3)


def test_pools_are_compared_after_each_round() -> None:
    made = study(run("d", "x", [4, 8], [0.2, 0.6]), run("d", "y", [4, 9], [0, 0]), question="pool")
    assert curve_budgets(made, "slices").tolist() == [4, 8, 9]
    assert comparison_budgets(made).tolist() == [4, 8, 9]


def test_volumes_are_compared_at_whole_slices() -> None:
    made = study(run("a", "x", [1.1, 3.2], [0.2, 0.6]), budget=3.5)
    assert comparison_budgets(made).tolist() == [2, 3]


def test_rows_say_what_they_are() -> None:
    rows = list(curve_rows(learning_curves(study(run("a", "x", [1], [0.5])))))
    assert rows[0].keys() == {"by", "strategy", "budget", "dice", "low", "high", "units"}
    assert {row["by"] for row in rows} == {"slices", "seconds"}
