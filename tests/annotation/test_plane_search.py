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
