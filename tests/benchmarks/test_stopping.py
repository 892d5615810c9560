"""What runs of a simulation were told, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from benchmarks.stopping import answers, read_points, timely


def run(task: str, dice: list[float], promised: list[float]) -> list[dict[str, object]]:
    return [
        {
            "task": task,
            "seed": 0,
            "strategy": "default",
            "step": step,
            "dice": true,
            "predicted": true,
            "predicted_low": said - 0.02,
            "promised": said,
        }
        for step, (true, said) in enumerate(zip(dice, promised, strict=True))
    ]


POINTS = pd.DataFrame(
    [
        *run("in time", [0.8, 0.91, 0.94], [0.7, 0.9, 0.92]),
        *run("late", [0.94, 0.95], [0.85, 0.91]),
        *run("wrong", [0.85, 0.92], [0.9, 0.91]),
    ]
)


def test_of_runs_that_got_there_those_told_by_then() -> None:
    assert timely(POINTS) == (2, 1)
    assert timely(POINTS[POINTS["task"] == "wrong"]) == (0, 0)


def test_a_row_of_the_table() -> None:
    (row,) = answers(Path("volume-1"), POINTS)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[0] == "volume-1, default"
    assert cells[4:] == ["3 of 3", "3", "2", "5 of 5", "4", "0.850", "2", "1"]


@pytest.mark.parametrize("promised", [True, False])
def test_simulations_of_before_promised_the_low_number(tmp_path: Path, promised: bool) -> None:
    kept = POINTS if promised else POINTS.drop(columns="promised")
    kept.to_csv(tmp_path / "points.csv", index=False)
    found = read_points(tmp_path)
    expected = POINTS["promised"] if promised else POINTS["predicted_low"]
    assert found.sort_index()["promised"].tolist() == pytest.approx(expected.tolist())
