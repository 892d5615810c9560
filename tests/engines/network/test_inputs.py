"""From features to tensors, number by number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from fewslice.engines.interpolation.signed_distance import CERTAIN
from fewslice.engines.network.features import SUREST, SliceFeatures
from fewslice.engines.network.inputs import (
    MOST_REMEMBERED,
    Dropped,
    blank_inputs,
    known_masks,
    own_memory,
    places,
    radius_hint,
    rescaled_memory,
    target_inputs,
    triples,
)
from fewslice.networks.inputs import CROSSING, HINTS, NOWHERE, OTHER_SCAN, SAME_SCAN, Remembered
from tests.support.known_features import random_features


def hint(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """Return one hint, (slice, structure, h, w)."""
    return tensor[:, :, HINTS.index(name)]


def test_slices_come_with_their_neighbours_and_repeat_at_the_borders() -> None:
    images = np.arange(4, dtype=np.float32)[:, None, None, None] * np.ones((4, 2, 3, 5), np.float32)
    found = triples(images, np.array([0, 2, 3]))
    assert found.shape == (3, 2, 3, 3, 5)
    assert found[:, 1, :, 0, 0].tolist() == [[0, 0, 1], [1, 2, 3], [2, 3, 3]]
    alone = triples(images[:1], np.array([0]))
    assert alone[0, 0, :, 0, 0].tolist() == [0, 0, 0]
    assert triples(images, np.array([], dtype=np.intp)).shape == (0, 2, 3, 3, 5)


def test_known_masks_tell_inside_from_outside_from_unknown() -> None:
    seeds = np.array([[[-1, 0, 1, 2]]], dtype=np.intp)
    masks = known_masks(seeds, 2)
    assert masks.shape == (1, 2, 2, 1, 4)
    assert masks[0, 0, 0, 0].tolist() == [0, 0, 1, 0]
    assert masks[0, 0, 1, 0].tolist() == [0, 1, 0, 1]
    assert masks[0, 1, 0, 0].tolist() == [0, 0, 0, 1]
    assert masks[0, 1, 1, 0].tolist() == [0, 1, 1, 0]


def test_places_are_in_pixels_from_the_middle_of_the_scan() -> None:
    features = (
        random_features()
    )  # steps 3, 0.5, 2 mm; first voxel at -4, 7, -11 mm; pixels of 1 mm²
    found = places(features, np.array([0, 2]))
    np.testing.assert_allclose(found, [[14, -5.5, -4], [14, -5.5, 2]])


def test_radius_is_in_pixels() -> None:
    features = replace(random_features(), step=(9.0, 2.0, 8.0), radii=np.array([4.0, 80.0]))
    np.testing.assert_allclose(radius_hint(features), np.tanh([1 / 20, 1]), rtol=1e-6)


def test_each_hint_says_what_its_name_says() -> None:
    features = random_features()
    inputs = target_inputs(features, [0, 2], ())
    assert inputs.hints.shape == (2, 2, len(HINTS), 10, 12)
    expected = {
        "walk before": features.walk[[0, 1]] / SUREST,
        "walk": features.walk[[0, 2]] / SUREST,
        "walk after": features.walk[[1, 3]] / SUREST,
        "outlines": features.shape[[0, 2]] / CERTAIN,
        "appearance before": features.appearance[[0, 1]] / 4,
        "appearance": features.appearance[[0, 2]] / 4,
        "appearance after": features.appearance[[1, 3]] / 4,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(hint(inputs.hints, name), values, rtol=1e-6, err_msg=name)
    assert (hint(inputs.hints, "features present") == 1).all()
    odds = np.exp(features.walk[2].astype(np.float64))
    rival = odds[1] / (1 + odds.sum(axis=0))
    np.testing.assert_allclose(hint(inputs.hints, "rivals")[1, 0], rival, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(inputs.base, features.walk[[0, 2]])
    np.testing.assert_allclose(inputs.place, places(features, np.array([0, 2])))
    assert float(inputs.hints.abs().max()) <= 1.0001


def test_the_nearest_annotated_slices_on_either_side() -> None:
    features = random_features()  # annotated: 1 and 4; slices 3 mm apart; radii 4 and 9 mm
    hints = target_inputs(features, [0, 1, 2, 5], ()).hints
    below, above = hint(hints, "near below")[..., 0, 0], hint(hints, "near above")[..., 0, 0]
    radii = np.array([4.0, 9.0])
    np.testing.assert_allclose(below[0], 0)  # nothing below slice 0
    np.testing.assert_allclose(above[0], np.exp(-3 / (3 * radii)), rtol=1e-6)
    np.testing.assert_allclose(below[1], 1)  # slice 1 is its own neighbour on both sides
    np.testing.assert_allclose(above[1], 1)
    np.testing.assert_allclose(below[2], np.exp(-3 / (3 * radii)), rtol=1e-6)
    np.testing.assert_allclose(above[2], np.exp(-6 / (3 * radii)), rtol=1e-6)
    np.testing.assert_allclose(above[3], 0)
    outline = np.tanh(features.outlines / radii[:, None, None])
    np.testing.assert_allclose(hint(hints, "outline below")[2], outline[0], rtol=1e-5)
    np.testing.assert_allclose(hint(hints, "outline above")[2], outline[1], rtol=1e-5)
    for side, at in (("below", 1), ("above", 4)):
        image = hint(hints, f"image {side}")[2]
        np.testing.assert_allclose(image, np.broadcast_to(features.images[at, 0], image.shape))


def test_neighbours_are_moved_as_outlines_are() -> None:
    features = random_features()  # 10 rows, 12 columns; slices 1 and 4 annotated
    moves = features.moves.copy()
    moves[0, 1, 2] = (3, -2)  # the second structure's outline on slice 2, from slice 1
    hints = target_inputs(replace(features, moves=moves), [2], ()).hints[0].numpy()
    still = target_inputs(features, [2], ()).hints[0].numpy()
    for name in ("outline below", "image below"):
        at = HINTS.index(name)
        np.testing.assert_allclose(hints[1, at, 3:, :10], still[1, at, :7, 2:], atol=1e-6)
        np.testing.assert_allclose(hints[1, at, :3, :10], still[1, at, :1, 2:].repeat(3, axis=0))
        np.testing.assert_array_equal(hints[0, at], still[0, at])
    others = [at for at, name in enumerate(HINTS) if name not in {"outline below", "image below"}]
    np.testing.assert_array_equal(hints[:, others], still[:, others])


def test_images_of_neighbours_are_means_over_channels() -> None:
    features = random_features(channels=3)
    found = hint(target_inputs(features, [2], ()).hints, "image below")[0, 0]
    np.testing.assert_allclose(found, features.images[1].mean(axis=0), rtol=1e-6)


def test_what_is_known_is_a_hint_where_it_is_known() -> None:
    features = random_features()
    hints = target_inputs(features, [1, 2], ()).hints
    for number in range(2):
        inside, outside = features.seeds[1] == number + 1, features.seeds[1] >= 0
        found = hint(hints, "known inside")[0, number].numpy()
        np.testing.assert_array_equal(found, inside)
        found = hint(hints, "known outside")[0, number].numpy()
        np.testing.assert_array_equal(found, outside & ~inside)
    assert not hint(hints, "known inside")[1].any()
    assert not hint(hints, "known outside")[1].any()


def test_without_any_annotated_slice_of_the_axis() -> None:
    hints = target_inputs(random_features(positions=()), [3], ()).hints
    for name in HINTS:
        if name.endswith(("below", "above")):
            assert not hint(hints, name).any(), name


@pytest.mark.parametrize(
    ("dropped", "silent"),
    [
        (Dropped(walk=True), ("walk before", "walk", "walk after", "rivals")),
        (Dropped(outlines=True), ("outlines",)),
        (Dropped(appearance=True), ("appearance before", "appearance", "appearance after")),
    ],
)
def test_dropped_features_are_silent_and_others_are_not(
    dropped: Dropped, silent: tuple[str, ...]
) -> None:
    features = random_features()
    full, less = target_inputs(features, [2], ()), target_inputs(features, [2], (), dropped)
    for name in HINTS:
        if name in silent:
            assert not hint(less.hints, name).any(), name
        else:
            assert torch.equal(hint(less.hints, name), hint(full.hints, name)), name


def test_the_base_falls_back_on_the_outlines_and_then_on_nothing() -> None:
    features = random_features()
    without = target_inputs(features, [2], (), Dropped(walk=True))
    np.testing.assert_allclose(without.base, features.shape[[2]] * (SUREST / CERTAIN), rtol=1e-6)
    assert not target_inputs(features, [2], (), Dropped(walk=True, outlines=True)).base.any()
    np.testing.assert_allclose(
        target_inputs(features, [2], (), Dropped(appearance=True)).base, features.walk[[2]]
    )


def test_blank_inputs_show_the_slice_and_nothing_else() -> None:
    features = random_features()
    memory = own_memory(features)
    full, blank = target_inputs(features, [0, 5], memory), blank_inputs(features, [0, 5], memory)
    assert torch.equal(blank.images, full.images)
    assert torch.equal(blank.place, full.place)
    assert torch.equal(hint(blank.hints, "radius"), hint(full.hints, "radius"))
    others = [number for number, name in enumerate(HINTS) if name != "radius"]
    assert not blank.hints[:, :, others].any()
    assert not blank.base.any()
    assert blank.base.shape == full.base.shape
    assert blank.memory == memory


def test_own_memory_holds_the_annotated_slices() -> None:
    features = random_features(channels=2)
    (memory,) = own_memory(features)
    np.testing.assert_array_equal(memory.images, triples(features.images, np.array([1, 4])))
    np.testing.assert_array_equal(memory.masks, known_masks(features.seeds[[1, 4]], 2))
    np.testing.assert_allclose(memory.place, places(features, np.array([1, 4])))
    assert memory.frame.tolist() == [SAME_SCAN, SAME_SCAN]
    assert own_memory(features, NOWHERE)[0].frame.tolist() == [NOWHERE, NOWHERE]
    assert own_memory(random_features(positions=()))[0].images.shape == (0, 1, 3, 10, 12)


def test_own_memory_holds_slices_that_cross() -> None:
    features = replace(random_features(channels=2), step=(1.0, 0.5, 2.0), crossing=((1, 3), (2, 0)))
    features.seeds[:, 3] = 0  # pixels of 1 mm, as the slices: nothing is resampled
    features.seeds[2, 3, 5] = 2
    _, row, column = own_memory(features)
    assert row.images.shape == (1, 2, 3, 8, 12)  # never fewer than 8 rows, here of 6 slices
    assert (row.along, column.along) == ((2, 1), (2, 0))
    assert row.frame.tolist() == column.frame.tolist() == [CROSSING]
    assert own_memory(features, NOWHERE)[1].frame.tolist() == [NOWHERE]
    taller = replace(random_features(shape=(9, 10, 12)), step=(1.0, 0.5, 2.0), crossing=((1, 3),))
    taller.seeds[:, 3] = 0
    taller.seeds[2, 3, 5] = 2
    _, row = own_memory(taller)
    np.testing.assert_array_equal(row.images[0, 0, 1], taller.images[:, 0, 3])
    np.testing.assert_array_equal(row.images[0, 0, 2], taller.images[:, 0, 4])
    assert row.masks[0, 1, 0].nonzero().tolist() == [[2, 5]]
    assert row.masks[0, 1, 1].sum() == 9 * 12 - 1
    # Its first pixel: row 3 of the first slice.
    np.testing.assert_allclose(row.place, places(taller, np.array([0])) + np.array([[3, 0, 0]]))


def test_pixels_of_the_same_size_are_remembered_as_they_are() -> None:
    features = random_features()
    (own,), found = own_memory(features), rescaled_memory(features, features, OTHER_SCAN)
    assert torch.equal(found.images, own.images)
    assert torch.equal(found.masks, own.masks)
    np.testing.assert_allclose(found.place, own.place)
    assert found.frame.tolist() == [OTHER_SCAN, OTHER_SCAN]


def disc_features(
    step: float, height: int, width: int, middle: tuple[float, float]
) -> SliceFeatures:
    """Return a slice with a disc of 4 mm at mm from the scan's middle; the scan is 1 cm off."""
    rows = (np.arange(height) - (height - 1) / 2) * step + 10
    columns = (np.arange(width) - (width - 1) / 2) * step - 10
    inside = np.hypot(rows[:, None] - middle[0], columns - middle[1]) < 4
    blank = np.zeros((3, 1, height, width), dtype=np.float32)
    seeds = np.full((3, height, width), -1, dtype=np.intp)
    seeds[1] = inside
    return replace(
        random_features((3, height, width), 1, positions=(1,)),
        step=(5.0, step, step),
        origin=(-5.0, float(rows[0]), float(columns[0])),
        images=blank + inside,
        seeds=seeds,
    )


