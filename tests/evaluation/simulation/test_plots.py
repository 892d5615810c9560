import numpy as np
import pytest
from matplotlib.lines import Line2D

from fewslice.evaluation.simulation.calibration import calibrations
from fewslice.evaluation.simulation.curves import learning_curves
from fewslice.evaluation.simulation.plots import (
    calibration_figure,
    curves_figure,
    penalty_figure,
    reach_figure,
)
from fewslice.evaluation.simulation.study import Study
from tests.support.simulated_points import run, study


@pytest.fixture
def made() -> Study:
    return study(
        *[
            run(
                task,
                "default",
                [1, 1.1, 2.1],
                [0.5, 0.6, dice],
                predicted=[0.5, 0.6, 0.95],
                predicted_low=[0.4, 0.5, 0.9],
            )
            for task, dice in (("a", 0.8), ("b", 0.9))
        ],
        *[run(task, "random", [1, 3], [0.5, 0.7]) for task in "ab"],
    )


def test_curves_show_whole_slices_and_all_seconds(made: Study) -> None:
    slices, seconds = curves_figure(made, learning_curves(made)).axes
    default, random = slices.get_lines()[:2]
    assert drawn(default) == pytest.approx([1, 0.5, 2, 0.6, 3, 0.85])
    assert drawn(random) == pytest.approx([1, 0.5, 2, 0.5, 3, 0.7])
    assert str(default.get_label()).startswith("default (0.")
    assert (default.get_linestyle(), random.get_linestyle()) == ("-", "--")
    assert len(drawn(seconds.get_lines()[0])) == 2 * 101
    assert slices.get_ylim() == pytest.approx((0.45, 0.95))


def test_reach_counts_runs(made: Study) -> None:
    lines = reach_figure(made).axes[1].get_lines()
    assert drawn(lines[0]) == pytest.approx([1, 0, 2, 0, 3, 0.5])
    assert drawn(lines[1]) == pytest.approx([1, 0, 2, 0, 3, 0])


def test_penalties_are_written_into_the_cells() -> None:
    axis = penalty_figure(["one", "two"], np.array([[0, 0.25], [1, 0]])).axes[0]
    cells = {text.get_position(): text.get_text() for text in axis.texts}
    assert cells == {(1, 0): ".25", (3, 0): ".25", (0, 1): "1", (3, 1): "1"}
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["one", "two", "mean"]


def test_stopping_is_marked(made: Study) -> None:
    axis = calibration_figure(made, calibrations(made)[-1]).axes[1]
    assert axis.texts[0].get_text() == "“you may stop” in 2 of 2 runs,\nright in 1 of 2"
    assert sorted(len(np.asarray(points.get_offsets())) for points in axis.collections) == [2, 4]


def drawn(line: Line2D) -> list[float]:
    """Return x and y of every point in turn."""
    found: list[float] = np.asarray(line.get_xydata(), dtype=np.float64).ravel().tolist()
    return found
