"""SliceFeatures of small made-up scans: where they lie, and that nothing is mirrored on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan
from fewslice.engines.interpolation.signed_distance import CERTAIN
from fewslice.engines.network import features as module
from fewslice.engines.network.augment import exchanged, flipped, reversed_slices
from fewslice.engines.network.features import (
    SUREST,
    SliceFeatures,
    find_features,
    origin_in_scan,
    slices_first_order,
)
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid, working_grid
from tests.support.drawn_phantoms import SLICES, drawn, scan_of, three_voxels
from tests.support.phantoms import Phantom, two_organs
from tests.support.quick_features import QUICK

NATIVE = replace(QUICK, most_voxels=10**6)


def assert_in_order(features: SliceFeatures) -> None:
    """Shapes fit each other, values are finite and in the ranges stated."""
    slices, structures, rows, columns = features.walk.shape
    assert features.images.shape[0] == slices
    assert features.images.shape[2:] == (rows, columns)
    assert features.seeds.shape == (slices, rows, columns)
    assert features.shape.shape == features.appearance.shape == features.walk.shape
    assert features.outlines.shape == (len(features.positions), structures, rows, columns)
    assert features.radii.shape == (structures,)
    assert (features.radii > 0).all()
    assert list(features.positions) == sorted(features.positions)
    for array, most in (
        (features.shape, CERTAIN),
        (features.appearance, 4.0),
        (features.walk, SUREST),
    ):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        assert np.abs(array).max() <= most + 1e-4
    assert np.isfinite(features.outlines).all()
    assert features.images.dtype == np.float32
    assert features.images.min() >= -0.25
    assert features.images.max() <= 1.25
    assert features.seeds.min() >= -1
    assert features.seeds.max() <= structures


def test_features_lie_where_the_scan_says() -> None:
    phantom = two_organs()
    grid, features = find_features(scan_of(phantom), drawn(phantom), NATIVE)
    assert_in_order(features)
    assert grid.is_native
    assert features.step == (2.0, 1.0, 1.0)
    first = grid.region.start
    # The scan's middle is at voxel (21.5, 19.5, 10.5).
    assert features.origin == ((first[2] - 10.5) * 2, first[0] - 21.5, first[1] - 19.5)
    assert features.positions == tuple(at - first[2] for at in (6, 10, 14))
    truth = np.moveaxis(phantom.truth[grid.region.slices], 2, 0)
    for at in range(len(truth)):
        expected = truth[at] if at in features.positions else np.full_like(truth[at], -1, dtype=int)
        np.testing.assert_array_equal(features.seeds[at], expected)
    for number in range(2):
        inside = truth[list(features.positions)] == number + 1
        np.testing.assert_array_equal(features.outlines[:, number] > 0, inside)
        assert (features.walk[list(features.positions), number][inside] > 0).mean() > 0.9
        between = truth[features.positions[0] : features.positions[-1]] == number + 1
        walked = features.walk[features.positions[0] : features.positions[-1], number] > 0
        assert 2 * (between & walked).sum() / (between.sum() + walked.sum()) > 0.9
    # Bright and dark organs of 1 and 0 on grey: intensities become about 0 to 1.
    assert features.images[truth[:, None] == 1].mean() > 0.8
    assert features.images[truth[:, None] == 2].mean() < 0.2


def test_a_coarser_grid_covers_the_same_millimetres() -> None:
    phantom = two_organs()
    _, fine = find_features(scan_of(phantom), drawn(phantom), NATIVE)
    grid, coarse = find_features(scan_of(phantom), drawn(phantom), QUICK)
    assert not grid.is_native
    assert_in_order(coarse)
    assert coarse.positions == fine.positions
    assert coarse.step[0] == fine.step[0]
    for axis in (1, 2):
        sizes = [features.seeds.shape[axis] for features in (fine, coarse)]
        edges = [features.origin[axis] - features.step[axis] / 2 for features in (fine, coarse)]
        assert sizes[0] * fine.step[axis] == pytest.approx(sizes[1] * coarse.step[axis])
        assert edges[0] == pytest.approx(edges[1])


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flipped_scans_have_flipped_features(axis: int) -> None:
    phantom = two_organs()
    mirrored = Phantom(
        np.flip(phantom.image, axis).copy(), np.flip(phantom.truth, axis).copy(), phantom.spacing
    )
    slices = tuple((2, 21 - at) for _, at in reversed(SLICES)) if axis == 2 else SLICES
    _, straight = find_features(scan_of(phantom), drawn(phantom), NATIVE)
    _, found = find_features(scan_of(mirrored), drawn(mirrored, slices), NATIVE)
    back = reversed_slices(found) if axis == 2 else flipped(found, axis - 2)
    assert_alike(back, straight)


@pytest.mark.slow
@pytest.mark.parametrize("order", [(2, 0, 1), (1, 0, 2), (0, 2, 1), (2, 1, 0)])
def test_permuted_scans_have_permuted_features(order: tuple[int, int, int]) -> None:
    phantom = two_organs()
    spacing = (phantom.spacing[order[0]], phantom.spacing[order[1]], phantom.spacing[order[2]])
    permuted = Phantom(phantom.image.transpose(order), phantom.truth.transpose(order), spacing)
    axis = order.index(2)
    slices = tuple((axis, at) for _, at in SLICES)
    _, straight = find_features(scan_of(phantom), drawn(phantom), NATIVE)
    _, found = find_features(scan_of(permuted), drawn(permuted, slices), NATIVE)
    assert_alike(exchanged(found) if order.index(0) > order.index(1) else found, straight)


def assert_alike(one: SliceFeatures, other: SliceFeatures) -> None:
    """Exactly the same, but for looks and the walk, in which voxels are drawn at random."""
    np.testing.assert_allclose(one.origin, other.origin)
    assert one.step == other.step
    assert one.positions == other.positions
    np.testing.assert_array_equal(one.seeds, other.seeds)
    np.testing.assert_allclose(one.images, other.images, atol=1e-5)
    np.testing.assert_allclose(one.outlines, other.outlines, atol=1e-4)
    np.testing.assert_allclose(one.shape, other.shape, atol=1e-3)
    assert np.mean((one.walk > 0) != (other.walk > 0)) < 0.01
    assert np.corrcoef(one.appearance.ravel(), other.appearance.ravel())[0, 1] > 0.9


def test_origin_of_a_part_of_a_scan_on_a_coarser_grid() -> None:
    scan = Scan.from_spacing(np.zeros((1, 10, 20, 5)), (2.0, 1.0, 4.0))
    grid = WorkingGrid(Region((2, 4, 0), (10, 12, 5)), (4, 8, 5), scan.spacing)
    # Two voxels to one: the first is centred at 2.5, 4.5 is the middle of ten; 9.5 that of twenty.
    assert slices_first_order(2) == (2, 0, 1)
    assert slices_first_order(1) == (1, 0, 2)
    assert origin_in_scan(grid, scan, (2, 0, 1)) == (-8.0, -4.0, -5.5)


def test_slices_named_empty_far_away_are_not_on_the_grid_but_count() -> None:
    phantom = two_organs()
    deep = Phantom(
        np.pad(phantom.image, ((0, 0), (0, 0), (30, 30)), mode="edge"),
        np.pad(phantom.truth, ((0, 0), (0, 0), (30, 30))),
        phantom.spacing,
    )
    slices = ((2, 2), *((2, at + 30) for _, at in SLICES), (2, 48), (2, 80))
    grid, features = find_features(scan_of(deep), drawn(deep, slices), QUICK)
    assert_in_order(features)
    first, stop = grid.region.start[2], grid.region.stop[2]
    assert first > 2
    assert stop <= 80
    assert features.positions == tuple(at - first for at in (36, 40, 44, 48))
    assert (features.outlines[-1] < 0).all()  # the one at 48 is empty
    assert (features.walk[48 - first] < 0).all()


def test_slices_of_several_planes() -> None:
    phantom = two_organs()
    slices = ((0, 14), (0, 31), (1, 20), (2, 8), (2, 10), (2, 12))
    grid, features = find_features(scan_of(phantom), drawn(phantom, slices), NATIVE)
    assert_in_order(features)
    assert len(features.positions) == 3  # those across the main axis
    start = grid.region.start
    rows = [at - start[0] for at in (14, 31)]
    truth = np.moveaxis(phantom.truth[grid.region.slices], 2, 0)
    np.testing.assert_array_equal(features.seeds[:, rows], truth[:, rows])
    np.testing.assert_array_equal(features.seeds[:, :, 20 - start[1]], truth[:, :, 20 - start[1]])
    free = np.setdiff1d(np.arange(truth.shape[1]), rows)
    assert (features.seeds[0, free, 0] == -1).all()


def test_most_slices_named_empty_across_another_axis_than_the_drawn_one() -> None:
    phantom = two_organs()
    annotation = drawn(phantom, ((0, 14), (2, 0), (2, 1), (2, 21)))
    assert annotation.axis == 2
    _, features = find_features(scan_of(phantom), annotation, QUICK)
    assert_in_order(features)


def test_what_was_not_looked_at_is_unknown() -> None:
    phantom = two_organs()
    annotation = drawn(phantom)
    labels = annotation.labels.copy()
    labels[:, 17:, 10] = 255
    grid, features = find_features(scan_of(phantom), Annotation(labels, SLICES), NATIVE)
    assert_in_order(features)
    at, cut = 10 - grid.region.start[2], 17 - grid.region.start[1]
    assert (features.seeds[at, :, cut:] == -1).all()
    assert (features.seeds[at, :, :cut] >= 0).all()


def test_hard_cases_give_finite_features() -> None:
    phantom = two_organs()
    flat = Scan.from_spacing(np.full((1, *phantom.truth.shape), 7.0), phantom.spacing)
    assert_in_order(find_features(flat, drawn(phantom), QUICK)[1])
    tiny = Annotation(three_voxels(phantom), ((2, 8),))
    _, features = find_features(scan_of(phantom), tiny, QUICK)
    assert_in_order(features)
    assert (features.seeds == 1).sum() >= 1
    full = np.zeros_like(phantom.truth)
    full[:, :, 8] = full[:, :, 12] = 1
    assert_in_order(find_features(scan_of(phantom), Annotation(full, ((2, 8), (2, 12))), QUICK)[1])
    two = Scan.from_spacing(np.stack([phantom.image, -phantom.image]), phantom.spacing)
    _, features = find_features(two, drawn(phantom), QUICK)
    assert_in_order(features)
    assert features.images.shape[1] == 2


@pytest.mark.parametrize("depth", [1, 2])
def test_scans_of_hardly_any_slices(depth: int) -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 10)[:, :, 10 : 10 + depth]
    scan = Scan.from_spacing(phantom.image[None, :, :, 10 : 10 + depth], phantom.spacing)
    _, features = find_features(scan, Annotation(labels, ((2, 0),)), QUICK)
    assert_in_order(features)
    assert len(features.images) == depth
    assert features.positions == (0,)


def test_slices_far_apart_and_pixels_that_are_not_square() -> None:
    phantom = two_organs()
    odd = Phantom(phantom.image, phantom.truth, (0.3, 2.5, 11.0))
    grid, features = find_features(scan_of(odd), drawn(odd), NATIVE)
    assert_in_order(features)
    assert features.step == (11.0, *(pytest.approx(grid.spacing[axis]) for axis in (0, 1)))
    truth = np.moveaxis(odd.truth[:, :, grid.region.slices[2]], 2, 0)
    assert len(features.images) == len(truth)


def test_moves_follow_a_slanted_rod_up_to_the_next_drawn_slices() -> None:
    truth = np.zeros((40, 30, 21), dtype=np.uint8)
    for k in range(21):
        truth[5 + k : 11 + k, 20 - k // 2 : 25 - k // 2, k] = 1  # i grows, j falls half as fast
    image = (100.0 * truth).astype(np.float32)[None]
    slices = ((2, 4), (2, 10), (2, 16))
    labels = np.zeros_like(truth)
    for _, k in slices:
        labels[:, :, k] = truth[:, :, k]
    grid, features = find_features(
        Scan.from_spacing(image, (1.0, 1.0, 2.0)), Annotation(labels, slices), NATIVE
    )
    assert grid.is_native
    first = grid.region.start[2]
    assert features.positions == (4 - first, 10 - first, 16 - first)
    assert features.moves.shape == (3, 1, grid.shape[2], 2)
    at = {k: k - first for k in range(4, 17)}
    np.testing.assert_allclose(features.moves[0, 0, at[7]], [3.0, -1.5], atol=0.2)
    np.testing.assert_allclose(features.moves[1, 0, at[7]], [-3.0, 1.5], atol=0.2)
    np.testing.assert_allclose(features.moves[1, 0, at[13]], [3.0, -1.5], atol=0.2)
    np.testing.assert_array_equal(features.moves[0, 0, at[11]], 0)  # beyond the next drawn slice
    np.testing.assert_array_equal(features.moves[:, 0, at[10], :][1], 0)


def test_the_walk_is_finer_where_the_grid_is_coarser_than_the_scan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def noted(
        region: Region,
        spacing: tuple[float, float, float],
        *,
        finest: float,
        most: int,
        runs: tuple[float, float, float],
    ) -> WorkingGrid:
        asked.append(most)
        return working_grid(region, spacing, finest=finest, most=most, runs=runs)

    monkeypatch.setattr(module, "working_grid", noted)
    phantom = two_organs()
    for settings in (QUICK, NATIVE):
        few = replace(settings, sketch=replace(settings.sketch, most_voxels=2_000))
        find_features(scan_of(phantom), drawn(phantom), few)
    assert asked == [20_000, 4_000, 10**6, 2_000]