def middle_of(memory: Remembered) -> npt.NDArray[np.floating]:
    """Return the place of the mask's centre of mass, in pixels."""
    mask = memory.masks[0, 0, 0].numpy()
    inside = np.array([(mask * index).sum() / mask.sum() for index in np.indices(mask.shape)])
    return np.asarray(np.append(inside, 0) + memory.place[0].numpy())


@pytest.mark.parametrize("step", [0.5, 0.7, 1.0, 1.3, 2.0])
def test_the_same_mm_is_the_same_place_whatever_the_size_of_pixels(step: float) -> None:
    target = disc_features(0.8, 60, 50, (12.0, -7.0))
    size = round(48 / step), round(40 / step)
    other = disc_features(step, *size, (12.0, -7.0))
    expected = np.array([12, -7, 0]) / 0.8
    np.testing.assert_allclose(middle_of(own_memory(target)[0]), expected, atol=0.3)
    found = rescaled_memory(other, target, OTHER_SCAN)
    assert found.images.shape[-2:] == (round(size[0] * step / 0.8), round(size[1] * step / 0.8))
    np.testing.assert_allclose(middle_of(found), expected, atol=0.8)
    area = float(found.masks[0, 0, 0].sum()) * 0.8**2
    assert area == pytest.approx(np.pi * 4**2, rel=0.12)


