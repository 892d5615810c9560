import numpy as np
import pytest

from fewslice.evaluation.simulation.calibration import ALL, calibrations, reliability
from tests.support.simulated_points import run, study


def test_errors_coverage_and_stopping() -> None:
    made = study(
        run(
            "a",
            "x",
            [1, 2, 3],
            [0.5, 0.89, 0.95],
            predicted=[0.6, 0.93, 0.95],
            predicted_low=[0.4, 0.91, 0.92],
        ),
        run("b", "x", [1, 2], [0.7, 0.92], predicted=[None, 0.94], predicted_low=[None, 0.9]),
        run("c", "x", [1], [0.3], predicted=[0.2], predicted_low=[0.1]),
        run("a", "baseline", [1], [0.5]),
    )
    (row,) = calibrations(made)
    assert (row.strategy, row.points) == ("x", 5)
    assert row.error == pytest.approx((0.1 + 0.04 + 0 + 0.02 + 0.1) / 5)
    assert row.bias == pytest.approx((0.1 + 0.04 + 0 + 0.02 - 0.1) / 5)
    assert row.coverage == pytest.approx(4 / 5)
    assert row.stop == pytest.approx(3 / 5)
    assert row.stop_right == pytest.approx(2 / 3)
    # Of the first times that stopping is advised, a's is wrong.
    assert (row.runs, row.runs_stopped, row.runs_right) == (3, 2, 1)


def test_calibration_error_is_that_of_bins() -> None:
    predicted, dice = np.array([0.91, 0.95, 1.0, 0.1]), np.array([0.95, 0.95, 0.9, 0.3])
    rows = reliability(predicted, dice)
    np.testing.assert_allclose(rows, [[0.1, 0.3, 1], [2.86 / 3, 2.8 / 3, 3]])
    made = study(
        *[
            run(task, "x", [1], [true], predicted=[value], predicted_low=[0.0])
            for task, value, true in zip("abcd", predicted, dice, strict=True)
        ]
    )
    assert calibrations(made)[0].calibration_error == pytest.approx((0.2 + 0.06) / 4)


def test_several_strategies_are_also_taken_together() -> None:
    made = study(
        *[run("a", name, [1], [0.4], predicted=[0.5], predicted_low=[0.5]) for name in "xy"]
    )
    rows = calibrations(made)
    assert [(row.strategy, row.points) for row in rows] == [("x", 1), ("y", 1), (ALL, 2)]
    assert np.isnan(rows[0].stop_right)
    assert rows[0].coverage == 0


def test_without_predictions_there_is_nothing() -> None:
    assert calibrations(study(run("a", "x", [1], [0.5]))) == []


def test_stops_go_by_what_is_promised() -> None:
    points = run("a", "x", [1, 2], [0.88, 0.93], predicted=[0.9, 0.95], predicted_low=[0.8, 0.88])
    for point, promised in zip(points, (0.85, 0.91), strict=True):
        point["promised"] = promised
    (found,) = calibrations(study(points))
    assert (found.stop, found.stop_right, found.runs_right) == (0.5, 1.0, 1)
