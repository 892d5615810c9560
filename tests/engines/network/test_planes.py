"""Answers along several planes, and what they say together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines.interpolation.plane_weights import PlaneWeights
from fewslice.engines.kept import KeptAnswer
from fewslice.engines.network.planes import PlaneAnswer, filled, fused, with_alone
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


def alike(*planes: int) -> PlaneWeights:
    ones = {plane: np.ones(1) for plane in planes}
    return PlaneWeights(ones, ones)


def test_answers_count_by_how_near_their_slices_are() -> None:
    main, other = answered(2, (0,), 2.0), answered(0, (3,), -2.0)
    odds = fused([main, other], alike(0, 2))
    assert odds.shape == (5, 1, 4, 6)
    # Voxel (1, y, 2): 4 mm from the main plane's slice, 2 mm from the other's; each mm counts
    # from a quarter of the radius (1 mm) and a step (2 mm, 1 mm) on. Slices count by thickness.
    weights = 2 * (4 + 1 + 2) ** -2, (2 + 1 + 1) ** -2
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
    found = fused(answers, alike(0, 1, 2))[:, 0]
    np.testing.assert_allclose(np.moveaxis(found, 0, 1), truth, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("axis", range(3))
def test_a_coarser_grid_is_brought_to_the_first(axis: int) -> None:
    coarse = WorkingGrid(REGION, (2, 3, 5), (1.0, 1.0, 2.0))
    shape = [coarse.shape[axis], 1, *(coarse.shape[other] for other in range(3) if other != axis)]
    other = replace(
        answered(axis, (1,), 0.0), grid=coarse, odds=np.full(shape, 1.5, dtype=np.float32)
    )
    first = answered((axis + 1) % 3, (2,), 1.5)
    np.testing.assert_allclose(fused([first, other], alike(0, 1, 2)), 1.5, rtol=1e-4)


def test_a_plane_across_which_a_structure_is_short_counts_less() -> None:
    main, other = answered(2, (0,), 2.0), answered(0, (3,), -2.0)
    weights = PlaneWeights({0: np.ones(1), 2: np.array([3.0])}, {0: np.zeros(1), 2: np.zeros(1)})
    odds = fused([main, other], weights)
    counted = 2 * (3 / (4 + 1 + 2)) ** 2, (2 + 1 + 1) ** -2  # as above
    inside = 1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(2.0))
    share = (counted[0] * inside[0] + counted[1] * inside[1]) / sum(counted)
    np.testing.assert_allclose(odds[2, 0, 1], np.log(share / (1 - share)), rtol=1e-4)


def test_pixels_as_long_as_slices_are_thick_count_less() -> None:
    """Voxel (0, 0, 0) is as near to the slices of both planes, measured in their own weights."""
    thick = WorkingGrid(REGION, (4, 6, 5), (1.0, 1.0, 4.0))
    main = replace(answered(2, (0,), 2.0), grid=thick)  # 0 mm away, pixels of 1 x 1 mm
    other = replace(answered(0, (3,), -2.0), grid=thick)  # 3 mm away, pixels of 1 x 4 mm
    odds = fused([main, other], alike(0, 2))
    # Both distances are 5 mm: 0 + 1 + 4 and 3 + 1 + 1. So only thickness tells them apart, 4 to 1.
    inside = 1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(2.0))
    share = 0.8 * inside[0] + 0.2 * inside[1]
    np.testing.assert_allclose(odds[0, 0, 0, 0], np.log(share / (1 - share)), rtol=1e-4)


def test_what_one_plane_says_alone_is_mixed_in_where_it_was_asked() -> None:
    """Alone it was asked in a smaller box; outside of that it says that there is nothing."""
    together = answered(2, (1,), 0.0)  # a half everywhere
    inner = Region((1, 0, 0), (3, 6, 5))
    grid = WorkingGrid(inner, (2, 6, 5), (1.0, 1.0, 2.0))
    alone = replace(
        answered(0, (1,), 0.0),
        grid=grid,
        odds=np.full((2, 1, 6, 5), np.log(9), dtype=np.float32),  # .9
    )
    odds = with_alone(together, alone, np.array([0.25]), [0])
    assert odds.shape == (5, 1, 4, 6)
    inside = 0.75 * 0.5 + 0.25 * 0.9
    np.testing.assert_allclose(odds[:, 0, 1:3], np.log(inside / (1 - inside)), rtol=1e-4)
    np.testing.assert_allclose(odds[:, 0, [0, 3]], np.log(0.375 / 0.625), rtol=1e-4)


def ramp(axis: int, lowest: float) -> PlaneAnswer:
    """Return odds that rise by a tenth a voxel in the order of the scan's array, 0 to 119."""
    rising = lowest + 0.1 * np.arange(120, dtype=np.float32).reshape(GRID.shape)
    return replace(answered(axis, (1,), 0.0), odds=np.moveaxis(rising, axis, 0)[:, None])


