"""From samples to numbers a slice, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.active_learning.next_slice.profiles import (
    Annotated,
    Profiles,
    contour_length,
    measured_across,
    profiles,
)
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid

SPACING = (1.0, 2.0, 5.0)
SHAPE = (6, 5, 4)


def annotated(
    labels: np.ndarray, *slices: tuple[int, int], main: int = 2, **more: object
) -> Annotated:
    return Annotated(labels, slices, more.get("present", ()), main)  # type: ignore[arg-type]


def two_samples() -> np.ndarray:
    """Two samples of one structure in a box of 2 x 2 x 2 voxels: the answer and another."""
    probability = np.zeros((2, 2, 2, 2, 2), dtype=np.float16)
    probability[0, 1] = [[[0.5, 1.0], [0.25, 0.0]], [[0.0, 0.75], [0.0, 0.0]]]
    probability[1, 1] = [[[0.0, 1.0], [0.25, 0.0]], [[0.0, 0.25], [0.0, 0.0]]]
    probability[:, 0] = 1 - probability[:, 1]
    return probability


@pytest.fixture
def found() -> Profiles:
    """The box begins at (1, 2, 1); slice 3 across axis 2 was drawn, slice 0 is empty."""
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[1:4, 1:3, 3] = 7
    return profiles(two_samples(), (0, 7), (1, 2, 1), annotated(labels, (2, 0), (2, 3)), SPACING)


def test_sums_over_slices_of_each_axis(found: Profiles) -> None:
    i, j, k = found.axes
    np.testing.assert_allclose(i.expected, [[0, 1.75, 0.75, 0, 0, 0]])
    np.testing.assert_allclose(j.expected, [[0, 0, 2.25, 0.25, 0]])
    np.testing.assert_allclose(k.expected, [[0, 0.75, 1.75, 0]])
    # min(p, 1 - p): 0.5, 0, 0.25, 0 and 0, 0.25, 0, 0
    np.testing.assert_allclose(i.doubt, [[0, 0.75, 0.25, 0, 0, 0]])
    np.testing.assert_allclose(k.doubt, [[0, 0.75, 0.25, 0]])
    # |difference| of the one other sample: 0.5 at the first voxel, 0.5 at (1, 0, 1)
    np.testing.assert_allclose(i.spread, [[0, 0.5, 0.5, 0, 0, 0]])
    np.testing.assert_allclose(k.spread, [[0, 0.5, 0.5, 0]])


def test_voxels_of_a_coarse_grid_count_as_many_of_the_scan() -> None:
    """2 x 2 x 2 voxels of a grid stand for a box of 4 x 2 x 2 that begins at (1, 2, 1)."""
    grid = WorkingGrid(Region((1, 2, 1), (5, 4, 3)), (2, 2, 2), SPACING)
    labels = np.zeros(SHAPE, dtype=np.uint8)
    found = profiles(two_samples(), (0, 7), (1, 2, 1), annotated(labels), SPACING, grid)
    i, j, k = found.axes
    # Across axis 0 two slices, 1.75 and 0.75, become four: their centres lie at 0.5 and 2.5.
    np.testing.assert_allclose(i.expected, [[0, 1.75, 1.5, 1.0, 0.75, 0]])
    np.testing.assert_allclose(i.present, [[0, 1, 0.875, 0.625, 0.5, 0]])
    # Across the others each voxel counts twice, and slices are the scan's own.
    np.testing.assert_allclose(j.expected, [[0, 0, 4.5, 0.5, 0]])
    np.testing.assert_allclose(k.expected, [[0, 1.5, 3.5, 0]])
    np.testing.assert_allclose(k.doubt, [[0, 1.5, 0.5, 0]])
    np.testing.assert_allclose(k.spread, [[0, 1, 1, 0]])


def test_presence_is_the_mean_of_the_highest(found: Profiles) -> None:
    i, _, k = found.axes
    np.testing.assert_allclose(i.present, [[0, 1.0, (0.75 + 0.25) / 2, 0, 0, 0]])
    # Slice 0 is known to be empty and slice 3 to hold it, whatever the samples say.
    np.testing.assert_allclose(k.present, [[0, (0.5 + 0.25) / 2, 1.0, 1.0]])


def test_what_was_said_is_of_its_axis_only(found: Profiles) -> None:
    i, j, k = found.axes
    assert k.drawn.tolist() == [[False, False, False, True]]
    assert k.empty.tolist() == [[True, False, False, False]]
    assert k.asked.tolist() == [True, False, False, True]
    for other in (i, j):
        for said_of in (other.asked, other.drawn, other.empty):
            assert not said_of.any()
    assert [len(axis) for axis in found.axes] == list(SHAPE)
    assert found.slices == 1


def test_steps_and_areas_in_mm(found: Profiles) -> None:
    assert [axis.step for axis in found.axes] == [1.0, 2.0, 5.0]
    assert [axis.pixel_area for axis in found.axes] == [10.0, 5.0, 2.0]
    # 3 x 2 voxels of 1 x 2 mm: 12 mm², the circle of which has a radius of sqrt(12 / π); the
    # outline is twice 3 mm and twice 4 mm.
    assert found.area.tolist() == [12.0]
    assert found.contour[0] == pytest.approx(14 * np.pi / 4)
    assert found.radius[0] == pytest.approx(np.sqrt(12 / np.pi))


def test_a_single_sample_has_no_spread() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    found = profiles(two_samples()[:1], (0, 1), (0, 0, 0), annotated(labels), SPACING)
    assert all((axis.spread == 0).all() for axis in found.axes)
    assert found.axes[2].expected.sum() == 2.5


def test_several_labels_each_with_their_own_slices() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint16)
    labels[0:2, 0:2, 1] = 3
    labels[2:4, 0:1, 1] = 900
    labels[0:4, 0:3, 2] = 3
    probability = np.zeros((2, 3, *SHAPE), dtype=np.float16)
    probability[:, 0] = 1
    probability[:, :, 0, 0, 0] = [0.25, 0.25, 0.5]
    found = profiles(
        probability, (0, 3, 900), (0, 0, 0), annotated(labels, (2, 1), (2, 2)), SPACING
    )
    k = found.axes[2]
    assert k.expected[:, 0].tolist() == [0.25, 0.5]
    assert k.drawn.tolist() == [[False, True, True, False], [False, True, False, False]]
    assert k.empty.tolist() == [[False] * 4, [False, False, True, False]]
    assert found.area.tolist() == [(8 + 24) / 2, 4.0]
    assert found.slices == 2


def test_a_structure_drawn_across_another_axis_only_has_its_size_from_there() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[1, 1:3, 1:3] = 1
    found = profiles(two_samples(), (0, 1), (0, 0, 0), annotated(labels, (0, 1), (2, 0)), SPACING)
    assert found.area.tolist() == [4 * 2 * 5]
    assert found.axes[0].drawn.tolist() == [[False, True, False, False, False, False]]


def test_another_main_axis_measures_what_was_drawn_across_it() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[1, 1:3, 1:3] = 1  # 4 pixels of 2 x 5 mm
    labels[1:4, 1, 1] = 1  # on the slice across axis 2: 3 pixels of 1 x 2 mm, and one more
    said = annotated(labels, (0, 1), (2, 1), main=0)
    found = profiles(two_samples(), (0, 1), (0, 0, 0), said, SPACING)
    turned = measured_across(found, (0, 1), annotated(labels, (0, 1), (2, 1), main=2), SPACING)
    assert (found.main, found.area.tolist()) == (0, [4 * 2 * 5])
    assert (turned.main, turned.area.tolist()) == (2, [4 * 1 * 2])
    assert turned.axes == found.axes


def test_a_yes_makes_a_slice_present_but_neither_drawn_nor_asked() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[1:3, 2:4, 1] = 1
    yes = annotated(labels, (2, 1), present=((2, 3), (0, 5)))
    found = profiles(two_samples(), (0, 1), (1, 2, 1), yes, SPACING)
    assert found.axes[2].present[0].tolist() == [0, 1.0, 1.0, 1.0]
    assert found.axes[0].present[0, 5] == 1.0
    assert found.axes[2].asked.tolist() == [False, True, False, False]
    assert not found.axes[2].drawn[0, 3]


def test_nothing_drawn_at_all() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    found = profiles(two_samples(), (0, 1), (0, 0, 0), annotated(labels), SPACING)
    # 0.75 and 1.75 voxels of 2 mm² are expected on two slices: discs of 2.5 mm² on average.
    assert found.area.tolist() == [2.5]
    assert found.contour[0] == pytest.approx(2 * np.sqrt(np.pi * 2.5))
    assert found.compactness[0] == pytest.approx(1.0)
    assert found.slices == 0


def test_nothing_drawn_and_nothing_expected() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    certain = np.zeros((2, 2, 2, 2, 2), dtype=np.float16)
    certain[:, 0] = 1
    found = profiles(certain, (0, 1), (0, 0, 0), annotated(labels), SPACING)
    assert (found.contour.tolist(), found.area.tolist()) == ([0.0], [0.0])
    assert np.isfinite(found.radius).all()


def test_the_outline_of_a_square_of_a_disc_and_of_nothing() -> None:
    square = np.zeros((20, 20), dtype=bool)
    square[4:14, 3:13] = True
    assert contour_length(square, (1.0, 1.0)) == pytest.approx(40 * np.pi / 4)
    # Rows 2 mm apart: the sides that run down are twice as long.
    assert contour_length(square, (2.0, 1.0)) == pytest.approx((2 * 20 + 2 * 10) * np.pi / 4)
    row, column = np.indices((101, 101)) - 50
    disc = row**2 + column**2 < 40**2
    assert contour_length(disc, (0.5, 0.5)) == pytest.approx(2 * np.pi * 20, rel=0.03)
    assert contour_length(np.zeros((5, 5), dtype=bool), (1.0, 1.0)) == 0.0


def test_outlines_at_the_border_and_holes_count() -> None:
    whole = np.ones((3, 4), dtype=bool)
    assert contour_length(whole, (1.0, 1.0)) == pytest.approx(14 * np.pi / 4)
    ring = np.ones((5, 5), dtype=bool)
    ring[2, 2] = False
    assert contour_length(ring, (1.0, 1.0)) == pytest.approx((20 + 4) * np.pi / 4)


def test_where_all_is_known_nothing_may_be_asked_in_any_plane() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[1:3, 2:4, 1] = 1
    every = [(2, index) for index in range(4)]
    found = profiles(two_samples(), (0, 1), (1, 2, 1), annotated(labels, *every), SPACING)
    assert all(axis.asked.all() for axis in found.axes)
    labels[0, 0, 0] = 255  # somebody did not look there
    found = profiles(two_samples(), (0, 1), (1, 2, 1), annotated(labels, *every), SPACING)
    assert [bool(axis.asked.any()) for axis in found.axes] == [False, False, True]


def test_layers_are_told_by_what_is_drawn_across_the_main_axis() -> None:
    spacing, shape = (1.0, 1.0, 5.0), (20, 20, 4)
    labels = np.zeros(shape, dtype=np.uint8)
    labels[5:7, :, 2] = 7  # two rows of twenty, over all columns
    slices = ((2, 0), (2, 2))
    probability = np.zeros((1, 3, 1, 1, 1), dtype=np.float16)
    layer = profiles(probability, (0, 7, 9), (0, 0, 0), annotated(labels, *slices), spacing)
    assert layer.layers
    labels[12:16, 4:8, 2] = 9  # and something that is none
    other = profiles(probability, (0, 7, 9), (0, 0, 0), annotated(labels, *slices), spacing)
    assert not other.layers
    across = measured_across(layer, (0, 7), annotated(labels * 0, (0, 3), main=0), spacing)
    assert not across.layers
