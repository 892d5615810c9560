"""Planes in which outlines were drawn, in voxels."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.oblique import ObliquePlane
from fewslice.volumes.orientation import Turn
from tests.support.drawings import GRID


def test_voxels_of_a_plane_are_those_within_its_thickness() -> None:
    # i + k = 3 with 1 mm voxels: heights are (i + k - 3) / √2, and only 0 is within 0.5 mm.
    part = 1 / np.sqrt(2)
    plane = ObliquePlane((part, 0.0, part), 3 * part, 0.5)
    voxels = {tuple(voxel) for voxel in plane.voxels((3, 2, 4)).tolist()}
    assert voxels == {(i, j, 3 - i) for i in range(3) for j in range(2)}
    np.testing.assert_allclose(plane.heights(np.array([[0, 0, 3], [1, 1, 3]])), [0, part])


def test_voxels_of_a_plane_are_the_same_as_by_trying_all() -> None:
    plane = ObliquePlane((0.4, -0.3, 1.2), 9.0, 1.13)
    everywhere = np.indices((9, 8, 14)).reshape(3, -1).T
    wanted = everywhere[np.abs(plane.heights(everywhere)) <= 1.13]
    found = plane.voxels((9, 8, 14))
    assert {tuple(voxel) for voxel in found.tolist()} == {tuple(voxel) for voxel in wanted.tolist()}
    assert len(found) == len(wanted)


def test_a_plane_keeps_its_voxels_in_a_part_of_the_volume() -> None:
    plane = ObliquePlane((0.4, -0.3, 1.2), 9.0, 0.6)
    voxels = np.array([[1, 2, 7], [3, 3, 7]])
    np.testing.assert_allclose(
        plane.moved((1, 2, 3)).heights(voxels - [1, 2, 3]), plane.heights(voxels)
    )


def test_a_plane_keeps_its_voxels_once_the_volume_is_turned() -> None:
    plane = ObliquePlane((0.4, -0.3, 1.2), 9.0, 0.6)
    turned = plane.turned(Turn((2, 0, 1), (True, False, False)), (9, 8, 14))
    assert turned.normal == (-1.2, 0.4, -0.3)
    voxels = np.array([[1, 2, 7], [3, 3, 7]])
    moved = np.array([[13 - 7, 1, 2], [13 - 7, 3, 3]])
    np.testing.assert_allclose(turned.heights(moved), plane.heights(voxels))


def test_a_slice_is_a_plane() -> None:
    plane = ObliquePlane.of_slice(2, 5, GRID.affine)
    assert plane.normal == (0.0, 0.0, 1.5)
    assert plane.axis() == 2
    voxels = plane.voxels(GRID.shape)
    assert len(voxels) == GRID.shape[0] * GRID.shape[1]
    assert set(voxels[:, 2].tolist()) == {5}
