"""Which slices are ends, with one slice drawn."""

from __future__ import annotations

import pytest
from benchmarks.ends import end_slices


@pytest.mark.parametrize(
    ("held", "index", "length", "expected"),
    [
        # Of four slices above the outer two, and two beyond; below only the one beyond.
        ([10, 11, 12, 13, 14], 10, 30, [9, 13, 14, 15, 16]),
        ([8, 9, 10], 10, 11, [7, 8]),  # the scan ends with slice 10
        ([5], 5, 30, [4, 6]),
    ],
)
def test_ends_are_the_outer_half_and_as_much_beyond(
    held: list[int], index: int, length: int, expected: list[int]
) -> None:
    assert end_slices(held, index, length) == expected
