"""Growth from drawn slices, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.base import Scan
from fewslice.engines.random_walker.engine import RandomWalker, WalkerSettings
from fewslice.engines.random_walker.growth import (
    Drawn,
    GrowthSettings,
    contrast,
    grown,
    trust,
    with_growth,
)
from fewslice.typing import BoolArray, Float32Array

SHAPE = (24, 24, 15)


def tube() -> BoolArray:
    """Nine by nine pixels on every slice."""
    inside = np.zeros(SHAPE, dtype=bool)
    inside[8:17, 8:17] = True
    return inside


def drawn_on_the_middle(intensities: Float32Array, mask: BoolArray) -> Drawn:
    seeds = np.full(SHAPE, -1, dtype=np.intp)
    seeds[:, :, 7] = mask[:, :, 7]
    return Drawn(intensities[None], seeds, 2, (1.0, 1.0, 1.0), np.array([4.5]), ((2, 7),))


def test_contrast_is_in_standard_deviations_inside() -> None:
    """Inside .8 and .6 in stripes, outside .2 and hardly more, so that it is not blank."""
    mask = tube()
    image = np.where(mask, 0.0, 0.2).astype(np.float32)
    image[:, ::2] += 1e-5 * ~mask[:, ::2]
    image[8:17:2] += 0.6 * mask[8:17:2]
    image[9:17:2] += 0.8 * mask[9:17:2]
    # The core are rows 9 to 15: four of .8 and three of .6; outside all is .2.
    spread = np.sqrt(12 / 49) * 0.2
    assert contrast(drawn_on_the_middle(image, mask)) == pytest.approx([0.6 / spread], rel=1e-4)


def test_the_likest_surroundings_count() -> None:
    """A tenth of the surroundings look like the inside: there is no contrast."""
    mask = tube()
    image = np.where(mask, 1.0, 0.0).astype(np.float32)
    assert contrast(drawn_on_the_middle(image, mask)) == pytest.approx([100.0])  # 1 over .01
    image[:, 4:6] = 1.0
    assert contrast(drawn_on_the_middle(image, mask)) == pytest.approx([0.0])


def test_what_was_blanked_says_nothing_of_what_lies_beyond() -> None:
    """A noisy tube beside tissue like it, of which all but a rim was blanked."""
    mask = tube()
    image = np.random.default_rng(0).normal(0.5, 0.1, SHAPE).astype(np.float32)
    image[:, :5] = image[:, 20:] = image[:5] = image[20:] = 0
    assert contrast(drawn_on_the_middle(image, mask))[0] < 0.5
    image[5:20, 5:20][~mask[5:20, 5:20]] = 0  # no rim is left
    assert contrast(drawn_on_the_middle(image, mask))[0] == 0


def test_a_channel_that_is_blank_leaves_it_to_the_others() -> None:
    mask = tube()
    noise = np.random.default_rng(0).normal(0.0, 0.01, SHAPE).astype(np.float32)
    clear, blanked = noise + mask, np.where(mask, 0.5 + noise, 0)
    both = replace(
        drawn_on_the_middle(clear, mask), intensities=np.stack([clear, blanked]).astype(np.float32)
    )
    assert contrast(both) == pytest.approx(contrast(drawn_on_the_middle(clear, mask)), rel=1e-6)


def test_of_several_planes_the_clearest_counts() -> None:
    """The slice of axis 0 shows beside the tube what looks like its inside, the other does not."""
    mask = tube()
    image = np.where(mask, 1.0, 0.0).astype(np.float32)
    image[12, 18:21, :] = 1.0
    image[:, :, 7] = mask[:, :, 7]
    drawn = drawn_on_the_middle(image, mask)
    drawn.seeds[12] = mask[12]
    along = replace(drawn, slices=((0, 12),))
    assert contrast(along) == pytest.approx([0.0])
    assert contrast(replace(drawn, slices=((0, 12), (2, 7)))) == pytest.approx([100.0])


def test_too_few_pixels_have_no_contrast() -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[8:11, 8:11] = True
    assert contrast(drawn_on_the_middle(mask.astype(np.float32), mask)) == pytest.approx([0.0])


def test_growth_counts_half_at_a_clear_contrast() -> None:
    found = trust(np.array([0.0, 4.0, 8.0]), GrowthSettings(clear=4.0))
    assert found == pytest.approx([0.0, 0.5, 0.8])


def test_structures_grow_along_themselves_and_not_across_edges() -> None:
    """The tube is found on all slices; what looks the same but is apart belongs to background."""
    mask = tube()
    image = mask.astype(np.float32)
    image[2:5] = 1.0
    label = grown(drawn_on_the_middle(image, mask), most_voxels=10**6)
    np.testing.assert_array_equal(label == 1, mask)


def test_growth_on_every_other_row_and_column() -> None:
    mask = tube()
    label = grown(drawn_on_the_middle(mask.astype(np.float32), mask), mask.size // 4)
    assert label.shape == SHAPE
    # Rows and columns 1, 3, 5 and so on stand for two each: 9, 11, 13 and 15 for 8 to 15.
    expected = np.zeros(SHAPE, dtype=bool)
    expected[8:16, 8:16] = True
    np.testing.assert_array_equal(label == 1, expected)


def test_odds_are_mixed_by_trust_and_doubt() -> None:
    """At a contrast of 100 trust is 10000 / 10016; with half the doubt it is half of that."""
    mask = tube()
    drawn = drawn_on_the_middle(mask.astype(np.float32), mask)
    odds = np.concatenate([np.full((1, *SHAPE), 6.0), np.full((1, *SHAPE), -6.0)])
    odds = odds.astype(np.float32)
    doubt = np.zeros((1, 1, 1, 15))
    doubt[..., 0], doubt[..., 1] = 1.0, 0.5
    found = with_growth(odds, doubt, drawn, GrowthSettings(clear=4.0))
    whole = 10_000 / 10_016
    assert found[1, 12, 12, 0] == pytest.approx(-6 + 8 * whole)
    assert found[1, 0, 0, 0] == pytest.approx(-6 + 4 * whole)
    assert found[1, 12, 12, 1] == pytest.approx(-6 + 4 * whole)
    np.testing.assert_array_equal(found[:, :, :, 2:], odds[:, :, :, 2:])
    np.testing.assert_array_equal(found[0], -found[1])


def test_without_doubt_or_contrast_odds_stay() -> None:
    mask = tube()
    odds = np.zeros((2, *SHAPE), dtype=np.float32)
    clear, faint = drawn_on_the_middle(mask.astype(np.float32), mask), np.zeros(SHAPE, np.float32)
    assert with_growth(odds, np.zeros((1, 1, 1, 15)), clear, GrowthSettings()) is odds
    hidden = drawn_on_the_middle(faint, mask)
    assert with_growth(odds, np.ones((1, 1, 1, 15)), hidden, GrowthSettings()) is odds


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noise", "clear", "expected"), [(0.02, 4, 1), (0.02, 1e6, 0), (0.6, 4, 0)]
)
def test_the_walk_follows_tubes_of_clear_contrast(
    noise: float, clear: float, expected: int
) -> None:
    """Four tubes of 5x5 mm², one slice drawn.

    The cap of one is 1.5 x 2.82 mm, of all 8.46 mm, their geometric mean 6 mm; the region goes on
    for 19 mm. The walk reaches its end where there is little noise and growth is trusted.
    """
    mask = np.zeros((40, 40, 41), dtype=bool)
    for row, column in ((8, 8), (8, 27), (27, 8), (27, 27)):
        mask[row : row + 5, column : column + 5] = True
    rng = np.random.default_rng(0)
    image = (mask + rng.normal(0, noise, mask.shape)).astype(np.float32)
    labels = np.zeros(mask.shape, dtype=np.uint8)
    labels[on_slice(2, 20)] = mask[:, :, 20]
    walker = RandomWalker(WalkerSettings(growth=GrowthSettings(clear=clear)))
    prepared = walker.prepare(Scan.from_spacing(image[None], (1, 1, 1)))
    found = prepared.predict(Annotation(labels, ((2, 20),)))
    assert (found.region.start[2], found.region.stop[2]) == (1, 40)
    inside = (found.probability[1] > found.probability[0])[:, :, -1]
    there = mask[found.region.slices][:, :, -1]
    assert (inside & there).sum() / there.sum() == pytest.approx(expected, abs=0.02)
    assert not (inside & ~there).any()
