"""Answers along several planes, and what they say together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.engines.network.planes import PlaneAnswer, fused
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid
from tests.support.known_features import random_features

REGION = Region((0, 0, 0), (4, 6, 5))
GRID = WorkingGrid(REGION, (4, 6, 5), (1.0, 1.0, 2.0))


def answered(axis: int, indices: tuple[int, ...], odds: float) -> PlaneAnswer:
    """Return the same odds of one structure everywhere; its radius is 4 mm."""
    shape = [GRID.shape[axis], 1, *(GRID.shape[other] for other in range(3) if other != axis)]
    features = replace(random_features(structures=1), radii=np.array([4.0]))
    return PlaneAnswer(axis, indices, GRID, features, np.full(shape, odds, dtype=np.float32))


def test_one_plane_is_left_as_it_is() -> None:
    one = answered(2, (1,), 0.7)
    assert fused([one]) is one.odds


def test_answers_count_by_how_near_their_slices_are() -> None:
    main, other = answered(2, (0,), 2.0), answered(0, (3,), -2.0)
    odds = fused([main, other])
    assert odds.shape == (5, 1, 4, 6)
    # Voxel (1, y, 2): 4 mm from the main plane's slice, 2 mm from the other's; each mm counts
    # from a quarter of the radius (1 mm) and a step (2 mm, 1 mm) on.
    weights = (4 + 1 + 2) ** -2, (2 + 1 + 1) ** -2
    inside = 1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(2.0))
    share = (weights[0] * inside[0] + weights[1] * inside[1]) / sum(weights)
    np.testing.assert_allclose(odds[2, 0, 1], np.log(share / (1 - share)), rtol=1e-4)
    # On a drawn slice its plane has most to say.
    assert (odds[0, 0, 0] > 0).all()
    assert (odds[4, 0, 3] < 0).all()


def test_the_first_plane_gives_the_order_and_nothing_is_mirrored() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 3, GRID.shape).astype(np.float32)
    answers = [
        replace(answered(axis, (1,), 0.0), odds=np.moveaxis(truth, axis, 0)[:, None])
        for axis in (1, 0, 2)
    ]
    found = fused(answers)[:, 0]
    np.testing.assert_allclose(np.moveaxis(found, 0, 1), truth, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("axis", range(3))
def test_a_coarser_grid_is_brought_to_the_first(axis: int) -> None:
    coarse = WorkingGrid(REGION, (2, 3, 5), (1.0, 1.0, 2.0))
    shape = [coarse.shape[axis], 1, *(coarse.shape[other] for other in range(3) if other != axis)]
    other = replace(
        answered(axis, (1,), 0.0), grid=coarse, odds=np.full(shape, 1.5, dtype=np.float32)
    )
    first = answered((axis + 1) % 3, (2,), 1.5)
    np.testing.assert_allclose(fused([first, other]), 1.5, rtol=1e-4)
