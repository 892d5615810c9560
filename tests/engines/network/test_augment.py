"""Cut and turned tasks: features and truth together, and back again."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.engines.network.augment import Turn, cropped, exchanged, flipped, reversed_slices
from fewslice.engines.network.features import SliceFeatures
from fewslice.engines.network.inputs import places, target_inputs
from fewslice.networks.inputs import HINTS
from tests.support.known_features import random_features

ALL = tuple(Turn(*chosen) for chosen in product((False, True), repeat=4))


def truth_of(features: SliceFeatures) -> npt.NDArray[np.int8]:
    """Return a truth that can be told from the images: 1 where the first channel is above 0.8."""
    return (features.images[:, 0] > 0.8).astype(np.int8)


def assert_same(one: SliceFeatures, other: SliceFeatures) -> None:
    for field in fields(SliceFeatures):
        a, b = getattr(one, field.name), getattr(other, field.name)
        np.testing.assert_allclose(a, b, err_msg=field.name)


def millimetres(features: SliceFeatures) -> list[npt.NDArray[np.floating]]:
    """Return where slices, rows and columns lie, in mm from the middle of the scan."""
    return [
        start + step * np.arange(length)
        for start, step, length in zip(
            features.origin, features.step, features.seeds.shape, strict=True
        )
    ]


def test_turning_twice_is_turning_back() -> None:
    features = random_features(moving=3.0)
    assert_same(reversed_slices(reversed_slices(features)), features)
    for axis in (-1, -2):
        assert_same(flipped(flipped(features, axis), axis), features)
    assert_same(exchanged(exchanged(features)), features)


def test_crossing_slices_go_along() -> None:
    features = replace(random_features(), crossing=((1, 2), (2, 11)))  # 10 rows, 12 columns
    assert reversed_slices(features).crossing == ((1, 2), (2, 11))
    assert flipped(features, -2).crossing == ((1, 7), (2, 11))
    assert flipped(features, -1).crossing == ((1, 2), (2, 0))
    assert exchanged(features).crossing == ((2, 2), (1, 11))
    truth = np.zeros(features.seeds.shape, dtype=np.int8)
    truth[3, 9, 11] = 1  # the cut holds the last rows and columns
    cut, _ = cropped(features, truth, 8, np.random.default_rng(0))
    assert cut.crossing == ((1, 0), (2, 7))
    cut, _ = cropped(features, truth, 6, np.random.default_rng(0))
    assert cut.crossing == ((2, 5),)


def test_reversed_slices_by_hand() -> None:
    features = random_features()  # 6 slices, 1 and 4 annotated, 3 mm apart, the first at -4 mm
    found = reversed_slices(features)
    assert found.positions == (1, 4)
    assert reversed_slices(random_features(positions=(0, 1, 5))).positions == (0, 4, 5)
    assert found.origin == (-11.0, 7.0, -11.0)  # the last was at 11 mm
    np.testing.assert_array_equal(found.images[0], features.images[5])
    np.testing.assert_array_equal(found.outlines[0], features.outlines[1])
    np.testing.assert_array_equal(found.seeds[found.positions[0]], features.seeds[4])


def test_flipped_and_exchanged_by_hand() -> None:
    features = random_features()  # 10 rows of 0.5 mm from 7 mm, 12 columns of 2 mm from -11 mm
    rows, columns = flipped(features, -2), flipped(features, -1)
    assert rows.origin == (-4.0, -11.5, -11.0)
    assert columns.origin == (-4.0, 7.0, -11.0)  # this one lay around the middle
    np.testing.assert_array_equal(rows.walk[2, 1, 0], features.walk[2, 1, -1])
    np.testing.assert_array_equal(columns.walk[2, 1, :, 0], features.walk[2, 1, :, -1])
    both = exchanged(features)
    assert both.step == (3.0, 2.0, 0.5)
    assert both.origin == (-4.0, -11.0, 7.0)
    np.testing.assert_array_equal(both.outlines[1, 0], features.outlines[1, 0].T)


@pytest.mark.parametrize("turn", ALL, ids=str)
def test_features_and_truth_turn_together(turn: Turn) -> None:
    features = random_features()
    truth = truth_of(features)
    found, answer = turn.apply(features, truth)
    np.testing.assert_array_equal(truth_of(found), answer)
    assert answer.sum() == truth.sum()
    for at, outline in zip(found.positions, found.outlines, strict=True):
        assert (found.seeds[at] >= 0).any()
        assert outline.shape == found.walk.shape[1:]
    # What lies at a place in mm lies at its mirror image afterwards.
    across, row, column = (
        values * (-1 if turned else 1)
        for values, turned in zip(
            millimetres(features), (turn.across, turn.rows, turn.columns), strict=True
        )
    )
    expected = [across, column, row] if turn.exchange else [across, row, column]
    for mine, theirs in zip(millimetres(found), expected, strict=True):
        np.testing.assert_allclose(mine, np.sort(theirs))
    assert places(found, np.arange(6)).shape == (6, 3)


@pytest.mark.parametrize("turn", ALL, ids=str)
def test_what_a_network_is_told_turns_with_the_features(turn: Turn) -> None:
    features = random_features(moving=3.0)
    turned, _ = turn.apply(features, truth_of(features))
    at = [5 - n for n in range(6)] if turn.across else range(6)
    found = target_inputs(turned, list(at), ()).hints.numpy()
    expected = target_inputs(features, range(6), ()).hints.numpy()
    if turn.across:  # before and after, below and above change places
        order = [_other_side(name) for name in HINTS]
        expected = expected[:, :, [HINTS.index(name) for name in order]]
    for turned_so, axis in ((turn.rows, -2), (turn.columns, -1)):
        expected = np.flip(expected, axis) if turned_so else expected
    expected = np.swapaxes(expected, -1, -2) if turn.exchange else expected
    np.testing.assert_allclose(found, expected, atol=2e-5)


def _other_side(name: str) -> str:
    pairs = {"before": "after", "after": "before", "below": "above", "above": "below"}
    return " ".join(pairs.get(word, word) for word in name.split())


def test_all_turns_are_drawn_and_the_same_seed_draws_the_same() -> None:
    rng = np.random.default_rng(0)
    assert {Turn.sample(rng) for _ in range(200)} == set(ALL)
    assert Turn.sample(np.random.default_rng(3)) == Turn.sample(np.random.default_rng(3))


def test_small_slices_are_not_cut() -> None:
    features = random_features()
    found, truth = cropped(features, truth_of(features), 12, np.random.default_rng(0))
    assert found is features
    assert truth.shape == (6, 10, 12)


@pytest.mark.parametrize("seed", range(6))
def test_a_cut_keeps_a_voxel_of_the_structure_and_its_place(seed: int) -> None:
    features = random_features((4, 30, 40), positions=(0, 3))
    truth = np.zeros((4, 30, 40), dtype=np.int8)
    truth[2, 27, 3] = truth[1, 5, 38] = 1
    marked = features.images.copy()
    marked[:, 0] = 0.5 * truth
    features = replace(features, images=marked)
    found, answer = cropped(features, truth, 16, np.random.default_rng(seed))
    assert answer.shape == found.seeds.shape == (4, 16, 16)
    assert found.outlines.shape == (2, 2, 16, 16)
    assert answer.sum() == 1
    np.testing.assert_array_equal(found.images[:, 0], 0.5 * answer)
    (before,) = np.argwhere(truth * (np.arange(4) == np.argwhere(answer)[0][0])[:, None, None])
    (after,) = np.argwhere(answer)
    for axis in range(3):
        assert millimetres(found)[axis][after[axis]] == pytest.approx(
            millimetres(features)[axis][before[axis]]
        )


def test_without_a_structure_the_middle_is_kept() -> None:
    features = random_features((4, 30, 12), positions=(0, 3))
    truth = np.zeros((4, 30, 12), dtype=np.int8)
    found, answer = cropped(features, truth, 16, np.random.default_rng(0))
    assert answer.shape == (4, 16, 12)
    np.testing.assert_array_equal(found.walk, features.walk[:, :, 7:23])
