from typing import Any

import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.evaluation.annotator import (
    RevealedSlices,
    annotator,
    random_slices,
    strided,
    strided_ends,
)


def mask_on(*slices: int, length: int = 30, axis: int = 2) -> Any:
    shape = [5, 5, 5]
    shape[axis] = length
    mask = np.zeros(shape, dtype=bool)
    np.moveaxis(mask, axis, 0)[list(slices), 2, 2:4] = True
    return mask


@pytest.mark.parametrize(
    ("first", "last", "count", "expected"),
    [
        (3, 23, 1, (13,)),  # 3 + 0.5 * 20
        (3, 23, 3, (6, 13, 20)),  # 6.33, 13, 19.67
        (3, 23, 5, (5, 9, 13, 17, 21)),  # 5, 9, 13, 17, 21
        (0, 10, 4, (1, 4, 6, 9)),  # 1.25, 3.75, 6.25, 8.75
        (7, 7, 3, (7,)),  # three times the only slice
    ],
)
def test_strided_takes_the_middle_of_equal_parts(
    first: int, last: int, count: int, expected: tuple[int, ...]
) -> None:
    revealed = strided(mask_on(*range(first, last + 1)), 2, count)
    assert revealed.drawn == expected
    assert revealed.empty == ()
    assert revealed.extent == (first, last)
    assert revealed.occupied == last - first + 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_axis_is_treated_alike(axis: int) -> None:
    revealed = strided(mask_on(*range(3, 24), axis=axis), axis, 3)
    assert revealed.annotated == ((axis, 6), (axis, 13), (axis, 20))


def test_a_midpoint_in_a_gap_is_annotated_as_empty() -> None:
    # The middle of 2 to 8 is 5, which does not hold the structure.
    revealed = strided(mask_on(2, 3, 4, 6, 7, 8), 2, 1)
    assert (revealed.drawn, revealed.empty) == ((), (5,))


def test_ends_are_the_empty_slices_just_beyond() -> None:
    revealed = strided_ends(mask_on(*range(3, 24)), 2, 3)
    assert (revealed.drawn, revealed.empty) == ((6, 13, 20), (2, 24))


@pytest.mark.parametrize(
    ("first", "last", "expected"), [(0, 20, (21,)), (9, 29, (8,)), (0, 29, ())]
)
def test_at_the_border_of_the_scan_there_is_no_slice_beyond(
    first: int, last: int, expected: tuple[int, ...]
) -> None:
    assert strided_ends(mask_on(*range(first, last + 1)), 2, 3).empty == expected


def test_random_slices_depend_on_the_seed_only() -> None:
    mask = mask_on(*range(3, 24))
    drawn = [random_slices(mask, 2, 5, seed).drawn for seed in (1, 1, 2, 3)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3
    for each in drawn:
        assert len(set(each)) == 5
        assert set(each) <= set(range(3, 24))
        assert list(each) == sorted(each)


def test_random_slices_are_no_more_than_there_are() -> None:
    assert random_slices(mask_on(4, 6), 2, 5).drawn == (4, 6)


@pytest.mark.parametrize(("drawn", "occupied", "expected"), [(4, 8, True), (5, 9, False)])
def test_up_to_half_of_the_slices_may_be_annotated(
    drawn: int, occupied: int, expected: bool
) -> None:
    revealed = RevealedSlices(2, tuple(range(drawn)), (90, 91), (0, occupied - 1), occupied)
    assert revealed.scorable is expected


def test_sparse_labels_hold_the_drawn_slices_only() -> None:
    mask = mask_on(*range(3, 24))
    revealed = strided_ends(mask, 2, 3)
    sparse = revealed.sparse_labels(mask)
    assert sparse.dtype == np.uint8
    np.testing.assert_array_equal(np.flatnonzero(sparse.any(axis=(0, 1))), [6, 13, 20])
    np.testing.assert_array_equal(sparse[..., 6], mask[..., 6])


def test_an_unknown_annotator_is_refused_with_those_that_exist() -> None:
    with pytest.raises(InputError, match=r"'lazy'.*strided, strided-ends, random"):
        annotator("lazy")
