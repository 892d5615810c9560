"""Samples of shifted slices: drawn in line, brought back to where the slices lie."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.slice_shift import shift_slices
from fewslice.engines.base import Scan
from fewslice.segmentation.posterior import Committee, Sketches
from fewslice.segmentation.posterior.aligned import AlignedSampler
from tests.support.shifted_slices import SPACING, column, zigzag


def drawn(truth: np.ndarray, *indices: int) -> Annotation:
    labels = np.zeros_like(truth)
    labels[..., list(indices)] = truth[..., list(indices)]
    return Annotation(labels, tuple((2, index) for index in indices))


def test_samples_lie_where_the_shifted_slices_lie() -> None:
    image, truth = (shift_slices(each, 2, zigzag()) for each in column())
    scan, annotation = Scan.from_spacing(image[None], SPACING), drawn(truth, 0, 4, 11)
    found = AlignedSampler(Sketches()).samples(scan, annotation)
    assert found.grid is None
    answer = np.zeros(truth.shape, dtype=bool)
    answer[found.region.slices] = found.by_axes[0, 1] > 0.5
    both = np.count_nonzero(answer & (truth > 0))
    assert 2 * both / (np.count_nonzero(answer) + np.count_nonzero(truth)) > 0.95
    # What was drawn is 1 and 0 in every sample, on its slice as it lies.
    inside = found.by_axes[:, 1, :, :, 4 - found.region.start[2]]
    expected = truth[found.region.slices][:, :, 4 - found.region.start[2]] > 0
    assert (inside == expected).all()


def test_slices_in_line_are_sampled_as_they_are() -> None:
    image, truth = column()
    scan, annotation = Scan.from_spacing(image[None], SPACING), drawn(truth, 2, 8)
    one = AlignedSampler(Committee()).samples(scan, annotation, 3)
    other = Committee().samples(scan, annotation, 3)
    np.testing.assert_array_equal(one.probability, other.probability)
    assert one.region == other.region
