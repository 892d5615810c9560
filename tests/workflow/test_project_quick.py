"""The quick answer: the middle of the gap about which least is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.project.answers import save_answer
from fewslice.workflow.project_quick import missing_dice, quick_slice, quick_suggestion
from tests.support.command_line import SHAPE
from tests.support.projects import draw, small_project

ALL = np.ones(40)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        # Between 14 and 30 lie 15 slices; those beyond the ends, 10 and 9, count half.
        ({10: True, 14: True, 30: True}, 22),
        # From the only slice, an eighth of 40 on either side: 15 to 20, 20 to 25; the first counts.
        ({20: True}, 17),
        # At 19 nothing is left of the structure, so the other side is asked for.
        ({20: True, 19: False}, 22),
        # A slice said to be empty between two others parts the gap: 4 to 20, 20 to 28.
        ({4: True, 20: False, 28: True}, 12),
        # Everything is known.
        ({20: True, 19: False, 21: False}, None),
    ],
)
def test_the_widest_gap_is_halved(told: dict[int, bool], expected: int | None) -> None:
    assert quick_slice(told, ALL) == expected


def test_a_narrow_gap_that_is_doubtful_goes_before_a_wide_one_that_is_not() -> None:
    doubt = np.full(40, 0.05)
    doubt[11:14] = 0.9  # 2.7 of Dice are missing there, 15 * 0.05 in the wide gap
    assert quick_slice({10: True, 14: True, 30: True}, doubt) == 12


def test_what_an_answer_expects_counts_for_its_own_axis_alone() -> None:
    told = {"axis": 2, "dice": [1.0, 0.25, float("nan")]}
    assert missing_dice(told, 2, 3).tolist() == [0, 0.75, 1]
    assert missing_dice(told, 1, 3).tolist() == [1, 1, 1]
    assert missing_dice(None, 2, 3).tolist() == [1, 1, 1]


def test_it_goes_by_the_answer_and_the_slices_of_the_project(tmp_path: Path) -> None:
    small = small_project(tmp_path, None)
    first = quick_suggestion(small.project, small.scan)
    assert (first.revision, first.slices[0].axis, first.slices[0].index) == (None, 2, 6)
    draw(small, 3, 5, 9)
    assert quick_suggestion(small.project, small.scan).slices[0].index == 7
    dice = np.ones(12)
    dice[4] = 0.1
    save_answer(
        small.project,
        small.scan,
        labels=np.zeros(SHAPE, np.uint8),
        confidence={"axis": 2, "dice": dice.tolist()},
        engine="auto",
        revision=3,
    )
    found = quick_suggestion(small.project, small.scan)
    assert (found.revision, found.slices[0].index, found.slices[0].plane) == (3, 4, "axial")
    small.project.engine.dispose()