@pytest.mark.parametrize(("step", "side"), [(0.1, 20), (8.0, 24)])
def test_slices_too_small_or_too_large_keep_their_middle(step: float, side: int) -> None:
    target = random_features()
    other = replace(random_features((3, side, side), 1, positions=(1,)), step=(5.0, step, step))
    found = rescaled_memory(other, target, OTHER_SCAN)
    size = np.array(found.images.shape[-2:])
    assert (size >= 8).all()
    assert (size <= MOST_REMEMBERED).all()
    middle = np.array(other.origin[1:]) + (side - 1) / 2 * step
    expected = middle / target.step[1:]
    np.testing.assert_allclose(found.place[0, :2].numpy() + (size - 1) / 2, expected, rtol=1e-5)


def test_only_channels_that_both_have_are_remembered() -> None:
    two, one = random_features(channels=2), random_features(channels=1)
    assert rescaled_memory(two, one, OTHER_SCAN).images.shape[1] == 1
    assert rescaled_memory(one, two, OTHER_SCAN).images.shape[1] == 1
    assert rescaled_memory(two, two, OTHER_SCAN).images.shape[1] == 2


def test_a_scan_with_nothing_annotated_is_an_empty_memory_of_any_size() -> None:
    other = replace(random_features(positions=()), step=(3.0, 1.1, 2.3))
    found = rescaled_memory(other, random_features(), OTHER_SCAN)
    assert found.images.shape == (0, 1, 3, 22, 14)
    assert found.masks.shape == (0, 2, 2, 22, 14)
