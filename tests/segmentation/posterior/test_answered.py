"""The answer beside samples: on one grid, with what was drawn in it."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.annotation.finding import find_annotation
from fewslice.engines import Auto
from fewslice.engines.base import Prediction
from fewslice.engines.composed import composed
from fewslice.metrics.overlap import dice
from fewslice.segmentation.posterior import Sketches
from fewslice.segmentation.posterior.answered import WithAnswer, answer_on_samples
from fewslice.segmentation.posterior.samples import Samples
from fewslice.segmentation.posterior.understood import ByStructureSampler
from fewslice.volumes.region import Region
from tests.support.small_organs import annotation_of, scan_of, small_organs


@pytest.mark.slow
def test_the_last_sample_is_what_auto_answers() -> None:
    # The grid of so small a scan is its own: placing boundaries changes nothing.
    phantom = small_organs()
    scan, drawn = scan_of(phantom), annotation_of(phantom, 2, 3, 5, 7)
    found = WithAnswer(Sketches()).samples(scan, drawn)
    assert len(found.by_axes) == len(Sketches().samples(scan, drawn).by_axes) + 1
    np.testing.assert_array_equal(found.by_axes[:-1], Sketches().samples(scan, drawn).by_axes)
    whole = composed(Auto()).prepare(scan).predict(drawn)
    expected = answer_on_samples(whole, found, drawn, scan.spacing)
    np.testing.assert_allclose(found.by_axes[-1, 1:], expected, atol=2e-3)
    assert found.by_axes[-1].astype(np.float32).sum(axis=0) == pytest.approx(1, abs=2e-3)


@pytest.mark.slow
def test_structures_that_are_asked_for_one_by_one_are_answered_so() -> None:
    phantom = small_organs()
    labels = phantom.sparse(2, 3, 5, 7)
    labels[:, :, 3][labels[:, :, 3] == 2] = 0
    labels[:, :, 5][labels[:, :, 5] == 1] = 0
    drawn = find_annotation(labels, scan_of(phantom).geometry)
    assert len(drawn.parts()) > 1
    apart = ByStructureSampler(WithAnswer(Sketches())).samples(scan_of(phantom), drawn)
    assert apart.values == (0, 1, 2)
    answer = apart.by_axes[-1]
    for number, value in enumerate(apart.values[1:], start=1):
        truth = phantom.truth[apart.region.slices] == value
        assert dice(answer[number] > 0.5, truth) > 0.7


def test_an_answer_on_a_larger_box_with_what_was_drawn_in_it() -> None:
    phantom = small_organs()
    scan, drawn = scan_of(phantom), annotation_of(phantom, 2, 5)
    i, j, k = scan.shape
    everywhere = Region((0, 0, 0), (i, j, k))
    blank = np.zeros((2, 1 + len(drawn.values), k, i, j), dtype=np.float16)
    samples = Samples(everywhere, 2, (0, *drawn.values), blank)
    # The prediction knows the first structure only, on a box of its own, and says .25 of it.
    part = Region((2, 2, 1), (i - 2, j - 2, k - 1))
    share = np.full((2, *part.shape), 0.25, dtype=np.float16)
    found = answer_on_samples(
        Prediction(part, (0, drawn.values[0]), share), samples, drawn, scan.spacing
    )
    assert found.shape == (len(drawn.values), *scan.shape)
    expected = np.zeros_like(found)
    expected[0][part.slices] = 0.25
    for number, value in enumerate(drawn.values):
        expected[number, :, :, 5] = drawn.labels[:, :, 5] == value
    np.testing.assert_allclose(found, expected, atol=1e-6)
