"""Where the middle of an outline goes, worked out by hand."""

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.engines.interpolation.centreline import Outline, centre_path


def square(row: int, column: int, half: int = 2) -> npt.NDArray[np.bool_]:
    inside = np.zeros((40, 40), dtype=bool)
    inside[row - half : row + half + 1, column - half : column + half + 1] = True
    return inside


def outline(index: int, row: int, column: int, *, whole: bool = True) -> Outline:
    return Outline(index, square(row, column), whole)


def test_a_middle_moves_in_mm_and_evenly_between_two_slices() -> None:
    path = centre_path([outline(10, 10, 5), outline(20, 30, 15)], (2.0, 3.0))
    np.testing.assert_allclose(path.centres, [[20, 15], [60, 45]])
    np.testing.assert_allclose(path.moved(10, 10), [0, 0])
    np.testing.assert_allclose(path.moved(10, 15), [20, 15])  # half of 40 and 30 mm
    np.testing.assert_allclose(path.moved(20, 15), [-20, -15])
    np.testing.assert_allclose(path.moved(10, 20), [40, 30])


def test_beyond_the_last_slice_it_goes_on_at_half_the_pace() -> None:
    path = centre_path([outline(10, 10, 10), outline(20, 30, 10)], (1.0, 1.0))
    np.testing.assert_allclose(path.moved(20, 24), [4, 0])  # two a slice, halved, for four slices
    np.testing.assert_allclose(path.moved(10, 6), [-4, 0])


def test_order_does_not_matter() -> None:
    slices = [outline(4, 8, 8), outline(8, 12, 20), outline(14, 20, 30)]
    one = centre_path(slices, (1.0, 2.0))
    other = centre_path(slices[::-1], (1.0, 2.0))
    for at in (2.0, 5.5, 8.0, 11.0, 20.0):
        np.testing.assert_array_equal(one.moved(8, at), other.moved(8, at))


def test_between_several_slices_it_does_not_swing_out() -> None:
    """Rows 8, 20, 20: after the second the middle stays, so that no curve may go past 20."""
    path = centre_path([outline(0, 8, 10), outline(10, 20, 10), outline(20, 20, 10)], (1.0, 1.0))
    rows = [path.centres[0, 0] + path.moved(0, at)[0] for at in np.linspace(0, 10, 21)]
    assert rows == sorted(rows)
    assert max(rows) == pytest.approx(20)
    # The last two lie over each other, so moving does not help.
    np.testing.assert_array_equal(path.follows, [True, False])
    assert not path.moved(20, 15).any()
    assert not path.moved(20, 25).any()


def test_where_moving_does_not_help_nothing_moves() -> None:
    """One square, then the same with another far off: the middle jumps between the two."""
    forked = square(10, 10) | square(10, 30)
    path = centre_path([Outline(0, square(10, 10), True), Outline(6, forked, True)], (1.0, 1.0))
    assert not path.follows.any()
    assert not path.moved(0, 3).any()


def test_the_middle_of_a_scribble_says_nothing() -> None:
    slices = [outline(0, 10, 10), outline(10, 30, 10, whole=False), outline(20, 12, 30)]
    assert not centre_path(slices, (1.0, 1.0)).follows.any()


@pytest.mark.parametrize("slices", [[], [outline(3, 10, 10)]])
def test_less_than_two_slices_have_no_way(slices: list[Outline]) -> None:
    path = centre_path(slices, (1.0, 1.0))
    assert path.centres.shape == (len(slices), 2)
    assert not path.moved(3, 7).any()
