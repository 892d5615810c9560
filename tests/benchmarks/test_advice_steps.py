"""Steps of advice, counted by hand."""

from __future__ import annotations

import pandas as pd
from benchmarks.advice_steps import KINDS, place_of, report, steps

ROWS = pd.DataFrame(
    [
        ["tube", "one", "advice", 0.50, "draw (2, 10)"],
        ["tube", "one", "advice", 0.50, "present (2, 14)"],
        ["tube", "one", "advice", 0.70, "draw (0, 5)"],
        ["tube", "one", "advice", 0.60, "draw (0, 7)"],
        ["tube", "one", "advice", 0.57, "draw (2, 3)"],
        ["tube", "two", "advice", 0.80, "draw (1, 4)"],
        ["tube", "two", "advice", 0.79, "draw (2, 4)"],
    ],
    columns=["kind", "name", "strategy", "dice", "query"],
)


def test_questions_draw_nothing() -> None:
    assert place_of("draw (2, 10)") == (2, 10)
    assert place_of("present (2, 14)") is None


def test_a_step_is_told_by_the_planes_drawn_before_it() -> None:
    found = steps(ROWS)

    assert found["step"].tolist() == [KINDS[0], KINDS[2], KINDS[1], KINDS[0]]
    assert found["slice"].tolist() == [(0, 5), (0, 7), (2, 3), (2, 4)]
    assert found["before"].tolist() == [0.50, 0.70, 0.60, 0.80]
    assert found["drawn"].tolist()[2] == [(2, 10), (0, 5), (0, 7)]


def test_only_falls_into_another_plane_are_listed() -> None:
    counted, listed = report(ROWS)

    assert "| advice | a plane not drawn in before | 0 of 2 | -0.010 | +0.095 |" in counted
    assert "| advice | the same plane | 1 of 1 | -0.100 | -0.100 |" in counted
    assert listed.splitlines()[2:] == [
        "| advice | one | [(2, 10), (0, 5), (0, 7)] | (2, 3) | "
        f"{KINDS[1]} | 0.600 | 0.570 | -0.030 |"
    ]
