"""Which pieces of two slices belong together, worked out by hand."""

import numpy as np
import pytest

from fewslice.engines.interpolation.pieces import Pieces, find_pieces, match
from fewslice.typing import BoolArray

PIXEL = (1.0, 1.0)


def squares(*places: tuple[int, int], half: int = 2, side: int = 60) -> BoolArray:
    inside = np.zeros((side, side), dtype=bool)
    for row, column in places:
        inside[row - half : row + half + 1, column - half : column + half + 1] = True
    return inside


def of(*places: tuple[int, int], half: int = 2) -> Pieces:
    return find_pieces(squares(*places, half=half), 0, PIXEL)


def linked(one: Pieces, other: Pieces, gap: float = 5.0) -> list[tuple[list[int], list[int]]]:
    groups = match(one, other, gap)
    return sorted((group.below.tolist(), group.above.tolist()) for group in groups)


def test_pieces_have_an_area_and_a_middle_in_mm() -> None:
    pieces = find_pieces(squares((10, 10), (10, 30)), 7, (2.0, 0.5))
    assert pieces.index == 7
    np.testing.assert_allclose(pieces.areas, [25, 25])  # 25 pixels of 1 mm²
    np.testing.assert_allclose(pieces.centres, [[20, 5], [20, 15]])
    np.testing.assert_array_equal(pieces.mask(np.array([1])), squares((10, 30)))


def test_pixels_that_touch_at_a_corner_are_one_piece() -> None:
    inside = np.zeros((6, 6), dtype=bool)
    inside[1, 1] = inside[2, 2] = inside[5, 5] = True
    assert find_pieces(inside, 0, PIXEL).count == 2


def test_overlapping_pieces_belong_together() -> None:
    assert linked(of((10, 10), (10, 30)), of((11, 9), (12, 31))) == [([0], [0]), ([1], [1])]


def test_a_touch_is_no_overlap() -> None:
    """Of 25 pixels 2 are shared, less than a tenth; the middles are too far apart to be linked."""
    one, other = of((10, 10)), of((14, 13))
    assert (squares((10, 10)) & squares((14, 13))).sum() == 2
    assert linked(one, other, gap=-10.0) == [([], [0]), ([0], [])]


def test_what_forks_and_what_joins_is_one_group() -> None:
    both, joined = of((10, 10), (10, 20)), find_pieces(squares((10, 15), half=8), 0, PIXEL)
    assert linked(both, joined) == [([0, 1], [0])]
    assert linked(joined, both) == [([0], [0, 1])]


def test_a_piece_of_one_slice_only_stays_alone() -> None:
    assert linked(of((10, 10), (40, 40)), of((10, 10))) == [([0], [0]), ([1], [])]


def test_an_oblique_piece_is_followed_to_its_nearest() -> None:
    """Five rows on, nothing overlaps: circles of 25 mm² have radii of 2.82 mm, and 8 < 5 + 5.64."""
    one, other = of((10, 10), (10, 40)), of((18, 10), (18, 40))
    assert linked(one, other, gap=5.0) == [([0], [0]), ([1], [1])]
    # 8 mm are more than 2 + 5.64: too oblique.
    assert linked(one, other, gap=2.0) == [([], [0]), ([], [1]), ([0], []), ([1], [])]


def test_only_each_others_nearest_are_followed() -> None:
    """Two pieces above one, 8 and 7 mm off: the nearer takes it, the other (first) starts there."""
    assert linked(of((10, 10)), of((10, 18), (17, 10)), gap=20.0) == [([], [0]), ([0], [1])]


def test_a_branch_beside_a_larger_piece_joins_it() -> None:
    """A bar of columns 8 to 22; one branch lies over its left end, the other starts 4 mm beside it.

    Joined if the slices are 8 mm apart, half of which is 4 mm, and not if they are 7 mm apart.
    """
    bar = np.zeros((60, 60), dtype=bool)
    bar[8:13, 8:23] = True
    branches = of((10, 10), (10, 28))
    assert linked(branches, find_pieces(bar, 0, PIXEL), gap=8.0) == [([0, 1], [0])]
    assert linked(find_pieces(bar, 0, PIXEL), branches, gap=8.0) == [([0], [0, 1])]
    assert linked(branches, find_pieces(bar, 0, PIXEL), gap=7.0) == [([0], [0]), ([1], [])]


def test_a_piece_does_not_join_a_smaller_one() -> None:
    """Beside a square of 25 pixels that goes on, one of 121 pixels ends, 2 mm away from it."""
    one = find_pieces(squares((10, 10)) | squares((12, 20), half=5), 0, PIXEL)
    assert one.areas.tolist() == [121, 25]
    assert linked(one, of((10, 10)), gap=6.0) == [([0], []), ([1], [0])]


def test_an_empty_slice_has_no_pieces() -> None:
    nothing = find_pieces(np.zeros((60, 60), dtype=bool), 3, PIXEL)
    assert nothing.count == 0
    assert linked(of((10, 10)), nothing) == [([0], [])]
    assert linked(nothing, nothing) == []


@pytest.mark.parametrize("largest_first", [True, False])
def test_the_smallest_of_many_go_with_the_nearest(largest_first: bool) -> None:
    """Sixteen squares of 9 pixels, and one stray pixel next to the last of them."""
    places = [(5 + 12 * (number // 4), 5 + 12 * (number % 4)) for number in range(16)]
    inside = squares(*places, half=1)
    stray = (places[0][0] - 4, places[0][1]) if largest_first else (places[-1][0] + 4, 41)
    inside[stray] = True
    pieces = find_pieces(inside, 0, PIXEL)
    assert pieces.count == 16
    assert sorted(pieces.areas) == [9] * 15 + [10]
    near = places[0] if largest_first else places[-1]
    assert pieces.numbers[stray] == pieces.numbers[near]