def test_an_average_holds_as_much_as_the_fullest_answer() -> None:
    """Its odds are above 0 on 20 voxels; those of the answers on 10 and on 24."""
    together, answers = ramp(2, -9.95), [ramp(0, -10.95), ramp(1, -9.55)]
    odds = filled(together, answers)
    assert np.count_nonzero(together.odds > 0) == 20
    # The 24th voxel from the top is at -.35: raised to the edge, it counts from its neighbour on.
    np.testing.assert_allclose(odds - together.odds, 0.35, atol=1e-5)
    assert np.count_nonzero(odds > 1e-4) == 23
    found = filled(together, [answers[0], kept_as(answers[1])])
    np.testing.assert_array_equal(found, odds)


def test_odds_are_raised_only_so_far_and_never_lowered() -> None:
    full, empty = answered(0, (1,), 3.0), answered(0, (1,), -3.0)
    together = ramp(2, -9.95)
    raised = filled(together, [full, empty]) - together.odds
    np.testing.assert_allclose(raised, np.log(0.65 / 0.35), atol=1e-5)
    np.testing.assert_array_equal(filled(together, [empty, empty]), together.odds)


def test_planes_of_fewer_slices_do_not_tell_how_much_there_is() -> None:
    together, full, two = ramp(2, -9.95), answered(0, (1,), 3.0), answered(1, (1, 4), -3.0)
    np.testing.assert_array_equal(filled(together, [full, two]), together.odds)


def test_what_a_plane_of_thin_slices_holds_more_counts_less() -> None:
    """Slices of plane 0 are 1 mm thick, of plane 2 two: of 40 voxels more than 20, 20 count."""
    together, answers = ramp(2, -9.95), [ramp(0, -5.95), ramp(2, -10.95)]
    flatter = replace(together, odds=together.odds / np.float32(10))
    odds = filled(flatter, answers)
    # The 40th voxel from the top was at -.195.
    np.testing.assert_allclose(odds - flatter.odds, 0.195, atol=1e-5)


def test_a_coarser_answer_holds_voxels_of_the_scan() -> None:
    """30 voxels that are four of the scan's each: all of it."""
    coarse = WorkingGrid(REGION, (2, 3, 5), (1.0, 1.0, 2.0))
    full = replace(answered(2, (1,), 0.0), grid=coarse, odds=np.full((5, 1, 2, 3), 3, np.float32))
    assert full.volume() == 120
    assert answered(2, (1,), -3.0).volume() == 0


def kept_as(answer: PlaneAnswer) -> KeptAnswer:
    annotation = Annotation(np.ones(GRID.shape, dtype=np.uint8), ((answer.axis, 0), (1, 2)))
    return answer.kept(annotation)


def test_what_is_kept_is_the_probability_in_the_scans_order() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 3, GRID.shape).astype(np.float32)
    answer = replace(answered(1, (1,), 0.0), odds=np.moveaxis(truth, 1, 0)[:, None])
    kept = kept_as(answer)
    np.testing.assert_allclose(kept.share[0], 1 / (1 + np.exp(-truth)), atol=1e-3)
    assert (kept.axis, kept.indices, kept.values, kept.alone) == (1, (1,), (1,), False)
    assert kept.slices == {(1, 0), (1, 2)}
    assert answer.kept(Annotation(np.ones(GRID.shape, np.uint8), ((1, 2),)), alone=True).alone


def test_a_kept_answer_counts_as_it_did_when_it_was_asked() -> None:
    main, other = answered(2, (0,), 2.0), answered(0, (3,), -2.0)
    expected = fused([main, other], alike(0, 2))
    found = fused([main], alike(0, 2), [kept_as(other)])
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_where_a_kept_answer_did_not_look_it_does_not_count() -> None:
    main = answered(2, (0,), 2.0)
    inner = WorkingGrid(Region((1, 0, 0), (3, 6, 5)), (2, 6, 5), (1.0, 1.0, 2.0))
    other = replace(
        answered(0, (1,), 0.0), grid=inner, odds=np.full((2, 1, 6, 5), -2.0, dtype=np.float32)
    )
    odds = fused([main], alike(0, 2), [kept_as(other)])
    np.testing.assert_allclose(odds[:, 0, [0, 3]], 2.0, rtol=1e-4)
    assert (odds[:, 0, 1:3] < 1.9).all()
