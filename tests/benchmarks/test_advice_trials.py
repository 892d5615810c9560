"""Which slices are drawn on trial: a structure on slices 2 to 10 of 14."""

from __future__ import annotations

import numpy as np
from benchmarks.advice_trials import every_place, some_places

from tests.support.box_task import box_task

TASK = box_task(14)


def test_all_slices_that_hold_it_and_those_just_beyond_are_tried() -> None:
    places = [(0, 6), (0, 3)]
    found = TASK.look(places)
    rng = np.random.default_rng(0)
    assert every_place(TASK, found, 0, places, rng) == [1, 2, 4, 5, 7, 8, 9, 10, 11]


def test_few_slices_across_are_tried_and_none_where_nobody_can_draw() -> None:
    found = TASK.look([(0, 6)])
    across = every_place(TASK, found, 1, [(0, 6)], np.random.default_rng(0))
    steps = sorted(axis.step for number, axis in enumerate(found.axes) if number != 1)
    assert len(across) == (2 if steps[1] / steps[0] <= 3 else 0)


def test_of_many_slices_some_are_tried() -> None:
    found = TASK.look([(0, 6)])
    some = some_places(TASK, found, 0, [(0, 6)], np.random.default_rng(0))
    assert some == sorted(set(some))
    assert 6 not in some
    assert len(some) > 2
