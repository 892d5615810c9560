"""What test-time augmentation changes, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.engines.interpolation.engine import Interpolation
from fewslice.segmentation.posterior.augmentation import Augmentation
from tests.support.small_organs import annotation_of, scan_of, small_organs

PHANTOM = small_organs()
ANNOTATION = annotation_of(PHANTOM, 2, 4, 6)


def test_an_engine_that_does_not_look_at_intensities_gives_the_same_answer() -> None:
    found = Augmentation(Interpolation(), count=3).samples(scan_of(PHANTOM), ANNOTATION)
    assert len(found.probability) == 4
    assert (found.probability == found.probability[:1]).all()


def test_without_changes_all_answers_are_those_of_the_scan() -> None:
    still = Augmentation(count=1, noise=0.0, gamma=0.0, blur=0.0)
    first, second = still.samples(scan_of(PHANTOM), ANNOTATION).probability.astype(np.float32)
    np.testing.assert_allclose(first, second, atol=0.02)


@pytest.mark.slow
def test_another_seed_gives_other_copies_but_the_same_first_answer() -> None:
    scan = scan_of(PHANTOM)
    one, other = (
        Augmentation(count=1).samples(scan, ANNOTATION, seed).probability for seed in (1, 2)
    )
    np.testing.assert_array_equal(one[0], other[0])
    assert (one[1] != other[1]).any()


def test_curves_keep_the_order_of_intensities() -> None:
    # Of noise and blur nothing is left, so that the curve is seen alone.
    curve = Augmentation(noise=0.0, gamma=1.0, blur=0.0)
    values = np.linspace(-200, 300, 50).reshape(50, 1, 1)
    for seed in range(5):
        changed = curve._changed(values, values[10:40], np.random.default_rng(seed)).ravel()
        assert (np.diff(changed) >= 0).all()
        tiny = np.ldexp(values, -60)
        as_tiny = curve._changed(tiny, tiny[10:40], np.random.default_rng(seed)).ravel()
        np.testing.assert_array_equal(as_tiny, np.ldexp(changed, -60))
        assert changed[-1] > changed[0]
        low, high = np.percentile(values[10:40], [2, 98])
        # The ends of the range stay where they are.
        np.testing.assert_allclose(np.interp([low, high], values.ravel(), changed), [low, high], 1)
