from pathlib import Path

import pytest

from fewslice.evaluation.simulation.report import write_report
from fewslice.evaluation.simulation.text import text_table
from tests.support.simulated_points import run, table

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn_figures")]


@pytest.mark.parametrize(
    ("reached", "words"),
    [
        (1.5, "x needs 25% fewer slices than y to reach 0.85 (1 run where both do)."),
        (2, "x needs as many slices as y to reach 0.85 (1 run where both do)."),
        (3, "x needs 50% more slices than y to reach 0.85 (1 run where both do)."),
    ],
)
def test_savings_are_said_in_words(tmp_path: Path, reached: float, words: str) -> None:
    points = table(run("a", "x", [1, reached], [0.5, 0.9]), run("a", "y", [1, 2], [0.5, 0.9]))
    summary = write_report(tmp_path, points, {"strategies": ["x", "y"], "budget": 3})
    assert text_table(summary).splitlines()[-1] == words


def test_what_nobody_reaches_has_no_words(tmp_path: Path) -> None:
    points = table(run("a", "x", [1], [0.5]), run("a", "y", [1], [0.5]))
    text = text_table(write_report(tmp_path, points, {"budget": 3, "dataset": "D"}))
    assert text.splitlines()[0] == "Finish this volume, D: 1 task, 1 seed, up to 3 slices"
    assert "3.0 (0/1)" in text
    assert "needs" not in text
