"""Grids that hold the same voxels in other words: found voxel-exact, or not at all."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewslice.volumes import Geometry
from fewslice.volumes.orientation import Turn
from fewslice.volumes.placement import Placement, find_placement
from tests.support.volume_samples import AFFINES, affines

SHAPE = (5, 6, 7)
VOXELS = np.arange(5 * 6 * 7).reshape(SHAPE)
TURNS = [
    Turn((i, j, k), (a, b, c))
    for i, j, k in permutations((0, 1, 2))
    for a, b, c in product((False, True), repeat=3)
]


def found(grid: Geometry, other: Geometry) -> Placement:
    placement = find_placement(grid, other)
    assert placement is not None
    return placement


def moved(affine: npt.NDArray[np.float64], voxels: tuple[float, float, float]) -> Geometry:
    shift = np.eye(4)
    shift[:3, 3] = voxels
    return Geometry(SHAPE, affine @ shift)


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES.keys())
def test_all_48_orders_of_all_grids_are_found(affine: npt.NDArray[np.float64]) -> None:
    scan = Geometry(SHAPE, affine)
    for turn in TURNS:
        placement = found(turn.geometry(scan), scan)
        assert placement.off < 1e-9
        assert placement.is_whole(turn.geometry(scan).shape)
        taken = placement.taken(VOXELS, turn.geometry(scan).shape)
        assert np.array_equal(taken, turn.array(VOXELS))
        again = placement.geometry(scan, taken.shape)
        np.testing.assert_allclose(again.affine, turn.geometry(scan).affine, atol=1e-9)


@given(affine=affines(), number=st.integers(0, 47), data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_part_in_any_order_is_found_in_any_grid(
    affine: npt.NDArray[np.float64], number: int, data: st.DataObject
) -> None:
    turn, scan = TURNS[number], Geometry(SHAPE, affine)
    start = [data.draw(st.integers(0, length - 1)) for length in SHAPE]
    stop = [data.draw(st.integers(first + 1, n)) for first, n in zip(start, SHAPE, strict=True)]
    part = turn.geometry(scan.cropped(start, stop))
    inside = tuple(slice(*ends) for ends in zip(start, stop, strict=True))
    placement = found(part, scan)
    assert np.array_equal(placement.taken(VOXELS, part.shape), turn.array(VOXELS[inside]))
    assert placement.covered(part.shape) == tuple(slice(0, n) for n in part.shape)


def test_a_padded_grid_worked_by_hand() -> None:
    # Of four voxels, 10 11 12 13, the grid begins one before and ends one after the second; it runs
    # backwards along the axis: 12 11 10 and one beyond.
    scan = Geometry((4, 1, 1), np.eye(4))
    affine = np.diag([-1.0, 1, 1, 1])
    affine[0, 3] = 2
    grid = Geometry((4, 1, 1), affine)
    assert find_placement(grid, scan) is None  # of the same shape, and not at the same place
    placement = found(Geometry((5, 1, 1), affine), scan)
    array = np.array([10, 11, 12, 13]).reshape(4, 1, 1)
    assert placement.taken(array, (5, 1, 1), fill=-1).ravel().tolist() == [12, 11, 10, -1, -1]
    assert placement.covered((5, 1, 1)) == (slice(0, 3), slice(0, 1), slice(0, 1))


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES.keys())
def test_half_a_voxel_is_rounding_if_the_shapes_agree(affine: npt.NDArray[np.float64]) -> None:
    scan = Geometry(SHAPE, affine)
    for voxels in ((0.5, 0, 0), (0, -0.5, 0), (0.3, 0.3, 0.5)):
        assert found(moved(affine, voxels), scan).is_identity(SHAPE)
    for voxels in ((0.52, 0, 0), (0, -1, 0), (0, 0, 3)):
        assert find_placement(moved(affine, voxels), scan) is None


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES.keys())
def test_the_farthest_corner_counts(affine: npt.NDArray[np.float64]) -> None:
    scan = Geometry(SHAPE, affine)
    for part, fits in ((0.45, True), (0.55, False)):
        longer = affine.copy()
        longer[:3, 2] *= 1 + part / (SHAPE[2] - 1)  # the last slice is off by `part` of a voxel
        assert (find_placement(Geometry(SHAPE, longer), scan) is not None) == fits


def test_a_cropped_grid_must_lie_on_whole_voxels() -> None:
    scan = Geometry(SHAPE, AFFINES["oblique"])
    for part, fits in ((0.1, True), (0.3, False), (0.5, False)):
        shift = np.eye(4)
        shift[0, 3] = part
        grid = Geometry((4, 6, 7), scan.affine @ shift)
        assert (find_placement(grid, scan) is not None) == fits


@pytest.mark.parametrize("start", [(5, 0, 0), (-3, 0, 0), (0, 40, 0)])
def test_grids_that_do_not_overlap_are_others(start: tuple[int, int, int]) -> None:
    scan = Geometry(SHAPE, AFFINES["anisotropic"])
    stop = [first + length for first, length in zip(start, (3, 6, 7), strict=True)]
    assert find_placement(scan.cropped(start, stop), scan) is None


@pytest.mark.parametrize("step", [0.5, 0.9, 1.2, 2.0])
def test_another_resolution_is_another_grid(step: float) -> None:
    scan = Geometry(SHAPE, np.eye(4))
    assert find_placement(Geometry((10, 12, 14), np.diag([step, step, step, 1])), scan) is None


def test_a_grid_turned_by_some_degrees_is_another_one() -> None:
    scan = Geometry((40, 40, 20), np.eye(4))
    turned = np.eye(4)
    turned[:2, :2] = [[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]]
    assert find_placement(Geometry((40, 40, 20), turned), scan) is None


def test_a_single_slice_has_no_distance_to_the_next() -> None:
    scan = Geometry(SHAPE, AFFINES["anisotropic"])
    thick = scan.cropped((0, 0, 4), (5, 6, 5)).affine.copy()
    thick[:3, 2] *= 0.2
    placement = found(Geometry((5, 6, 1), thick), scan)
    assert np.array_equal(placement.taken(VOXELS, (5, 6, 1)), VOXELS[..., 4:5])
