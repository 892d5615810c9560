from __future__ import annotations

import numpy as np
import pytest

from fewslice.engines.kept import KeptAnswer, resampled, resampled_slices
from fewslice.volumes.region import Region, Triple
from fewslice.volumes.working_grid import WorkingGrid

SPACING = (1.0, 1.0, 2.0)


def grid_of(start: Triple, stop: Triple, shape: Triple | None = None) -> WorkingGrid:
    region = Region(start, stop)
    return WorkingGrid(region, shape or region.shape, SPACING)


def kept(grid: WorkingGrid, along_i: list[float]) -> KeptAnswer:
    """Return an answer of one structure along axis 0, with these shares from slice to slice."""
    share = np.empty((1, *grid.shape), dtype=np.float32)
    share[...] = np.array(along_i)[None, :, None, None]
    return KeptAnswer(0, False, (7,), frozenset({(0, 2), (2, 1)}), (2,), grid, share)


def test_on_its_own_grid_it_is_what_was_kept() -> None:
    grid = grid_of((3, 1, 0), (7, 6, 4), (2, 3, 4))
    share = np.random.default_rng(0).random((2, *grid.shape)).astype(np.float32)
    answer = KeptAnswer(1, False, (1, 2), frozenset(), (), grid, share)
    np.testing.assert_allclose(answer.on(grid), share, atol=1e-6)
    assert answer.covers(grid).all()


def test_it_is_interpolated_between_the_middles_of_its_voxels() -> None:
    """Two voxels for slices 0 to 3 have their middles at .5 and 2.5."""
    answer = kept(grid_of((0, 0, 0), (4, 6, 5), (2, 6, 5)), [0.25, 0.75])
    found = answer.on(grid_of((0, 0, 0), (4, 6, 5)))
    np.testing.assert_allclose(found[0, :, 2, 3], [0.25, 0.375, 0.625, 0.75])
    wide = answer.on(grid_of((1, 1, 1), (3, 3, 3), (1, 2, 2)))  # its middle is 1.5
    np.testing.assert_allclose(wide, 0.5)


def test_over_larger_voxels_it_is_averaged() -> None:
    answer = kept(grid_of((2, 0, 0), (6, 2, 2)), [0.0, 0.25, 0.5, 1.0])
    np.testing.assert_allclose(
        answer.on(grid_of((2, 0, 0), (6, 2, 2), (2, 2, 2)))[0, :, 0, 0], [0.125, 0.75]
    )
    # Voxels of slices 1 to 3 and 4 to 6: of the first 1 was not answered, of the second 6.
    wide = answer.on(grid_of((1, 0, 0), (7, 2, 2), (2, 2, 2)))
    np.testing.assert_allclose(wide[0, :, 0, 0], [0.125, 0.75])
    thirds = answer.on(grid_of((2, 0, 0), (5, 2, 2), (2, 2, 2)))  # one and a half slices each
    np.testing.assert_allclose(thirds[0, :, 0, 0], [0.125 / 1.5, (0.125 + 0.5) / 1.5], rtol=1e-6)


def test_beyond_what_was_answered_there_is_nothing() -> None:
    answer = kept(grid_of((2, 0, 0), (4, 6, 5)), [0.5, 1.0])
    grid = grid_of((1, 4, 3), (6, 8, 5))
    found, covered = answer.on(grid), answer.covers(grid)
    np.testing.assert_array_equal(found[0, :, 1, 1], [0, 0.5, 1, 0, 0])
    np.testing.assert_array_equal(covered[:, 1, 1], [False, True, True, False, False])
    np.testing.assert_array_equal(covered[1, :, 1], [True, True, False, False])
    assert not found[0, 1, 2:].any()


def test_it_moves_with_the_slices_that_it_knows() -> None:
    answer = kept(grid_of((2, 0, 0), (4, 6, 5)), [0.5, 1.0])
    along = answer.moved(0, -2)
    assert along.grid.region == Region((0, 0, 0), (2, 6, 5))
    assert along.slices == {(0, 0), (2, 1)}
    assert along.indices == (0,)
    across = answer.moved(2, 3)
    assert across.grid.region == Region((2, 0, 3), (4, 6, 8))
    assert across.slices == {(0, 2), (2, 4)}
    assert across.indices == (2,)


def test_another_answer_takes_the_place_of_some_slices() -> None:
    grid = grid_of((0, 0, 0), (4, 2, 2))
    old = kept(grid, [0.125, 0.25, 0.5, 1.0])
    new = KeptAnswer(0, False, (7,), frozenset({(0, 1)}), (1,), grid, 1 - old.share)
    both = old.pasted(new, 0, 1, 2)
    np.testing.assert_array_equal(both.share[0, :, 1, 0], [0.125, 0.75, 0.5, 1.0])
    assert both.slices == {(0, 1), (0, 2), (2, 1)}
    assert both.indices == (1, 2)
    across = old.pasted(new, 2, 1, 5)  # the other axis, and beyond its end
    np.testing.assert_array_equal(across.share[0, 0, 0], [0.125, 0.875])


def test_it_grows_where_the_other_answer_reaches_farther() -> None:
    old = kept(grid_of((2, 0, 0), (6, 2, 2), (2, 2, 2)), [0.25, 0.75])
    new = kept(grid_of((4, 0, 0), (9, 3, 2)), [1.0] * 5)
    both = old.pasted(new, 0, 7, 8)
    # Slices 2 to 8, in voxels no longer than two: four of 1.75, with middles 2.375, 4.125, 5.875
    # and 7.625. The old ones have theirs at 2.5 and 4.5, and nothing beyond 5.5.
    assert both.grid == grid_of((2, 0, 0), (9, 2, 2), (4, 2, 2))
    expected = [0.25, 0.25 + 0.5 * (4.125 - 2.5) / 2, 0.0, 1.0]
    np.testing.assert_allclose(both.share[0, :, 0, 0], expected, atol=1e-3)
    # Along the other axes nothing grows: slice 3, say, was not answered in the third row.
    assert old.pasted(new, 1, 0, 0).grid == old.grid


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slice_by_slice_it_is_the_same(axis: int) -> None:
    share = np.random.default_rng(1).random((6, 7, 5)).astype(np.float16)
    own = grid_of((2, 1, 3), (8, 8, 8))
    for other in (own, grid_of((0, 2, 3), (9, 8, 7), (3, 4, 2)), grid_of((3, 3, 3), (7, 7, 7))):
        expected = resampled(share[None].astype(np.float32), own, other)[0]
        found = resampled_slices(share, own, other, axis)
        np.testing.assert_allclose(found, expected, atol=1e-6)
