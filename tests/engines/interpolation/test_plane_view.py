"""Windows of a grid, worked out by hand."""

import numpy as np

from fewslice.engines.interpolation.plane_view import PlaneView
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid

REGION = Region((5, 0, 0), (7, 40, 60))


def view(rows: int, columns: int) -> PlaneView:
    """Two slices across the first axis of 40 rows and 60 columns, 2 and 1 mm apart."""
    return PlaneView(WorkingGrid(REGION, (2, rows, columns), (3.0, 2.0, 1.0)), 0)


def outline() -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    inside = np.zeros((40, 60), dtype=bool)
    inside[10:20, 30:40] = True
    return inside


def test_a_window_leaves_a_margin_in_mm_and_a_pixel() -> None:
    assert view(40, 60).around(outline(), 6.0) == (slice(6, 24), slice(23, 47))


def test_a_window_ends_with_the_slice() -> None:
    rows, columns = view(40, 60).around(outline(), 1000.0)
    assert outline()[rows, columns].shape == (40, 60)


def test_a_coarser_grid_holds_all_voxels_that_a_window_touches() -> None:
    # Half the rows, a third of the columns: 6 to 24 and 23 to 47.
    assert view(20, 20).on_grid((slice(6, 24), slice(23, 47))) == (slice(3, 12), slice(7, 16))


def test_distances_in_a_window_are_those_of_the_whole_slice() -> None:
    seen = view(40, 60)
    whole = seen.distances(outline(), (slice(0, 40), slice(0, 60)))
    window = seen.around(outline(), 6.0)
    np.testing.assert_allclose(seen.distances(outline(), window), whole[window])
    assert whole[15, 35] == 5  # to column 40
    assert whole[15, 42] == -3  # from column 39


def test_rows_and_columns_move_by_mm() -> None:
    still = outline().astype(np.float32)
    moved = view(40, 60).moved(still, np.array([4.0, -3.0]))
    np.testing.assert_array_equal(moved[12:22, 27:37], 1)
    assert moved.sum() == 100
    assert view(40, 60).moved(still, np.array([0.05, 0.0])) is still  # a fortieth of a row
