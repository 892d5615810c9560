"""The best choice among engines, on results small enough to choose by hand."""

from __future__ import annotations

from importlib import import_module

import pandas as pd
import pytest

ceiling = import_module("benchmarks.ceiling")


def rows(engine: str, *sizes: tuple[int, int, int, int]) -> list[dict[str, object]]:
    """sizes: slice, intersection, predicted, reference."""
    names = ("slice", "intersection", "predicted", "reference")
    task = {"case": "a", "structure": "rod", "engine": engine}
    return [task | dict(zip(names, one, strict=True)) for one in sizes]


def test_the_best_engine_is_chosen_for_every_task() -> None:
    scores = pd.DataFrame(
        {
            "case": ["a", "a", "b", "b"],
            "structure": "rod",
            "engine": ["one", "other"] * 2,
            "dice": [0.5, 0.7, 0.9, 0.1],
        }
    )
    assert ceiling.best_of_tasks(scores) == pytest.approx(0.8)


def test_the_best_engine_is_chosen_for_every_slice() -> None:
    part = pd.DataFrame(
        [
            *rows("one", (0, 10, 10, 10), (1, 2, 2, 10), (2, 0, 6, 0)),
            # Nothing on the empty slice 2, so that it has no row.
            *rows("other", (0, 5, 5, 10), (1, 6, 10, 10)),
        ]
    )
    # Slice 0 by one, slice 1 and 2 by the other: twice 16 of 20 predicted and 20 there.
    assert ceiling.best_of_slices(part) == pytest.approx(32 / 40)


def test_dice_of_all_slices_counts_not_that_of_each() -> None:
    part = pd.DataFrame(
        [
            *rows("one", (0, 90, 100, 100), (1, 4, 4, 10)),
            # Slice 1 by itself has Dice 8/14 by one, 16/27 by the other; of all, 188/214 against
            # 196/227.
            *rows("other", (0, 0, 0, 100), (1, 8, 17, 10)),
        ]
    )
    assert ceiling.best_of_slices(part) == pytest.approx(188 / 214)


def test_where_nothing_is_and_nothing_was_found_all_is_right() -> None:
    assert ceiling.best_of_slices(pd.DataFrame(rows("one", (0, 0, 0, 0)))) == 1.0
