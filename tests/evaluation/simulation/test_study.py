import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.evaluation.simulation.study import COLUMNS, make_study
from tests.support.simulated_points import run, study, table


def test_dice_is_a_step_function_of_the_budget() -> None:
    made = study(run("a", "x", [1, 1.1, 2.1], [0.5, 0.6, 0.9])).runs["x"]["a", 0]
    budgets = np.array([0.9, 1.0, 1.05, 1.1, 2.0, 2.1, 7.0])
    expected = [np.nan, 0.5, 0.5, 0.6, 0.6, 0.9, 0.9]
    np.testing.assert_array_equal(made.dice_at("slices", budgets), expected)
    np.testing.assert_array_equal(made.dice_at("seconds", 10 * budgets), expected)
    np.testing.assert_array_equal(
        made.dice_at("drawn", np.array([0.0, 1.0, 2.0])), [np.nan, 0.6, 0.9]
    )


def test_runs_are_found_in_rows_of_any_order() -> None:
    points = table(
        run("b", "y", [1, 2], [0.1, 0.2], seed=3),
        run("a", "x", [1, 2], [0.3, 0.4]),
        run("a", "x", [1, 2], [0.5, 0.6], seed=10),
    )
    made = make_study(points.sample(frac=1, random_state=0), {"question": "pool"})
    assert list(points.columns) == list(COLUMNS)
    assert {(s, *u): list(r.dice) for s, of in made.runs.items() for u, r in of.items()} == {
        ("x", "a", 0): [0.3, 0.4],
        ("x", "a", 10): [0.5, 0.6],
        ("y", "b", 3): [0.1, 0.2],
    }
    assert made.units == (("a", 0), ("a", 10), ("b", 3))
    assert made.shared("x") == (("a", 0), ("a", 10))
    assert made.shared() == ()


def test_strategies_keep_the_order_they_were_named_in() -> None:
    runs = [run("a", name, [1], [0.5]) for name in ("x", "y", "z")]
    assert study(*runs, strategies=["z", "gone", "x"]).strategies == ("z", "x", "y")


def test_answers_beyond_the_budget_are_left_out_of_volumes_only() -> None:
    points = run("a", "x", [1.1, 2.1, 3.1], [0.5, 0.6, 0.9])
    assert list(study(points).runs["x"]["a", 0].dice) == [0.5, 0.6]
    pool = study(points, question="pool")
    assert (list(pool.runs["x"]["a", 0].dice), pool.budget) == ([0.5, 0.6, 0.9], 3.1)


def test_a_goal_is_reached_at_the_first_point_that_has_it() -> None:
    made = study(run("a", "x", [1, 2, 3], [0.5, 0.85, 0.7])).runs["x"]["a", 0]
    assert made.first_reaching(0.85, "slices") == 2
    assert made.first_reaching(0.85, "seconds") == 20
    assert np.isnan(made.first_reaching(0.86, "slices"))


def test_limits_are_those_of_the_budget_or_of_the_tasks_time() -> None:
    made = study(
        run("a", "x", [1, 2], [0, 0]),
        run("a", "y", [1.1, 3], [0, 0], seconds=[5, 70]),
        run("b", "x", [1.5], [0]),
    )
    assert made.limits["slices"] == {"a": (1, 3), "b": (1, 3)}
    assert made.limits["seconds"] == {"a": (5, 70), "b": (15, 15)}


def test_foreground_is_a_share_of_what_is_known() -> None:
    shares = study(run("a", "x", [1, 2], [0, 0]))
    counts = [run("a", "x", [1, 2], [0, 0], foreground=[50, 200])]
    scaled, known = study(*counts), study(*counts, foreground_total=400)
    assert shares.foreground == known.foreground == "share of all structure voxels"
    np.testing.assert_allclose(shares.runs["x"]["a", 0].foreground, [0.1, 0.2])
    np.testing.assert_allclose(scaled.runs["x"]["a", 0].foreground, [0.25, 1])
    assert scaled.foreground == "share of the most that any run annotated (200 voxels)"
    np.testing.assert_allclose(known.runs["x"]["a", 0].foreground, [0.125, 0.5])


def test_no_points_are_one_sentence() -> None:
    with pytest.raises(InputError, match="nothing to report"):
        make_study(table(run("a", "x", [1], [0])).iloc[:0], {})
