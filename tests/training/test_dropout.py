"""Samples of a model: one thinned network each, in the order of the scan's slices."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import blank_annotation
from fewslice.training.dropout import Dropout, slice_features
from fewslice.volumes.orientation import Turn
from tests.support.random_models import SCAN, SHAPE, random_model, turned_scan

NOTHING = blank_annotation(np.zeros(SHAPE, np.uint8), 2, ())


def test_samples_repeat_by_seed_differ_among_each_other_and_know_their_slices() -> None:
    model = random_model(plane=1)
    turn = Turn((1, 2, 0), (True, False, False))
    scan = turned_scan(turn)
    samples = Dropout(model, count=3).samples(scan, NOTHING, seed=5)
    again = Dropout(model, count=3).samples(scan, NOTHING, seed=5)
    assert samples.axis == 0
    assert samples.probability.shape == (3, 3, *scan.shape)
    assert samples.probability.dtype == np.float16
    assert np.array_equal(samples.probability, again.probability)
    assert np.abs(np.diff(samples.probability.astype(float), axis=0)).max() > 0.01
    other = Dropout(random_model(plane=1), count=3).samples(SCAN, NOTHING, seed=5)
    assert other.axis == 1
    # (sample, class, j, i, k) of the one are (sample, class, i', ...) of the other, turned.
    as_volume = np.moveaxis(other.probability, 2, 3)
    assert np.array_equal(turn.array(as_volume), samples.probability)


def test_features_are_in_the_order_of_the_slices() -> None:
    model = random_model()
    turn = Turn((0, 1, 2), (False, False, True))
    usual = slice_features(model, model.stack(SCAN))
    assert usual.shape == (SHAPE[2], 16)
    turned = slice_features(model, model.stack(turned_scan(turn)))
    assert np.array_equal(turned, usual[::-1])
