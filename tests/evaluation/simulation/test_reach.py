import numpy as np
import pytest

from fewslice.evaluation.simulation.reach import Comparison, comparisons, reach_table
from fewslice.evaluation.simulation.study import Study
from tests.support.simulated_points import run, study


@pytest.fixture
def made() -> Study:
    """Both reach 0.85 on a and b; on c only "good" does."""
    return study(
        run("a", "good", [1, 2], [0.5, 0.86]),
        run("b", "good", [1, 1.1], [0.5, 0.85]),
        run("c", "good", [1, 3], [0.5, 0.9]),
        run("a", "plain", [1, 2, 3], [0.5, 0.6, 0.86]),
        run("b", "plain", [1, 3], [0.5, 0.86]),
        run("c", "plain", [1, 2, 3], [0.5, 0.6, 0.7]),
        budget=4.0,
    )


def test_means_over_what_all_reach_and_censored_over_all(made: Study) -> None:
    rows = {(row.by, row.goal, row.strategy): row for row in reach_table(made)}
    good, plain = rows["slices", 0.85, "good"], rows["slices", 0.85, "plain"]
    assert (good.units, good.reached, good.common) == (3, 3, 2)
    assert (plain.units, plain.reached, plain.common) == (3, 2, 2)
    assert (good.mean, plain.mean) == pytest.approx(((2 + 1.1) / 2, (3 + 3) / 2))
    assert good.censored_mean == pytest.approx((2 + 1.1 + 3) / 3)
    assert plain.censored_mean == pytest.approx((3 + 3 + 4) / 3)  # c counts the whole budget
    assert rows["seconds", 0.85, "plain"].censored_mean == pytest.approx((30 + 30 + 30) / 3)
    assert rows["drawn", 0.85, "good"].mean == pytest.approx((2 + 1) / 2)
    nobody = rows["slices", 0.90, "plain"]
    assert (nobody.reached, nobody.common, nobody.censored_mean) == (0, 0, 4)
    assert np.isnan(nobody.mean)


def test_savings_are_of_the_units_both_reach(made: Study) -> None:
    row = found(made, "reach", "slices", 0.85, "good")
    assert (row.reference, row.units) == ("plain", 2)
    assert (row.mean, row.reference_mean) == pytest.approx((1.55, 3))
    assert row.difference == pytest.approx(-1.45)
    assert row.saving == pytest.approx(1 - 1.55 / 3)
    # Two tasks: the bounds are those of either alone.
    assert (row.saving_low, row.saving_high) == pytest.approx((1 - 2 / 3, 1 - 1.1 / 3))
    assert (row.difference_low, row.difference_high) == pytest.approx((-1.9, -1))


def test_the_other_way_round_is_there_as_well(made: Study) -> None:
    row = found(made, "reach", "slices", 0.85, "plain")
    assert row.saving == pytest.approx(1 - 3 / 1.55)
    assert row.p == found(made, "reach", "slices", 0.85, "good").p


def test_areas_are_compared_without_a_saving(made: Study) -> None:
    row = found(made, "area", "slices", np.nan, "good")
    # From 1 to 4: a 0.68 + 2 x 0.86; b 0.0675 + 2.9 x 0.85; c 2 x 0.7 + 0.9.
    good = np.array([0.68 + 1.72, 0.0675 + 2.465, 2.3]) / 3
    plain = np.array([0.55 + 0.73 + 0.86, 1.36 + 0.86, 0.55 + 0.65 + 0.7]) / 3
    assert row.units == 3
    assert row.difference == pytest.approx((good - plain).mean())
    assert np.isnan(row.saving)
    assert row.p < 0.05


def test_nothing_to_compare_is_no_number(made: Study) -> None:
    row = found(made, "reach", "slices", 0.90, "good")
    assert row.units == 0
    assert np.isnan([row.mean, row.saving, row.p]).all()


def found(made: Study, measure: str, by: str, goal: float, strategy: str) -> Comparison:
    (row,) = [
        row
        for row in comparisons(made)
        if (row.measure, row.by, row.strategy) == (measure, by, strategy)
        and (row.goal == goal or (np.isnan(row.goal) and np.isnan(goal)))
    ]
    return row
