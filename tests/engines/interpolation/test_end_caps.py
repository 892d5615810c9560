"""Caps beyond the last drawn slice, worked out by hand."""

import numpy as np
import pytest

from fewslice.engines.interpolation.end_caps import (
    EndCapSettings,
    Extent,
    cap_between,
    expected_cap,
    piece_cap,
    tapered,
)

PLAIN = EndCapSettings()


def of(positions: list[float], radii: list[float], step: float = 1.0) -> tuple[float, float]:
    areas = np.pi * np.array(radii) ** 2
    found = expected_cap(np.array(positions), areas, step, PLAIN)
    return found.length, found.doubt


def test_one_slice_goes_on_for_one_and_a_half_radii() -> None:
    assert of([7.0], [10.0]) == pytest.approx((15.0, 2.0))


def test_evenly_spaced_slices_end_three_quarters_of_a_gap_on() -> None:
    # Three slices 8 mm apart imply an extent of 24 mm, more than one and a half radii.
    assert of([0.0, 8.0, 16.0], [10.0, 10.0, 10.0]) == pytest.approx((6.0, 0.0))


def test_a_slice_more_or_less_is_still_even() -> None:
    assert of([0.0, 8.0, 17.0], [10.0, 10.0, 10.0]) == pytest.approx((0.75 * 8.5, 0.0))
    assert of([0.0, 3.0, 16.0], [10.0, 10.0, 10.0])[1] > 0


def test_few_thick_slices_a_slice_apart_are_not_spread_evenly() -> None:
    # Slices 4, 5 and 7 of 10 mm: gaps of one and two slices, which might be anywhere.
    length, doubt = of([40.0, 50.0, 70.0], [20.0, 20.0, 20.0], step=10.0)
    assert length == pytest.approx(20.0)  # the radius: they look spread all the same
    assert doubt == pytest.approx(3.0)
    # Five of nine slices cannot be spread more evenly than this: three quarters of 17.5 mm.
    spread = of([10.0, 30.0, 40.0, 60.0, 80.0], [20.0] * 5, step=10.0)
    assert spread == pytest.approx((13.125, 0.0))


def test_slices_spread_over_few_thick_ones_end_before_the_next_but_one() -> None:
    # Gaps of 1, 2 and 2 slices: three quarters of 16.7 mm. Of 1, 1, 2 and 2, the same of 15 mm.
    assert of([10.0, 20.0, 40.0, 60.0], [20.0] * 4, step=10.0) == pytest.approx((12.5, 0.0))
    gaps = [10.0, 20.0, 30.0, 50.0, 70.0]
    assert of(gaps, [20.0] * 5, step=10.0) == pytest.approx((11.25, 0.0))
    # Four in five are drawn; one may as well be missing at an end as within: one and a half.
    most = [10.0, 20.0, 40.0, 50.0]
    assert of(most, [20.0] * 4, step=10.0) == pytest.approx((15.0, 0.0))


def neighbours(count: int, step: float) -> list[float]:
    return [step * at for at in range(count)]


def test_slices_drawn_one_after_the_other_were_not_spread() -> None:
    # Slices of 8 mm, radii of 20 mm, of which two less half of what lies between them are left.
    assert of(neighbours(3, 8.0), [20.0] * 3, step=8.0) == pytest.approx((32.0, 3.0))
    assert of(neighbours(4, 8.0), [20.0] * 4, step=8.0) == pytest.approx((28.0, 3.0))
    # The third is left out: nobody who draws in turn does that. A slice and a half beyond the last.
    apart = [0.0, 8.0, 24.0, 32.0]
    assert of(apart, [20.0] * 4, step=8.0) == pytest.approx((12.0, 0.0))
    # Every second slice may have been spread: three quarters of 16 mm.
    assert of([0.0, 16.0, 32.0], [20.0] * 3, step=8.0) == pytest.approx((12.0, 0.0))


