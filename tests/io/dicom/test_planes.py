"""Where the pixels of a frame lie in a grid, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.io.dicom.planes import Plane, placement_of
from fewslice.volumes import Geometry

# Voxel (i, j, k) lies at RAS (i, 2 j, 3 k), which is LPS (-i, -2 j, 3 k).
GRID = Geometry((4, 3, 5), np.diag([1.0, 2.0, 3.0, 1.0]))


def plane(position: list[float], orientation: list[float], spacing: tuple[float, float]) -> Plane:
    return Plane(np.array(position), np.array(orientation, dtype=float), spacing, (3, 4))


def test_an_axial_frame_runs_against_both_axes_of_a_ras_grid() -> None:
    # Rows run to L, columns to P: from LPS (-3, -4, 6), which is voxel (3, 2, 2), down to 0.
    placement = placement_of(plane([-3, -4, 6], [1, 0, 0, 0, 1, 0], (2.0, 1.0)), GRID)
    assert placement is not None
    assert placement.axes == (0, 1, 2)
    assert placement.first == (3, 2)
    assert placement.steps == (-1, -1)
    assert placement.index == 2
    array = np.arange(60).reshape(4, 3, 5)
    pixels = placement.cut(array, (3, 4))
    assert pixels[0, 0] == array[3, 2, 2]
    assert pixels[2, 1] == array[2, 0, 2]  # row 2 is j = 0, column 1 is i = 2
    pasted = np.zeros_like(array)
    assert placement.paste(pixels > 50, pasted, 7)
    assert np.array_equal(pasted[:, :, 2] == 7, array[:, :, 2] > 50)
    assert not pasted[:, :, [0, 1, 3, 4]].any()


def test_a_coronal_frame_may_be_cropped() -> None:
    # Rows run to S (axis k), columns to R (axis i, to its end). First pixel: voxel (2, 1, 3).
    placement = placement_of(plane([-2, -2, 9], [0, 0, 1, -1, 0, 0], (1.0, 3.0)), GRID)
    assert placement is not None
    assert (placement.axes, placement.first, placement.steps) == ((2, 0, 1), (3, 2), (1, 1))
    assert placement.index == 1
    array = np.arange(1, 61).reshape(4, 3, 5)
    pixels = placement.cut(array, (3, 4))
    assert pixels.tolist() == [
        [array[2, 1, 3], array[2, 1, 4], 0, 0],
        [array[3, 1, 3], array[3, 1, 4], 0, 0],
        [0, 0, 0, 0],
    ]
    mask = np.zeros(GRID.shape, np.uint8)
    assert not placement.paste(np.ones((3, 4)), mask, 1)  # some of it lies outside
    assert mask.sum() == 4


@pytest.mark.parametrize(
    ("position", "orientation", "spacing"),
    [
        ([-3, -4, 6], [0.8, 0.6, 0, -0.6, 0.8, 0], (2.0, 1.0)),  # oblique
        ([-3, -4, 7], [1, 0, 0, 0, 1, 0], (2.0, 1.0)),  # a third of a slice off
        ([-3, -4, 6], [1, 0, 0, 0, 1, 0], (1.0, 1.0)),  # other pixels
    ],
)
def test_what_is_not_on_the_voxels_has_no_place(
    position: list[float], orientation: list[float], spacing: tuple[float, float]
) -> None:
    assert placement_of(plane(position, orientation, spacing), GRID) is None


def test_beyond_the_ends_is_a_place_without_voxels() -> None:
    placement = placement_of(plane([-3, -4, 30], [1, 0, 0, 0, 1, 0], (2.0, 1.0)), GRID)
    assert placement is not None
    assert placement.index == 10
    assert not placement.cut(np.ones(GRID.shape), (3, 4)).any()
    assert not placement.paste(np.ones((3, 4)), np.zeros(GRID.shape), 1)
    assert placement.paste(np.zeros((3, 4)), np.zeros(GRID.shape), 1)
