"""Correlation lengths: worked out by hand, and of images whose correlation is known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.volumes.correlation_length import (
    correlation_lengths,
    disagreement,
    estimated_spacing,
)
from tests.support.textures import SHAPE, texture

Array = npt.NDArray[Any]


def measured(array: Array) -> npt.NDArray[np.float64]:
    lengths = correlation_lengths(array)
    assert lengths is not None
    return lengths


@pytest.mark.parametrize("sigma", [(2, 2, 2), (4, 4, 1), (1, 3, 1)])
def test_lengths_are_proportional_to_the_smoothing(sigma: Sequence[float]) -> None:
    lengths = measured(texture(sigma))
    assert lengths.min() == 1
    np.testing.assert_allclose(lengths, np.divide(sigma, min(sigma)), rtol=0.3)


def test_noise_and_background_change_little() -> None:
    clean = texture((4, 4, 1))
    clean /= clean.std()
    noisy = clean + np.random.default_rng(1).normal(0, 0.7, SHAPE)
    padded = np.pad(clean, 30, constant_values=clean.min())
    for array in (noisy, padded, 1000 * clean - 5):
        np.testing.assert_allclose(measured(array), (4, 4, 1), rtol=0.4)


def test_a_ramp_along_one_axis_is_out_of_line_there_only() -> None:
    """Intensities i + 0.25 j: four steps along j change as much as one along i; k changes none."""
    i, j, k = np.indices((32, 32, 32))
    lengths = measured((i + 0.25 * j + 0 * k).astype(np.float32))
    assert lengths[0] == 1
    assert lengths[1] == pytest.approx(4, rel=0.1)
    assert lengths[2] == pytest.approx(16)  # never reached: the longest distance that fits twice


def test_permuted_volumes_give_permuted_lengths() -> None:
    array = texture((4, 2, 1))
    lengths = measured(array)
    for order in itertools.permutations(range(3)):
        found = measured(array.transpose(order))
        np.testing.assert_allclose(found, lengths[list(order)])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flipped_volumes_give_the_same_lengths(axis: int) -> None:
    array = texture((4, 2, 1))
    np.testing.assert_allclose(measured(np.flip(array, axis)), measured(array))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(SHAPE),
        np.full(SHAPE, np.nan),
        np.random.default_rng(0).normal(size=SHAPE),
        texture((2, 2, 2))[:3],
        texture((2, 2, 2))[:10, :10, :10],
    ],
    ids=["constant", "not finite", "nothing but noise", "three slices", "few voxels"],
)
def test_some_images_cannot_tell(array: Array) -> None:
    assert correlation_lengths(array) is None
    assert estimated_spacing(array) is None


def test_the_estimated_spacing_is_relative_to_the_finest_axis() -> None:
    found = estimated_spacing(texture((4, 4, 1)))
    assert found is not None
    assert min(found) == 1
    np.testing.assert_allclose(found, (1, 1, 4), rtol=0.3)


def test_disagreement_by_hand() -> None:
    """In mm: 5 x 1, 1 x 5 and 1 x 1, so 5, 5 and 1: the last is 5 times shorter."""
    factor, axis = disagreement((5, 1, 1), np.array([1.0, 5.0, 1.0]))
    assert factor == pytest.approx(5)
    assert axis == 2
    assert disagreement((1, 1, 5), np.array([5.0, 5.0, 1.0]))[0] == pytest.approx(1)


def test_layered_tissue_may_change_faster_in_depth() -> None:
    """0.2 mm along, 0.04 mm in depth, 0.16 mm across: between the two others."""
    steps, lengths = (0.01, 0.004, 0.16), np.array([20.0, 10.0, 1.0])
    assert disagreement(steps, lengths) == (1.0, 2)
    factor, axis = disagreement((0.16, 0.004, 0.01), lengths)
    assert factor == pytest.approx(0.16 * 20 / 0.04)
    assert axis == 0
