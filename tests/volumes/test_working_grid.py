import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import (
    WorkingGrid,
    averaging_matrix,
    interpolating_matrix,
    nearest_matrix,
    resizing_matrix,
    working_grid,
)


def test_averaging_by_hand() -> None:
    # Three voxels onto two: each new one takes one and a half old ones.
    np.testing.assert_allclose(averaging_matrix(3, 2), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]])


def test_nearest_by_hand() -> None:
    assert nearest_matrix(2, 4).tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert nearest_matrix(3, 2).tolist() == [[1, 0, 0], [0, 0, 1]]


def test_resizing_averages_or_interpolates() -> None:
    np.testing.assert_array_equal(resizing_matrix(6, 4), averaging_matrix(6, 4))
    np.testing.assert_array_equal(resizing_matrix(4, 6), interpolating_matrix(4, 6))
    np.testing.assert_array_equal(resizing_matrix(3, 3), np.eye(3))


def test_interpolation_by_hand() -> None:
    # Two voxels onto four: centres at -0.25, 0.25, 0.75, 1.25 of the old, ends repeated.
    expected = np.array([[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]])
    np.testing.assert_allclose(interpolating_matrix(2, 4), expected)


@given(fine=st.integers(1, 40), coarse=st.integers(1, 40))
def test_rows_sum_to_one(fine: int, coarse: int) -> None:
    coarse = min(fine, coarse)
    np.testing.assert_allclose(averaging_matrix(fine, coarse).sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(interpolating_matrix(coarse, fine).sum(axis=1), 1, atol=1e-5)


def test_without_resampling_values_come_back_bit_for_bit() -> None:
    region = Region((1, 2, 3), (8, 9, 10))
    grid = WorkingGrid(region, region.shape, (1.0, 2.0, 3.0))
    values = np.random.default_rng(0).random(region.shape).astype(np.float32)
    assert grid.is_native
    np.testing.assert_array_equal(grid.up(grid.down(values)), values)


@settings(max_examples=25, deadline=None)
@given(axis=st.integers(0, 2), slope=st.floats(-3, 3))
def test_a_ramp_survives_down_and_up_and_is_not_mirrored(axis: int, slope: float) -> None:
    region = Region((0, 0, 0), (24, 30, 36))
    grid = WorkingGrid(region, (12, 10, 9), (1.0, 1.0, 1.0))
    ramp = (np.indices(region.shape)[axis] * slope).astype(np.float32)
    back = grid.up(grid.down(ramp))
    inner = (slice(4, -4),) * 3  # ends are repeated, not extrapolated
    np.testing.assert_allclose(back[inner], ramp[inner], atol=1e-3)


def test_positions_on_the_grid_and_in_the_volume_agree() -> None:
    grid = WorkingGrid(Region((10, 0, 5), (22, 4, 11)), (4, 4, 6), (1.0, 1.0, 2.0))
    np.testing.assert_allclose(grid.centres(0), [11, 14, 17, 20])
    assert grid.spacing == (3.0, 1.0, 2.0)
    assert [grid.index_of(0, index) for index in (9, 10, 12, 13, 21, 22)] == [
        None,
        0,
        0,
        1,
        3,
        None,
    ]
    np.testing.assert_array_equal(grid.pick(0), [11, 14, 17, 20])
    np.testing.assert_array_equal(grid.pick(2), [5, 6, 7, 8, 9, 10])


def test_a_slice_is_resampled_like_its_volume() -> None:
    grid = WorkingGrid(Region((0, 0, 0), (12, 5, 8)), (6, 5, 4), (1.0, 1.0, 1.0))
    volume = np.random.default_rng(1).random((2, 12, 5, 8)).astype(np.float32)
    np.testing.assert_allclose(
        grid.down(volume[:, :, 3], (0, 2)), grid.down(volume)[:, :, 3], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("finest", "most", "shape"),
    [
        (0.0, 10**9, (100, 60, 30)),
        (2.0, 10**9, (50, 60, 30)),  # 1 mm pixels become 2 mm, 2 mm pixels stay
        (4.0, 10**9, (25, 30, 30)),
    ],
)
def test_the_grid_is_as_fine_as_asked(
    finest: float, most: int, shape: tuple[int, int, int]
) -> None:
    region = Region((0, 0, 0), (100, 60, 30))
    runs = (30.0, 30.0, np.inf)
    grid = working_grid(region, (1.0, 2.0, 5.0), finest=finest, most=most, runs=runs)
    assert grid.shape == shape


def test_the_grid_is_never_larger_than_allowed_and_keeps_all_slices() -> None:
    region = Region((0, 0, 0), (512, 512, 200))
    runs = (50.0, 50.0, np.inf)
    grid = working_grid(region, (0.7, 0.7, 1.0), finest=0.1, most=800_000, runs=runs)
    assert np.prod(grid.shape) <= 800_000
    assert grid.shape[2] == 200
    assert grid.shape[0] / grid.shape[1] == pytest.approx(1, abs=0.11)


def test_a_thin_layer_keeps_its_resolution_across() -> None:
    region = Region((0, 0, 0), (512, 270, 49))
    runs = (6.0, 0.03, np.inf)  # as long as the scan is wide, and seven voxels thick
    grid = working_grid(region, (0.0117, 0.0039, 0.12), finest=0.001, most=1_200_000, runs=runs)
    assert grid.shape[1] == 270
    assert np.prod(grid.shape) <= 1_200_000


def test_a_voxel_is_as_large_as_several_of_the_volume() -> None:
    grid = WorkingGrid(Region((1, 2, 3), (5, 8, 8)), (2, 3, 5), (1.0, 1.0, 2.0))
    assert grid.voxels_per_voxel == 4  # 4 x 6 x 5 of the volume, 2 x 3 x 5 of the grid