def test_neighbours_that_cover_almost_all_of_a_structure_tell_its_ends() -> None:
    # Six of 8 mm cover 2.4 radii of 20 mm, seven 2.8.
    for count in (6, 7):
        found = of(neighbours(count, 8.0), [20.0] * count, step=8.0)
        assert found == pytest.approx((12.0, 0.0))
    # Those of a structure six times as wide cover a third of a radius.
    assert of(neighbours(5, 8.0), [120.0] * 5, step=8.0)[1] == 3.0


def test_neighbours_half_a_radius_apart_may_be_all_slices_of_a_structure() -> None:
    # Three cover one and a half radii: for one more as every slice is as wide.
    assert of(neighbours(3, 10.0), [20.0] * 3, step=10.0) == pytest.approx((20.0, 3.0))
    assert of(neighbours(4, 10.0), [20.0] * 4, step=10.0) == pytest.approx((15.0, 0.0))


def test_one_more_neighbour_moves_an_end_back_by_no_more_than_a_slice() -> None:
    # It ended 20 mm nearer as soon as there were four, which may as well be four of many.
    ends = [
        positions[-1] + of(positions, [21.0] * len(positions), step=10.0)[0]
        for positions in (neighbours(count, 10.0) for count in range(2, 8))
    ]
    assert np.diff(ends).tolist() == pytest.approx([5.0, 5.0, -2.0, 10.0, 10.0])


def test_slices_next_to_each_other_go_on_for_two_radii_where_nothing_narrows() -> None:
    # Three slices 1 mm apart imply 3 mm: they cover nothing of a structure 20 mm wide. The middle
    # of the two millimetres that they cover is two radii from either end.
    assert of([4.0, 5.0, 6.0], [10.0, 10.0, 10.0]) == pytest.approx((19.0, 3.0))


def test_even_slices_of_a_flat_structure_may_have_been_spread() -> None:
    # Three slices 3 mm apart cover 9 mm, more than three quarters of the radius: not bunched.
    assert of([0.0, 3.0, 6.0], [10.0, 10.0, 10.0]) == pytest.approx((10.0, 3.0))
    assert of([0.0, 2.0, 4.0], [10.0, 10.0, 10.0]) == pytest.approx((18.0, 3.0))
    assert of([0.0, 1.0, 6.0], [10.0, 10.0, 10.0]) == pytest.approx((17.0, 3.0))  # not even


def test_where_the_last_outline_is_small_the_end_is_near_and_surer() -> None:
    mean = float(np.sqrt((100 + 100 + 25) / 3))
    length, doubt = of([4.0, 5.0, 6.0], [10.0, 10.0, 5.0])
    # Half the radius squared is a quarter, to the fifth power a 32nd.
    assert length == pytest.approx((2 * mean - 1) / 4)
    assert doubt == pytest.approx(3.0 / 32)
    # Across twelve radii a fifth of the mean radius is longest but for half of the gap.
    assert of([0.0, 10.0, 100.0], [10.0, 10.0, 1.0])[0] == pytest.approx(25.0)


def test_two_slices_tell_by_their_outlines_too() -> None:
    assert of([0.0, 30.0], [10.0, 10.0]) == pytest.approx((15.0, 3.0))  # half the gap
    assert of([0.0, 20.0], [10.0, 10.0]) == pytest.approx((10.0, 3.0))  # all the same: the radius
    assert of([0.0, 2.0], [10.0, 10.0]) == pytest.approx((19.0, 3.0))  # two radii less 1 mm


def test_caps_grow_shorter_without_a_step_as_slices_spread() -> None:
    lengths = [of([0.0, gap], [10.0, 10.0], step=0.1)[0] for gap in range(1, 41)]
    assert np.abs(np.diff(lengths)).max() == pytest.approx(0.5)
    assert min(lengths) == pytest.approx(10.0)


def test_slices_many_radii_apart_were_spread() -> None:
    # Seven radii apart nothing changes; twice as far doubt is a quarter.
    assert of([0.0, 70.0], [10.0, 10.0]) == pytest.approx((35.0, 3.0))
    assert of([0.0, 140.0], [10.0, 10.0]) == pytest.approx((70.0, 0.75))
    # The mean of uneven gaps counts: 140 mm.
    assert of([0.0, 70.0, 280.0], [10.0, 10.0, 10.0]) == pytest.approx((70.0, 0.75))


