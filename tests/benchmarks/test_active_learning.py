"""Slices that a strategy saves in simulations, counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from benchmarks.active_learning import at_budget, saved_line, slices_for_goal, volume_table


def run(strategy: str, task: str, slices: list[float], dice: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "strategy": strategy,
            "task": task,
            "seed": 0,
            "step": range(len(slices)),
            "slices": slices,
            "dice": dice,
            "questions": 0,
        }
    )


POINTS = pd.concat(
    [
        run("default", "liver", [1.0, 2.0, 3.0], [0.5, 0.86, 0.9]),
        run("default", "aorta", [1.0, 2.1, 3.1], [0.5, 0.6, 0.85]),
        run("default", "nerve", [1.0, 2.0, 3.0], [0.1, 0.2, 0.3]),
        run("strided", "liver", [1.0, 2.0, 3.0], [0.5, 0.7, 0.9]),
        run("strided", "aorta", [1.0, 2.0, 3.0], [0.5, 0.6, 0.7]),
        run("strided", "nerve", [1.0, 2.0, 3.0], [0.1, 0.2, 0.3]),
    ]
)


def test_runs_that_nobody_brings_there_are_left_out() -> None:
    found = slices_for_goal(POINTS)
    assert found["default"].droplevel("seed").to_dict() == {"liver": 2.0, "aorta": 3.1}
    assert found["strided"].droplevel("seed")["liver"] == 3.0
    assert np.isnan(found["strided"].droplevel("seed")["aorta"])


def test_what_is_saved_over_all() -> None:
    # (2 + 3.1) / 2 slices beside (3 + 4) / 2, since three slices do not bring the aorta there.
    assert saved_line(POINTS, ["default", "strided"], 3).endswith("than with: strided 27%")


def test_the_dice_at_a_budget_is_that_of_the_last_answer_within() -> None:
    dice = at_budget(POINTS, 2)["default"].droplevel("seed")
    assert dice.to_dict() == {"aorta": 0.5, "liver": 0.86, "nerve": 0.2}


def test_a_row_of_the_table() -> None:
    row = volume_table(POINTS, ["default", "strided"], 3)[2]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[0] == "default"
    # The third slice of the aorta comes after a question, and so after a budget of three.
    assert [float(cell) for cell in cells[1:4]] == pytest.approx(
        [1.1 / 3, 1.56 / 3, 1.8 / 3], abs=6e-4
    )
    assert cells[4:] == ["2 of 2", "2.55", "0.0"]
