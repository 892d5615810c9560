"""Sketches: where they say what a committee says, and what a coarse grid changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.engines.interpolation.engine import Interpolation
from fewslice.engines.network.features import FeatureSettings
from fewslice.engines.random_walker.engine import RandomWalker
from fewslice.segmentation.posterior import Committee, Sketches
from tests.support.phantoms import two_organs
from tests.support.small_organs import annotation_of, scan_of, small_organs

WALKER = FeatureSettings().sketch
COARSE = Sketches(replace(WALKER, most_voxels=9000))


def test_on_a_small_scan_they_are_what_a_committee_says() -> None:
    phantom = small_organs()
    # The outermost slice stays: without it outlines would reach beyond the region of all.
    annotation = annotation_of(phantom, 2, 3, 5, 7, named=((2, 0), (2, 10)))
    sketches = Sketches().samples(scan_of(phantom), annotation)
    committee = Committee(engines=(RandomWalker(WALKER), Interpolation()))
    expected = committee.samples(scan_of(phantom), annotation)
    assert sketches.grid is not None
    assert sketches.grid.is_native
    assert len(expected.probability) == 5  # a walk, all outlines, and without each of three slices
    assert sketches.region == expected.region
    np.testing.assert_allclose(
        sketches.by_axes.astype(np.float32), expected.by_axes.astype(np.float32), atol=2e-3
    )


@pytest.mark.slow
def test_a_coarse_grid_keeps_all_slices_and_how_much_there_is() -> None:
    phantom = two_organs()
    annotation = annotation_of(phantom, 2, 6, 10, 14)
    fine = Sketches().samples(scan_of(phantom), annotation)
    coarse = COARSE.samples(scan_of(phantom), annotation)
    assert coarse.grid is not None
    assert coarse.region == fine.region
    assert coarse.probability.shape[:3] == fine.probability.shape[:3]
    assert coarse.probability.shape[3:] < fine.probability.shape[3:]
    share = float(np.prod(coarse.grid.shape) / np.prod(coarse.region.shape))
    assert share < 0.6
    was, now = (
        found.probability[:, 1:].sum(axis=(2, 3, 4), dtype=float) for found in (fine, coarse)
    )
    # Voxels of twice the side leave more doubt around an outline, and more of it lies outside.
    np.testing.assert_allclose(now / share, was, rtol=0.3)


def test_brought_to_the_scans_voxels_they_hold_what_was_drawn() -> None:
    phantom = two_organs()
    annotation = annotation_of(phantom, 2, 6, 10, 14)
    coarse = COARSE.samples(scan_of(phantom), annotation)
    native = coarse.native(annotation)
    assert native.grid is None
    assert native.native(annotation) is native
    assert native.by_axes.shape[2:] == coarse.region.shape
    at = 10 - coarse.region.start[2]
    drawn = phantom.truth[coarse.region.slices][:, :, at]
    for sample in native.by_axes:
        np.testing.assert_array_equal(sample.argmax(axis=0)[:, :, at], drawn)
    truth = phantom.truth[coarse.region.slices]
    wrong = native.by_axes[0].argmax(axis=0) != truth
    assert wrong.mean() < 0.05