def test_either_end_is_asked_about_by_the_order_of_positions() -> None:
    assert of([9.0, 5.0, 4.0], [5.0, 9.0, 10.0]) == of([-9.0, -5.0, -4.0], [5.0, 9.0, 10.0])
    assert of([4.0, 5.0, 9.0], [10.0, 9.0, 5.0])[0] < of([9.0, 5.0, 4.0], [5.0, 9.0, 10.0])[0]


def test_no_cap_is_shorter_than_one_and_a_half_slices() -> None:
    assert of([0.0, 4.0], [1.0, 1.0], step=4.0)[0] == pytest.approx(6.0)


def test_outlines_shrink_like_an_ellipsoid() -> None:
    distances = np.array([[5.0, 0.0, -5.0]], dtype=np.float32)
    np.testing.assert_allclose(tapered(distances, 0.0, 10.0), distances)
    # At .6 of the length, 1 - sqrt(1 - .36) is a fifth of the radius of 5 mm.
    np.testing.assert_allclose(tapered(distances, 6.0, 10.0), distances - 1.0)
    np.testing.assert_allclose(tapered(distances, 10.0, 10.0), distances - 5.0)
    np.testing.assert_allclose(tapered(distances, 20.0, 10.0), distances - 35.0)


def extent(positions: list[float], radii: list[float]) -> Extent:
    return Extent(np.array(positions), np.pi * np.array(radii) ** 2)


def test_on_the_only_slice_a_piece_ends_between_its_own_cap_and_that_of_all() -> None:
    # Radii of 4 and 16 mm: caps of 6 and 24 mm, whose geometric mean is 12 mm.
    cap = piece_cap(extent([3.0], [4.0]), extent([3.0], [16.0]), 1.0, PLAIN)
    assert (cap.length, cap.doubt) == pytest.approx((12.0, 2.0))


def test_pieces_of_evenly_spaced_slices_end_as_the_structure_does() -> None:
    whole = extent([0.0, 8.0, 16.0], [10.0, 10.0, 10.0])
    cap = piece_cap(extent([8.0, 16.0], [3.0, 3.0]), whole, 1.0, PLAIN)
    assert (cap.length, cap.doubt) == pytest.approx((6.0, 0.0))


def test_a_piece_of_the_last_slice_only_is_not_stretched() -> None:
    whole = extent([0.0, 8.0, 16.0], [10.0, 10.0, 10.0])
    cap = piece_cap(extent([16.0], [2.0]), whole, 1.0, PLAIN)
    assert (cap.length, cap.doubt) == pytest.approx((3.0, 2.0))  # 1.5 radii are less than 6 mm


def test_pieces_of_uneven_slices_end_by_their_own_outlines() -> None:
    whole = extent([0.0, 1.0, 12.0], [10.0, 10.0, 10.0])
    cap = piece_cap(extent([0.0, 1.0, 12.0], [2.0, 4.0, 4.0]), whole, 1.0, PLAIN)
    # Half the mean gap of 6 mm is 3 mm; the mean radius, sqrt(36 / 3), is longer.
    assert (cap.length, cap.doubt) == pytest.approx((float(np.sqrt(12)), 3.0))


def test_between_slices_a_piece_ends_after_six_tenths_of_the_gap() -> None:
    assert cap_between(20.0, None, 1.0, PLAIN).length == pytest.approx(12.0)


def test_between_slices_a_lone_piece_ends_after_its_own_cap() -> None:
    area = float(np.pi * 4.0**2)
    assert cap_between(20.0, area, 1.0, PLAIN).length == pytest.approx(6.0)  # 1.5 radii of 4 mm
    assert cap_between(5.0, area, 1.0, PLAIN).length == pytest.approx(3.0)
    assert cap_between(20.0, area, 6.0, PLAIN).length == pytest.approx(9.0)  # 1.5 slices
