"""Bunches of slices of a structure on slices 2 to 17 of 20."""

from __future__ import annotations

import numpy as np
from benchmarks.advice_bunched import bunches
from benchmarks.advice_tasks import Recipe, Task

from fewslice.engines import Scan


def task(hole: int | None = None) -> Task:
    mask = np.zeros((20, 6, 6), dtype=bool)
    mask[2:18, 2:5, 1:4] = True
    if hole is not None:
        mask[hole] = False
    scan = Scan.from_spacing(np.zeros((1, *mask.shape), np.float32), (1.0, 1.0, 1.0))
    return Task(Recipe("box", "made up", 0, (1,)), scan, mask, 0)


def test_bunches_lie_around_the_middle_and_a_quarter() -> None:
    found = [[index for _, index in places] for places in bunches(task())]
    # .15 of 16 slices are 2, .25 are 4; the middle is slice 9, a quarter slice 6.
    assert found == [
        [7, 9, 11], [4, 6, 8],
        [5, 8, 10, 13], [2, 5, 7, 10],
        [5, 7, 9, 11, 13], [2, 4, 6, 8, 10],
    ]  # fmt: skip
    assert {axis for places in bunches(task()) for axis, _ in places} == {0}


def test_slices_in_a_gap_of_the_structure_are_left_out() -> None:
    assert [index for _, index in bunches(task(hole=11))[0]] == [7, 9]
