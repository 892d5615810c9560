"""The walk among the voxels of a band, worked out by hand."""

import numpy as np
import pytest

from fewslice.engines.random_walker.band_walk import _neighbours, walk_within
from fewslice.typing import Float32Array


def ends_of_a_row() -> Float32Array:
    """Four voxels in a row: the first is structure, the last background."""
    chances = np.zeros((2, 1, 1, 4), dtype=np.float32)
    chances[1, 0, 0, 0] = chances[0, 0, 0, 3] = 1
    return chances


def walked(features: Float32Array, pull: float, prior: float) -> list[float]:
    free = np.array([False, True, True, False]).reshape(1, 1, 4)
    priors = np.array([[1 - prior] * 2, [prior] * 2], dtype=np.float32)
    found = walk_within(features, (1.0, 1.0, 1.0), free, ends_of_a_row(), priors, pull)
    assert found.sum(axis=0) == pytest.approx([1, 1])
    return [float(each) for each in found[1]]


def test_a_walk_in_even_ground_ends_where_it_is_nearest() -> None:
    even = np.zeros((1, 1, 1, 4), dtype=np.float32)
    assert walked(even, 0.0, 0.5) == pytest.approx([2 / 3, 1 / 3], abs=1e-3)


def test_an_edge_keeps_the_walk_on_its_side() -> None:
    edge = np.array([0, 0, 9, 9], dtype=np.float32).reshape(1, 1, 1, 4)
    assert walked(edge, 0.0, 0.5) == pytest.approx([1, 0], abs=1e-2)


def test_a_strong_pull_leaves_the_prior() -> None:
    even = np.zeros((1, 1, 1, 4), dtype=np.float32)
    assert walked(even, 1e4, 0.8) == pytest.approx([0.8, 0.8], abs=1e-3)


def test_neighbours_end_at_the_border_of_the_box() -> None:
    at = np.array([0, 5, 6, 23])  # (0, 0, 0), (0, 1, 1), (0, 1, 2) and (1, 2, 3) of 2 x 3 x 4
    numbers = np.full(24, -1, dtype=np.int32)
    numbers[at] = np.arange(4)
    # One that has no neighbour stands in for it.
    expected = {
        (0, 1): ([12, 17, 18, 23], [3]),
        (0, -1): ([0, 5, 6, 11], [0, 1, 2]),
        (1, 1): ([4, 9, 10, 23], [3]),
        (1, -1): ([0, 1, 2, 19], [0]),
        (2, 1): ([1, 6, 7, 23], [3]),
        (2, -1): ([0, 4, 5, 22], [0]),
    }
    for (axis, step), (there, missing) in expected.items():
        found = _neighbours(at, numbers.reshape(2, 3, 4), axis, step)
        assert (found[0].tolist(), found[1].tolist()) == (there, missing)


def test_a_walk_in_a_box_is_that_of_its_equations() -> None:
    rng = np.random.default_rng(0)
    shape, spacing, pull = (3, 4, 5), (2.0, 1.0, 1.0), 0.3
    features = rng.random((2, *shape), dtype=np.float32)
    free = rng.random(shape) < 0.6  # some of it at every border of the box
    chances = rng.dirichlet([1, 1, 1], shape).transpose(3, 0, 1, 2).astype(np.float32)
    prior = rng.dirichlet([1, 1, 1], np.count_nonzero(free)).T.astype(np.float32)
    found = walk_within(features, spacing, free, chances, prior, pull)

    voxels: list[tuple[int, int, int]] = [(i, j, k) for i, j, k in np.argwhere(free).tolist()]
    system = np.diag(np.full(len(voxels), pull))
    towards = pull * prior
    for row, voxel in enumerate(voxels):
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1), (2, 1), (2, -1)):
            i, j, k = (at + step * (place == axis) for place, at in enumerate(voxel))
            other = (i, j, k)
            if not all(0 <= at < side for at, side in zip(other, shape, strict=True)):
                continue
            difference = _at(features, voxel) - _at(features, other)
            weight = (np.exp(-(difference**2).sum()) + 1e-6) / spacing[axis]
            system[row, row] += weight
            if free[other]:
                system[row, voxels.index(other)] -= weight
            else:
                towards[:, row] += weight * _at(chances, other)
    expected = np.linalg.solve(system, towards.T).T
    np.testing.assert_allclose(found, expected, atol=2e-3)


def _at(values: Float32Array, voxel: tuple[int, int, int]) -> Float32Array:
    i, j, k = voxel
    found: Float32Array = values[:, i, j, k]
    return found
