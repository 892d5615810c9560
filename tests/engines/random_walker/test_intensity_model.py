"""IntensityModel of classes nearby: a hand-worked window, and priors from it."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.engines.random_walker.intensity_model import (
    IntensityModel,
    _window_means,
    averaged,
)

LOOKS = IntensityModel(window=(1, 9), coarse_voxel=(1, 1), spread=0.01, decisive=4.0)


def halves() -> tuple[np.ndarray, np.ndarray]:
    """Return one row of 9 voxels: dark background on the left, a bright structure on the right."""
    intensities = np.zeros((1, 1, 1, 9), dtype=np.float32)
    intensities[..., 5:] = 1
    chances = np.zeros((2, 1, 1, 9), dtype=np.float32)
    chances[0, ..., :5] = 1
    chances[1, ..., 5:] = 1
    return intensities, chances


def test_means_are_taken_over_a_box_and_keep_the_first_axis() -> None:
    values = np.zeros((2, 1, 3, 3), dtype=np.float32)
    values[1, 0, 1, 1] = 9
    found = averaged(values, (1, 3, 3))
    assert not found[0].any()
    assert found[1, 0, 1, 1] == pytest.approx(1)
    np.testing.assert_array_equal(averaged(values, (1, 1, 1)), values)


def test_the_likelier_class_has_zero_and_the_other_at_least_the_limit() -> None:
    intensities, chances = halves()
    middle = np.zeros((1, 1, 9), dtype=bool)
    middle[..., 4] = True
    found, share = LOOKS.log_likelihood(intensities, chances, 1, middle)
    # In the middle the window holds all: 5 dark and 4 bright voxels, of variance 0.01 at least.
    assert share[:, 0] == pytest.approx([5 / 9, 4 / 9], abs=1e-3)
    assert found[:, 0].tolist() == [0, -4]  # one unit from a mean of 1 is 50 in the exponent


def test_looks_turn_a_coarse_answer_and_without_weight_leave_it() -> None:
    intensities, chances = halves()
    moved = np.roll(chances, 1, axis=3)  # a boundary placed one voxel too far to the right
    moved[:, ..., 0] = [[[1]], [[0]]]
    everywhere = np.ones((1, 1, 9), dtype=bool)
    found = IntensityModel((1, 9), (1, 1), 0.01, 4.0, weight=2.0).prior(
        intensities, moved, everywhere
    )
    assert found.sum(axis=0) == pytest.approx(np.ones(9))
    assert found[1].argmax() >= 5
    assert moved[1, 0, 0, 5] == 0
    assert found[1, 5] > 0.1  # bright, so the structure may come up here again
    assert found[1, 1] < 0.01
    still = IntensityModel((1, 9), (1, 1), 0.01, 4.0, weight=0.0)
    np.testing.assert_array_equal(still.prior(intensities, moved, everywhere), moved[:, 0, 0])


def test_the_window_spans_slices_and_the_first_class_is_what_others_leave() -> None:
    intensities = np.zeros((1, 3, 1, 1), dtype=np.float32)
    intensities[0, :, 0, 0] = np.array([0, 0.5, 1])
    chances = np.zeros((3, 3, 1, 1), dtype=np.float32)
    chances[:, :, 0, 0] = np.array([[1, 0.5, 0], [0, 0.5, 0], [0, 0, 1]])
    ends = np.array([False, True, True]).reshape(3, 1, 1)
    model = IntensityModel(window=(1, 1), coarse_voxel=(1, 1), spread=0.01, decisive=9.0)
    found, share = model.log_likelihood(intensities, chances, 3, ends)
    # Around the last slice it is repeated: shares of (0.5, 1, 1), and so on.
    assert share[:, 0] == pytest.approx([1.5 / 3, 0.5 / 3, 1 / 3], abs=1e-3)
    assert share[:, 1] == pytest.approx([0.5 / 3, 0.5 / 3, 2 / 3], abs=1e-3)
    # The middle one is 0.5. Class 0: mean 1/6, variance 1/12 - 1/36 = 1/18. Class 1: mean 0.5 and
    # the least variance, as class 2, whose mean is 1.
    logs = [-0.5 * (2 + np.log(1 / 18)), -0.5 * np.log(0.01), -0.5 * (25 + np.log(0.01))]
    assert found[:, 0] == pytest.approx([logs[0] - logs[1], 0, -9], abs=0.02)


def test_slice_by_slice_means_are_those_of_the_whole_box() -> None:
    rng = np.random.default_rng(0)
    values = rng.random((2, 5, 6, 7), dtype=np.float32)
    where = rng.random((5, 6, 7)) < 0.3
    where[2] = False  # a slice that nobody asks about, between two that somebody does
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1), (2, 2)), mode="edge")
    whole = np.lib.stride_tricks.sliding_window_view(padded, (3, 3, 5), (1, 2, 3)).mean((4, 5, 6))
    found = dict(_window_means(lambda at: values[:, at], (3, 5), 3, where))
    assert list(found) == [0, 1, 3, 4]
    for at, means in found.items():
        np.testing.assert_allclose(means, whole[:, at][:, where[at]], rtol=1e-5)


def test_nothing_beyond_its_reach_changes_what_intensities_say() -> None:
    rng = np.random.default_rng(0)
    model = IntensityModel((5, 3), (1, 1), 0.01, 4.0, blur=0.7)
    assert model.reach == (5, 4)  # half a window, and three voxels that the blur looks at
    unblurred = IntensityModel((5, 3), (1, 1), 0.01, 4.0)
    assert unblurred.reach == (2, 1)
    intensities = rng.random((1, 1, 21, 21), dtype=np.float32)
    chances = rng.dirichlet([1, 1], (1, 21, 21)).transpose(3, 0, 1, 2).astype(np.float32)
    asked = np.zeros((1, 21, 21), dtype=bool)
    asked[0, 8:13, 9] = True
    near = (slice(None), slice(None), slice(6, 15), slice(8, 11))
    found = unblurred.prior(intensities[near], chances[near], asked[0, 6:15, 8:11][None])
    np.testing.assert_allclose(found, unblurred.prior(intensities, chances, asked), atol=1e-6)
