"""Outlines from a box and from a click, on discs that are plain to see."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.engines.outline import outline_around, outline_in_box
from fewslice.metrics.overlap import dice


def disc(contrast: float = 100.0) -> tuple[np.ndarray, np.ndarray]:
    """Return an image (1, 60, 80) with noise of 10, and a disc of radius 12 at (25, 40)."""
    rows, columns = np.ogrid[:60, :80]
    mask = (rows - 25) ** 2 + (columns - 40) ** 2 <= 12**2
    image = np.random.default_rng(0).normal(0, 10, mask.shape) + contrast * mask
    return image[None].astype(np.float32), mask


@pytest.mark.parametrize("contrast", [100.0, -100.0])
@pytest.mark.parametrize("margin", [0, 3])
def test_a_disc_in_a_box(contrast: float, margin: int) -> None:
    image, mask = disc(contrast)
    box = (slice(13 - margin, 38 + margin), slice(28 - margin, 53 + margin))
    found = outline_in_box(image, box)
    assert dice(found, mask) > 0.95
    assert not found[: box[0].start].any()


def test_a_disc_of_tiny_intensities() -> None:
    image, _ = disc()
    box = (slice(13, 38), slice(28, 53))
    assert np.array_equal(outline_in_box(np.ldexp(image, -60), box), outline_in_box(image, box))


def test_a_click_on_a_disc() -> None:
    image, mask = disc()
    click = np.zeros_like(mask)
    click[25, 40] = True
    assert dice(outline_around(image, click), mask) > 0.9


def test_what_is_known_is_in_it() -> None:
    image, _ = disc()
    known = np.zeros((60, 80), dtype=bool)
    known[15, 30] = True  # in the corner of the box, darker than the disc
    assert outline_in_box(image, (slice(13, 38), slice(28, 53)), known)[15, 30]


def test_a_box_of_one_pixel_and_one_at_the_edge() -> None:
    image, _ = disc()
    assert outline_in_box(image, (slice(3, 4), slice(5, 6))).sum() <= 1
    found = outline_in_box(image, (slice(0, 10), slice(70, 80)))
    assert found.shape == (60, 80)


def test_an_even_image_gives_the_ellipse() -> None:
    found = outline_in_box(np.zeros((2, 40, 40), np.int16), (slice(10, 30), slice(5, 35)))
    rows, columns = np.ogrid[:40, :40]
    ellipse = ((rows - 19.5) / 10) ** 2 + ((columns - 19.5) / 15) ** 2 <= 1
    assert dice(found, ellipse) > 0.9
