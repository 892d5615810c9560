"""Which slices are said to be empty, and the table, by hand and without any answer."""

from __future__ import annotations

import pandas as pd
from benchmarks.advice_tasks import on_few_slices
from benchmarks.empty_slices import drawn_places, empty_places, table

from tests.support.box_task import box_task

TASK = box_task(12)


def test_slices_lie_so_far_beyond_the_ends() -> None:
    assert (TASK.occupied(0)[0], TASK.occupied(0)[-1], TASK.mask.shape[0]) == (2, 10, 12)
    assert empty_places(TASK, (0.0, 0.0)) == [(0, 1), (0, 11)]
    assert empty_places(TASK, (None, 0.0)) == [(0, 11)]
    # Nine slices hold it: a ninth is one slice more; four more would lie before the scan.
    assert empty_places(TASK, (1 / 9, None)) == [(0, 0)]
    assert empty_places(TASK, (0.5, None)) == []


def test_ways_to_draw_lie_in_the_extent_and_need_enough_slices() -> None:
    drawn = drawn_places(TASK)
    assert drawn["the middle"] == [(0, 6)]
    assert drawn["three strided"] == [(0, 3), (0, 6), (0, 8)]
    assert drawn["three in one half"] == [(0, 2), (0, 4), (0, 6)]
    assert drawn["three neighbours"] == [(0, 5), (0, 6), (0, 7)]
    few = drawn_places(on_few_slices(TASK, 3))  # slices 0 to 2 of three
    assert set(few) == {"the middle", "two strided", "three neighbours"}


def test_ways_come_in_order_and_falls_are_counted() -> None:
    one, quarter = "the first beyond one end", "a quarter farther out"
    rows = [
        ("as they are", "a", "the middle", quarter, 0.5, 0.47, 0.49),
        ("as they are", "a", "the middle", one, 0.5, 0.5, 0.6),
        ("as they are", "b", "the middle", one, 0.7, 0.6, 0.7),
    ]
    columns = ["structures", "name", "drawn", "empty", "without", "always", "now"]
    lines = table(pd.DataFrame(rows, columns=columns)).splitlines()[2:]
    assert lines == [
        f"| as they are | the middle | {one} | 2 | 0.600 | 0.550 | 0.650 | 1 | 0 |",
        f"| as they are | the middle | {quarter} | 1 | 0.500 | 0.470 | 0.490 | 1 | 0 |",
    ]
