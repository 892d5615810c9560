"""How scans are turned to be seen upright, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.errors import codes_of
from fewslice.integrations.napari.origin import Origin
from fewslice.volumes import Geometry, Image
from tests.support.napari_layers import TURNED


def test_a_scan_comes_head_back_left() -> None:
    # Array axes: to the front (2 mm), to the left (3 mm), to the head (5 mm).
    origin = Origin.of(Image(np.zeros((4, 3, 2)), Geometry((4, 3, 2), TURNED)))
    assert origin.turn.axes == (2, 0, 1)
    assert origin.turn.flipped == (False, True, False)
    assert origin.spacing.tolist() == [5, 2, 3]
    # The head is at z = 30; the rearmost of y = -20, -18, -16, -14 comes last, at y = -20, and
    # 20 mm to the back is that; the rightmost voxel is at x = 10, which is -10 to the left.
    assert origin.start.tolist() == pytest.approx([30, 14, -10])
    assert origin.remarks == ()


def test_turned_back_an_array_is_as_it_was() -> None:
    voxels = np.arange(24).reshape(4, 3, 2)
    origin = Origin.of(Image(voxels, Geometry((4, 3, 2), TURNED)))
    shown = origin.turn.array(voxels)
    assert shown.shape == (2, 4, 3)
    assert shown[0, 0, 0] == voxels[3, 0, 0]
    np.testing.assert_array_equal(origin.back(shown), voxels)


def test_an_oblique_scan_is_shown_straight_around_its_middle_and_said_to_be() -> None:
    angle = np.radians(20)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    geometry = Geometry((5, 5, 3), affine)
    origin = Origin.of(Image(np.zeros((5, 5, 3)), geometry))
    assert codes_of(origin.remarks) == {"shown-straight"}
    assert "20 degrees" in origin.remarks[0]
    x, y, z = (geometry.affine @ [2, 2, 1, 1])[:3]
    middle = origin.matrix @ [1, 2, 2, 1]
    assert middle[:3].tolist() == pytest.approx([z, -y, -x])
    assert np.linalg.norm(origin.matrix[:3, :3], axis=0).tolist() == pytest.approx([1, 1, 1])
