"""Outlines of pixels and pixels of outlines, worked out by hand, and there and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from fewslice.io.dicom.outlines import filled, outlines_of

Points = npt.NDArray[np.float64]


def area(points: Points) -> float:
    x, y = points.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def test_the_outline_of_one_pixel_runs_halfway_to_its_neighbours() -> None:
    mask = np.zeros((5, 6), bool)
    mask[2, 4] = True  # row 2, column 4
    (outline,) = outlines_of(mask)
    assert {tuple(point) for point in outline} == {(3.5, 2), (4.5, 2), (4, 1.5), (4, 2.5)}
    assert area(outline) == 0.5


def test_the_area_lacks_an_eighth_of_a_pixel_at_each_corner() -> None:
    mask = np.zeros((9, 9), bool)
    mask[2:6, 0:7] = True  # 4 rows, 7 columns, at the border of the image
    (outline,) = outlines_of(mask)
    assert area(outline) == 28 - 4 / 8


def test_a_hole_is_cut_out_through_a_keyhole() -> None:
    mask = np.zeros((9, 9), bool)
    mask[1:8, 1:8] = True
    mask[3:5, 3:6] = False
    (outline,) = outlines_of(mask)
    # 49 less four corners; the hole's curve encloses 6 pixels and, seen from the ring, its corners
    # are cut as well, by an eighth each.
    assert area(outline) == pytest.approx(49 - 0.5 - (6 - 0.5))
    assert np.array_equal(filled([outline], mask.shape), mask)


def test_components_have_an_outline_each_also_within_a_hole() -> None:
    mask = np.zeros((11, 11), bool)
    mask[1:10, 1:10] = True
    mask[3:8, 3:8] = False
    mask[5, 5] = True
    outlines = outlines_of(mask)
    assert len(outlines) == 2
    assert np.array_equal(filled(outlines, mask.shape), mask)


def test_pixels_are_inside_if_their_centre_is() -> None:
    inside = filled([rectangle(1.4, 0.6, 3.6, 2.4)], (4, 6))
    expected = np.zeros((4, 6), bool)
    expected[1:3, 2:4] = True
    assert np.array_equal(inside, expected)


@pytest.mark.parametrize("jitter", [0.0, 0.004, -0.004])
def test_centres_on_an_outline_are_inside_at_all_sides(jitter: float) -> None:
    inside = filled([rectangle(1, 1, 4, 3) + jitter], (6, 7))
    expected = np.zeros((6, 7), bool)
    expected[1:4, 1:5] = True
    assert np.array_equal(inside, expected)


def test_outlines_within_outlines_are_holes_and_a_copy_changes_nothing() -> None:
    outer, hole = rectangle(0.5, 0.5, 7.5, 7.5), rectangle(2.5, 2.5, 4.5, 5.5)
    expected = np.zeros((9, 9), bool)
    expected[1:8, 1:8] = True
    expected[3:6, 3:5] = False
    assert np.array_equal(filled([outer, hole], (9, 9)), expected)
    assert np.array_equal(filled([outer, hole[::-1]], (9, 9)), expected)
    assert np.array_equal(filled([outer, hole, outer.copy()], (9, 9)), expected)


def test_outlines_may_reach_beyond_the_image() -> None:
    inside = filled([rectangle(-3.5, -2.5, 1.5, 9)], (4, 5))
    assert inside.tolist() == [[True, True, False, False, False]] * 4


def test_the_area_of_a_circle_is_kept_to_one_percent() -> None:
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = np.column_stack([50.3 + 30 * np.cos(turn), 48.7 + 30 * np.sin(turn)])
    assert filled([circle], (100, 100)).sum() == pytest.approx(np.pi * 900, rel=0.01)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("sigma", [0.0, 1.0, 3.0])
def test_any_pixels_come_back(seed: int, sigma: float) -> None:
    noise = np.random.default_rng(seed).normal(size=(37, 29))
    mask = gaussian_filter(noise, sigma) > 0
    outlines = [np.round(outline, 3) for outline in outlines_of(mask)]
    assert np.array_equal(filled(outlines, mask.shape), mask)
