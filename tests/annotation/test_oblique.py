"""Planes that outlines were drawn in, found from the voxels near them."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.annotation.oblique import ObliquePlane
from fewslice.annotation.plane_search import find_planes
from tests.support.drawings import GRID, SPACING, in_plane, in_planes, on_slices, two_bodies

LABELS = two_bodies()


def angle_between(plane: ObliquePlane, normal: tuple[float, float, float]) -> float:
    """Degrees between a plane's normal in mm and another one, for a grid without rotation."""
    mine = np.array(plane.normal) / SPACING
    cosine = abs(mine @ np.array(normal)) / np.linalg.norm(mine) / np.linalg.norm(normal)
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


@pytest.mark.parametrize("normal", [(0.1, 0, 1), (0.3, -0.2, 1), (0, 0.6, 1), (1, 0.3, 0.2)])
def test_parallel_planes_are_found_with_one_normal(normal: tuple[float, float, float]) -> None:
    drawn = in_planes(LABELS, normal, -8.0, 0.0, 8.0) > 0
    planes, loose = find_planes(drawn, GRID.affine, 8)
    assert len(planes) == 3
    assert not len(loose)
    assert all(plane.parallel(planes[0]) for plane in planes)
    assert angle_between(planes[0], normal) < 2
    apart = np.diff(sorted(plane.offset for plane in planes))
    np.testing.assert_allclose(apart, 8.0, atol=0.4)


def test_planes_at_two_angles_are_told_apart() -> None:
    one, other = (0.35, 0.0, 1.0), (0.0, -0.4, 1.0)
    drawn = np.maximum(in_plane(LABELS, one, -6.0), in_plane(LABELS, other, 7.0)) > 0
    planes, _ = find_planes(drawn, GRID.affine, 6)
    assert len(planes) == 2
    found = sorted(planes, key=lambda plane: angle_between(plane, one))
    assert angle_between(found[0], one) < 3
    assert angle_between(found[1], other) < 3


def test_a_whole_body_lies_in_no_planes() -> None:
    assert find_planes(LABELS > 0, GRID.affine, 20)[0] == ()


def test_full_slices_next_to_each_other_lie_in_no_common_plane() -> None:
    drawn = on_slices(LABELS, (10, 11, 18, 19)) > 0
    assert find_planes(drawn, GRID.affine, 2)[0] == ()


def test_a_thin_oblique_vessel_lies_in_no_plane() -> None:
    drawn = np.zeros(GRID.shape, dtype=bool)
    for index in range(4, 28):
        drawn[6 + index // 2 : 8 + index // 2, 18:20, index] = True
    assert find_planes(drawn, GRID.affine, 12)[0] == ()


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


def test_a_slice_is_a_plane() -> None:
    plane = ObliquePlane.of_slice(2, 5, GRID.affine)
    assert plane.normal == (0.0, 0.0, 1.5)
    assert plane.axis() == 2
    voxels = plane.voxels(GRID.shape)
    assert len(voxels) == GRID.shape[0] * GRID.shape[1]
    assert set(voxels[:, 2].tolist()) == {5}
