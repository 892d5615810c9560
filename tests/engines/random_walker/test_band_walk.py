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
    expected = {
        (0, 1): ([0, 1, 2], [12, 17, 18]),
        (0, -1): ([3], [11]),
        (1, 1): ([0, 1, 2], [4, 9, 10]),
        (1, -1): ([1, 2, 3], [1, 2, 19]),
        (2, 1): ([0, 1, 2], [1, 6, 7]),
        (2, -1): ([1, 2, 3], [4, 5, 22]),
    }
    for (axis, step), (starts, there) in expected.items():
        found = _neighbours(at, (2, 3, 4), axis, step)
        assert (found[0].tolist(), found[1].tolist()) == (starts, there)
