"""Structures of several pieces, worked out by hand."""

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines.interpolation.end_caps import EndCapSettings
from fewslice.engines.interpolation.signed_distance import ShapePrior
from fewslice.engines.interpolation.slice_shapes import slice_shapes
from fewslice.typing import BoolArray
from fewslice.volumes.region import Region, Triple
from fewslice.volumes.working_grid import WorkingGrid

SPACING = (1.0, 1.0, 1.0)
SIDE = 80

Square = tuple[int, int, int]
"""Row and column of the middle, and half the width."""


def prior_of(
    slices: dict[int, list[Square]], depth: int, shape: Triple | None = None, unknown: bool = False
) -> ShapePrior:
    labels = np.zeros((SIDE, SIDE, depth), dtype=np.uint8)
    for index, squares in slices.items():
        for row, column, half in squares:
            labels[row - half : row + half + 1, column - half : column + half + 1, index] = 1
    if unknown:
        labels[0, 0, min(slices)] = 255
    region = Region((0, 0, 0), labels.shape)
    shapes = slice_shapes(
        Annotation(labels, tuple((2, index) for index in sorted(slices))), region, SPACING
    )
    grid = WorkingGrid(region, shape or region.shape, SPACING)
    return ShapePrior.on_grid(shapes, grid, 2, EndCapSettings())


def found(prior: ShapePrior, at: int) -> BoolArray:
    inside: BoolArray = prior.log_odds(at).argmax(axis=0) == 1
    return inside


def widths(prior: ShapePrior, at: int, row: int) -> tuple[int, int]:
    """Width along a row, in the left half and in the right half."""
    line = found(prior, at)[row]
    return int(line[: SIDE // 2].sum()), int(line[SIDE // 2 :].sum())


def test_a_structure_of_one_piece_is_left_as_it_was() -> None:
    assert not prior_of({0: [(20, 20, 4)], 8: [(40, 20, 6)]}, 9).pieces


def test_slices_known_in_part_are_left_as_they_were() -> None:
    drawn = {0: [(20, 20, 4), (20, 60, 4)], 8: [(20, 20, 4), (20, 60, 4)]}
    assert prior_of(drawn, 9).pieces
    assert not prior_of(drawn, 9, unknown=True).pieces


def test_drawn_slices_come_back_as_drawn() -> None:
    drawn = {2: [(20, 20, 4), (20, 60, 6)], 8: [(40, 40, 8)], 12: [(22, 20, 3), (60, 60, 2)]}
    prior = prior_of(drawn, 15)
    for index, squares in drawn.items():
        expected = np.zeros((SIDE, SIDE), dtype=bool)
        for row, column, half in squares:
            expected[row - half : row + half + 1, column - half : column + half + 1] = True
        np.testing.assert_array_equal(found(prior, index), expected)


def test_each_piece_moves_with_its_own_middle() -> None:
    """Squares 5 wide, one moving 8 rows down in 8 slices, the other 8 rows up.

    The middle of both together stays where it is: neither square would be between the slices.
    """
    prior = prior_of({0: [(20, 20, 2), (50, 60, 2)], 8: [(28, 20, 2), (42, 60, 2)]}, 9)
    for at in range(9):
        inside = found(prior, at)
        left, right = (np.flatnonzero(inside[:, column]) for column in (20, 60))
        assert left.tolist() == list(range(18 + at, 23 + at))
        assert right.tolist() == list(range(48 - at, 53 - at))


def test_each_piece_grows_by_itself() -> None:
    """Half widths 4 to 8 on the left, 6 to 2 on the right, a pixel every slice."""
    prior = prior_of({0: [(40, 20, 4), (40, 60, 6)], 4: [(40, 20, 8), (40, 60, 2)]}, 5)
    assert [widths(prior, at, 40) for at in range(5)] == [
        (9, 13),
        (11, 11),
        (13, 9),
        (15, 7),
        (17, 5),
    ]


def test_a_piece_that_the_next_slice_does_not_hold_ends_before() -> None:
    """A square of 17x17 mm² on one slice only: its own cap of 14.4 mm is longer than six tenths of
    the 20 mm between slices, so it ends 12 mm on, where the other piece goes through.
    """
    prior = prior_of({0: [(40, 20, 4), (40, 60, 8)], 20: [(40, 20, 4)]}, 21)
    assert widths(prior, 11, 40)[1] > 0
    assert widths(prior, 12, 40)[1] == 0
    assert all(widths(prior, at, 40)[0] == 9 for at in range(21))


def test_a_small_piece_is_not_stretched_to_where_it_is_not() -> None:
    """A square of 5x5 mm²: radius 2.82 mm, cap 4.23 mm; with the gap alone it would reach 12 mm."""
    prior = prior_of({0: [(40, 20, 4), (40, 60, 2)], 20: [(40, 20, 4)]}, 21)
    assert widths(prior, 4, 40)[1] > 0
    assert widths(prior, 5, 40)[1] == 0


def test_a_piece_followed_over_slices_is_not_limited_by_its_radius() -> None:
    """The same small piece, but it came from slice 0: it may end anywhere in the second gap."""
    prior = prior_of(
        {0: [(40, 20, 4), (40, 60, 2)], 20: [(40, 20, 4), (40, 60, 2)], 40: [(40, 20, 4)]}, 41
    )
    assert widths(prior, 31, 40)[1] > 0
    assert widths(prior, 32, 40)[1] == 0


def test_the_only_slice_caps_each_piece_by_its_own_radius() -> None:
    """Circles of 17x17 and of 5x5 mm² have radii of 9.59 and 2.82 mm, of both areas 10.0 mm.

    Caps of 1.5 radii, the geometric mean of the piece's and that of both: 14.7 and 7.97 mm.
    """
    prior = prior_of({20: [(40, 20, 8), (40, 60, 2)]}, 41)
    assert [widths(prior, 20 + far, 40)[0] > 0 for far in (14, 15)] == [True, False]
    assert [widths(prior, 20 + far, 40)[1] > 0 for far in (7, 8)] == [True, False]
    assert [widths(prior, 20 - far, 40)[1] > 0 for far in (7, 8)] == [True, False]


def test_a_piece_that_begins_on_the_last_slice_is_not_stretched() -> None:
    """Slices 12 mm apart imply a cap of 9 mm; the new piece of 5x5 mm² ends after 4.23 mm."""
    big = (40, 20, 8)
    prior = prior_of({10: [big], 22: [big], 34: [big, (40, 60, 2)]}, 60)
    assert [widths(prior, 34 + far, 40)[0] > 0 for far in (8, 9)] == [True, False]
    assert [widths(prior, 34 + far, 40)[1] > 0 for far in (4, 5)] == [True, False]
    assert widths(prior, 9, 40) == (17, 0)  # 1 of 9 mm: half a millimetre has not gone yet


def test_pieces_are_the_same_on_a_coarser_grid() -> None:
    """Every other row and column: squares 16 wide that move by 8 rows are 8 wide and move by 4."""
    slices = {0: [(20, 20, 8), (60, 60, 8)], 8: [(28, 20, 8), (60, 60, 8)]}
    fine, coarse = prior_of(slices, 9), prior_of(slices, 9, (SIDE // 2, SIDE // 2, 9))
    for at in (0, 4, 8):
        area = found(fine, at).sum()
        assert 4 * found(coarse, at).sum() == pytest.approx(area, rel=0.15)
