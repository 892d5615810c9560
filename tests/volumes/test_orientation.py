import numpy as np
import pytest

from fewslice.volumes.geometry import Geometry
from fewslice.volumes.orientation import Turn, turn_towards
from fewslice.volumes.region import Region

SHAPE = (2, 3, 4)
LIKE = Geometry(SHAPE, np.diag([-1.0, -2.0, 3.0, 1.0]))


def test_a_volume_that_runs_the_same_way_is_not_touched() -> None:
    turn = turn_towards(Geometry((5, 6, 7), np.diag([-4.0, -4.0, 1.0, 1.0])), LIKE)
    assert turn == Turn((0, 1, 2), (False, False, False))
    array = np.arange(24).reshape(SHAPE)
    assert turn.array(array) is array


def test_axes_are_exchanged_and_reversed_by_hand() -> None:
    # Axes that run back, up and left: those of LIKE (left, back, up) in another order.
    affine = np.array([[0, 0, -1.0, 9], [-2.0, 0, 0, 8], [0, 3.0, 0, 7], [0, 0, 0, 1]])
    turn = turn_towards(Geometry((3, 4, 2), affine), LIKE)
    assert turn == Turn((2, 0, 1), (False, False, False))
    # The same, but the last axis runs to the right.
    mirrored = affine * [1, 1, -1, 1]
    assert turn_towards(Geometry((3, 4, 2), mirrored), LIKE) == Turn(
        (2, 0, 1), (True, False, False)
    )


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("backwards", [(), (0,), (1, 2), (0, 1, 2)])
def test_voxels_keep_their_place_and_come_back(
    axes: tuple[int, int, int], backwards: tuple[int, ...]
) -> None:
    flipped = tuple(axis in backwards for axis in range(3))
    there = Turn(axes, (flipped[0], flipped[1], flipped[2]))
    array = np.arange(48).reshape(2, *SHAPE)
    moved, grid = there.array(array), there.geometry(LIKE)
    assert moved.flags.c_contiguous
    assert grid.shape == moved.shape[1:]
    for index in ((0, 0, 0), (1, 2, 3), (1, 0, 2)):
        value = array[(0, *index)]
        at = np.argwhere(moved[0] == value)[0]
        np.testing.assert_allclose(grid.affine @ [*at, 1], LIKE.affine @ [*index, 1])
    back = turn_towards(grid, LIKE)
    np.testing.assert_array_equal(back.array(moved), array)
    np.testing.assert_allclose(back.geometry(grid).affine, LIKE.affine)


def test_slices_and_boxes_turn_as_the_voxels_do() -> None:
    turn = Turn((2, 0, 1), (True, False, False))
    # Of 2 x 3 x 4 voxels, which become 4 x 2 x 3, the last axis runs the other way as the first.
    assert turn.slice_index(2, 1, SHAPE) == (0, 2)
    assert turn.slice_index(1, 1, SHAPE) == (2, 1)
    box = turn.region(Region((1, 0, 0), (2, 2, 3)), SHAPE)
    assert box == Region((1, 1, 0), (4, 2, 2))
    array = np.arange(24).reshape(SHAPE)
    assert np.array_equal(turn.array(array)[box.slices], turn.array(array[1:2, 0:2, 0:3]))
    assert np.shares_memory(turn.view(array), array)
    assert np.array_equal(turn.view(array), turn.array(array))


def test_oblique_grids_take_the_nearest_axes() -> None:
    # 60 degrees about z: nearer to axes exchanged (30 degrees off) than to none.
    c, s = 0.5, np.sqrt(0.75)
    rotated = np.eye(4)
    rotated[:2, :2] = [[c, -s], [s, c]]
    turn = turn_towards(Geometry(SHAPE, rotated), Geometry(SHAPE, np.eye(4)))
    # Axis 0 of the rotated grid runs mostly along y, axis 1 mostly along -x.
    assert turn == Turn((1, 0, 2), (True, False, False))
    less = np.eye(4)
    less[:2, :2] = [[s, -c], [c, s]]
    assert turn_towards(Geometry(SHAPE, less), Geometry(SHAPE, np.eye(4))).axes == (0, 1, 2)
