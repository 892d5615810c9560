"""Laying images over one another: shifts that are known, pairs of one batch, and flips."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fewslice.engines.interpolation.demons import Smoothing, displacements, sampled
from fewslice.typing import Float32Array


def blob(row: float, column: float, width: float = 6.0) -> Float32Array:
    """Return an image (channel, 40, 48) of one bright blob."""
    rows, columns = np.ogrid[:40, :48]
    square = (rows - row) ** 2 + (columns - column) ** 2
    return np.exp(-square / (2 * width**2))[None].astype(np.float32)


@pytest.mark.parametrize("by", [(3.0, 0.0), (0.0, -4.0), (-2.5, 2.5)])
def test_what_lies_elsewhere_is_found_there(by: tuple[float, float]) -> None:
    found = displacements(blob(20, 24)[None], blob(20 + by[0], 24 + by[1])[None])
    assert found.shape == (1, 2, 40, 48)
    near = found[0, :, 14:27, 18:31].reshape(2, -1)
    np.testing.assert_allclose(np.median(near, axis=1), by, atol=0.3)


def test_what_grows_is_found_farther_out() -> None:
    found = displacements(blob(20, 24, 5.0)[None], blob(20, 24, 6.5)[None])[0]
    # A flank five pixels from the middle lies 6.5 pixels from it on the wider blob.
    assert found[0, 25, 24] == pytest.approx(1.5, abs=0.5)
    assert found[1, 20, 19] == pytest.approx(-1.5, abs=0.5)
    assert np.abs(found[:, 20, 24]).max() < 0.2


def test_nothing_moves_where_all_is_alike() -> None:
    same = blob(20, 24)[None]
    assert np.abs(displacements(same, same)).max() < 1e-3
    flat = np.full((1, 1, 30, 30), 0.5, dtype=np.float32)
    assert np.abs(displacements(flat, flat)).max() == 0


def test_pairs_are_found_as_each_alone() -> None:
    images = np.stack([blob(18, 24), blob(20, 20), blob(25, 30)])
    together = displacements(images[1:], images[:-1])
    for at in range(2):
        alone = displacements(images[at + 1 : at + 2], images[at : at + 1])
        np.testing.assert_allclose(together[at], alone[0], atol=1e-3)
    assert displacements(images[:0], images[:0]).shape == (0, 2, 40, 48)


@pytest.mark.parametrize("axis", [0, 1])
def test_flipped_images_have_flipped_displacements(axis: int) -> None:
    here, there = blob(20, 22)[None], blob(17, 27)[None]
    straight = displacements(here, there)[0]
    mirrored = [np.flip(image, 2 + axis).copy() for image in (here, there)]
    found = np.flip(displacements(mirrored[0], mirrored[1])[0], 1 + axis).copy()
    found[axis] *= -1
    np.testing.assert_allclose(found, straight, atol=0.02)


def test_images_smaller_than_the_coarsest_are_laid_over_one_another_too() -> None:
    rng = np.random.default_rng(0)
    tiny = rng.random((2, 1, 3, 12), dtype=np.float32)
    assert np.isfinite(displacements(tiny[:1], tiny[1:])).all()


def test_smoothing_keeps_what_is_constant_and_spreads_a_point() -> None:
    assert torch.allclose(
        Smoothing.by(1.0, (5, 7)).smoothed(torch.ones(2, 1, 5, 7)), torch.ones(2, 1, 5, 7)
    )
    point = torch.zeros(1, 1, 9, 9)
    point[0, 0, 4, 4] = 1
    found = Smoothing.by(1.0, (9, 9)).smoothed(point)[0, 0]
    # Weights exp(-d² / 2) for d = -2 to 2, over their sum 2.4836.
    assert found[4, 4].item() == pytest.approx((1 / 2.4836) ** 2, rel=1e-3)
    assert found[3, 4].item() == pytest.approx(0.6065 / 2.4836**2, rel=1e-3)
    assert found[4, 7].item() == 0


def test_images_are_sampled_between_pixels_and_repeated_beyond_the_border() -> None:
    image = torch.arange(12.0).view(1, 1, 3, 4)
    rows, columns = [1.0, 2.0], [0.5, 9.0]
    places = torch.tensor([rows, columns]).view(1, 2, 2, 1)
    assert sampled(image, places).ravel().tolist() == pytest.approx([4.5, 11.0])
