"""Which slices are drawn in turn, and the table, by hand and without any answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from benchmarks.advice_tasks import on_few_slices
from benchmarks.bunched import dense, in_turn, places, table

from tests.support.box_task import box_task

TASK = box_task(12)


def test_slices_in_turn_begin_in_the_middle_and_hold_the_structure() -> None:
    assert places(TASK, (0.5, 0.25)) == [(0, 6), (0, 4)]
    assert in_turn(TASK, (0, 1, 3)) == [(0, 6), (0, 7), (0, 9)]
    assert in_turn(TASK, (0, 4)) == [(0, 6), (0, 10)]
    assert in_turn(TASK, (0, 5)) is None


def test_of_few_slices_a_share_is_drawn_evenly() -> None:
    held = [at for _, at in places(TASK, (0.0, 1.0))]
    everything = [(0, at) for at in range(held[0], held[1] + 1)]
    assert dense(TASK, 1.0) == everything
    most = dense(TASK, 0.8)
    assert most is not None
    assert len(most) == round(0.8 * len(everything))
    assert set(most) < set(everything)


def test_slices_are_left_out_until_few_hold_the_structure() -> None:
    # Slices 2 to 10 hold it; of every third one, the second first, these are 4, 7 and 10.
    few = on_few_slices(TASK, 4)
    assert few.occupied(0).tolist() == [1, 2, 3]
    assert (few.scan.spacing, few.axis) == ((3.0, 1.0, 1.0), 0)
    assert np.array_equal(few.mask, TASK.mask[1::3])
    assert on_few_slices(TASK, 9).mask.shape == TASK.mask.shape


def test_each_way_is_compared_on_its_own_structures() -> None:
    rows = [
        ("tube", "a", "the middle alone", 0.5),
        ("tube", "b", "the middle alone", 0.75),
        ("tube", "a", "four neighbours", 0.75),
        ("tube", "a", "two at thirds", 0.47),
        ("tube", "b", "two at thirds", 0.74),
    ]
    found = pd.DataFrame(rows, columns=["kind", "name", "way", "dice"])
    lines = table(found).splitlines()[2:]
    assert sorted(lines) == [
        "| four neighbours | 1 | 0.500 | 0.750 | 0 |",
        "| the middle alone | 2 | 0.625 | 0.625 | 0 |",
        "| two at thirds | 2 | 0.625 | 0.605 | 1 |",
    ]
