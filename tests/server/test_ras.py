"""Every turn between a scan's axes and the page's, voxel by voxel."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.errors import InputError
from fewslice.server.ras import RasView
from fewslice.volumes.geometry import Geometry

SHAPE = (3, 4, 5)
ORDERS = [
    (order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)
]


def view(order: tuple[int, ...], signs: tuple[int, ...]) -> RasView:
    """Return the view of a grid whose array axis n runs along world axis order[n]."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        affine[world, axis] = sign * (1 + axis)
    return RasView.of(Geometry(SHAPE, affine))


def test_a_slice_by_hand() -> None:
    # Axis 0 runs to the feet, axis 1 to the left, axis 2 to the front.
    found = view((2, 0, 1), (-1, -1, 1))
    assert found.grid.shape == (4, 5, 3)
    assert found.grid.spacing == (2.0, 3.0, 1.0)
    assert found.to_page((0, 0)) == (2, 2)
    assert found.to_page((1, 0)) == (0, 3)
    assert found.to_page((2, 4)) == (1, 4)
    drawn = np.zeros((4, 5), dtype=np.uint8)  # a slice across axis 0: to the left, to the front
    drawn[0, 4] = 7
    expected = np.zeros((4, 5), dtype=np.uint8)  # across z: to the right, to the front
    expected[3, 4] = 7
    np.testing.assert_array_equal(found.slice_to_page(drawn, 0), expected)


def test_slices_are_called_as_the_page_calls_them() -> None:
    found = view((2, 0, 1), (-1, -1, 1))
    assert found.called([(0, 0), (0, 2), (1, 0), (2, 4)]) == "sagittal 4; coronal 5; axial 1, 3"


@pytest.mark.parametrize(("order", "signs"), ORDERS)
def test_slices_lie_where_they_lie_in_the_turned_volume_and_come_back(
    order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    found = view(order, signs)
    assert found.grid.axis_codes == ("R", "A", "S")
    volume: npt.NDArray[np.uint8] = np.arange(60, dtype=np.uint8).reshape(SHAPE)
    page = found.volume_to_page(volume)
    for axis in range(3):
        for index in range(SHAPE[axis]):
            to, at = found.to_page((axis, index))
            drawn = np.asarray(volume.take(index, axis=axis))
            shown = found.slice_to_page(drawn, axis)
            np.testing.assert_array_equal(shown, page.take(at, axis=to))
            assert shown.shape == found.slice_shape(to)
            assert found.to_scan((to, at)) == (axis, index)
            np.testing.assert_array_equal(found.slice_to_scan(shown, to), drawn)


def test_an_oblique_grid_goes_to_the_nearest_order() -> None:
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, -1]])
    affine = np.eye(4)
    affine[:3, :3] = turn
    found = RasView.of_affine(SHAPE, affine)
    assert found.turn.axes == (0, 1, 2)
    assert found.turn.flipped == (False, False, True)


@pytest.mark.parametrize("place", [(3, 0), (-1, 0), (0, 4), (0, -1)])
def test_a_slice_that_is_not_there_is_refused(place: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="There is no slice"):
        view((1, 0, 2), (1, 1, 1)).to_scan(place)
