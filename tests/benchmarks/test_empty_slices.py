"""Which slices are said to be empty, and the table, by hand and without any answer."""

from __future__ import annotations

import pandas as pd
from benchmarks.empty_slices import empty_places, table

from tests.support.box_task import box_task

TASK = box_task(12)


def test_slices_lie_so_far_beyond_the_ends() -> None:
    assert (TASK.occupied(0)[0], TASK.occupied(0)[-1], TASK.mask.shape[0]) == (2, 10, 12)
    assert empty_places(TASK, (0.0, 0.0)) == [(0, 1), (0, 11)]
    assert empty_places(TASK, (None, 0.0)) == [(0, 11)]
    # Nine slices hold it: a ninth is one slice more; four more would lie before the scan.
    assert empty_places(TASK, (1 / 9, None)) == [(0, 0)]
    assert empty_places(TASK, (0.5, None)) == []


def test_ways_come_in_order_and_falls_are_counted() -> None:
    rows = [
        ("as they are", "a", 1, "half of the extent beyond either end", 0.5, 0.47, 0.49),
        ("as they are", "a", 1, "the first beyond one end", 0.5, 0.5, 0.6),
        ("as they are", "b", 1, "the first beyond one end", 0.7, 0.6, 0.7),
    ]
    columns = ["structures", "name", "drawn", "empty", "without", "always", "now"]
    lines = table(pd.DataFrame(rows, columns=columns)).splitlines()[2:]
    assert lines == [
        "| as they are | 1 | the first beyond one end | 2 | 0.600 | 0.550 | 0.650 | 1 | 0 |",
        "| as they are | 1 | half of the extent beyond either end | 1 | 0.500 | 0.470 | 0.490 "
        "| 1 | 0 |",
    ]
