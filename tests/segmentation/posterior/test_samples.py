"""Putting predictions together, by hand."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction
from fewslice.segmentation.posterior.samples import as_samples
from fewslice.volumes.region import Region


def certain(start: tuple[int, int, int], stop: tuple[int, int, int], share: float) -> Prediction:
    region = Region(start, stop)
    probability = np.zeros((2, *region.shape), dtype=np.float16)
    probability[1], probability[0] = share, 1 - share
    return Prediction(region, (0, 3), probability)


def test_the_region_covers_all_and_each_is_sure_of_background_outside_of_its_own() -> None:
    labels = np.zeros((6, 5, 4), dtype=np.uint8)
    annotation = Annotation(labels, ((1, 2),), extra_values=(3,))
    predictions = [certain((1, 1, 1), (3, 3, 3), 0.25), certain((2, 0, 2), (5, 2, 4), 0.75)]
    found = as_samples(predictions, annotation)
    assert found.region == Region((1, 0, 1), (5, 3, 4))
    assert (found.values, found.axis) == ((0, 3), 1)
    assert found.probability.shape == (2, 2, 3, 4, 3)  # sample, label, slice j, row i, column k
    structure = found.by_axes[:, 1]
    assert structure[0, 0, 1, 0] == 0.25  # the voxel (1, 1, 1)
    assert structure[1, 1, 0, 1] == 0.75  # the voxel (2, 0, 2)
    assert structure[1, 0, 1, 0] == 0  # outside of the second's region
    # Slice 2 across axis 1 was looked at, and nothing is on it.
    assert (structure[:, :, 2] == 0).all()
    np.testing.assert_allclose(structure.sum(axis=(1, 2, 3)), [0.25 * 2 * 2, 0.75 * 3 * 2 * 2])
    assert (found.by_axes.sum(axis=1) == 1).all()


def test_what_a_person_said_is_in_every_sample_but_for_what_they_did_not_look_at() -> None:
    labels = np.zeros((4, 4, 3), dtype=np.uint8)
    labels[:2, :, 1], labels[0, 0, 1] = 3, 255
    annotation = Annotation(labels, ((2, 1),))
    found = as_samples([certain((0, 0, 0), (4, 4, 3), 0.5)] * 2, annotation)
    drawn = found.across(2).probability[:, 1, 1]
    expected = np.array([[0.5, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(drawn, [expected, expected])
    assert (found.across(2).probability[:, 1, [0, 2]] == 0.5).all()


def test_an_annotated_slice_outside_of_the_region_changes_nothing() -> None:
    labels = np.zeros((4, 4, 6), dtype=np.uint8)
    labels[1, 1, 5] = 3
    found = as_samples([certain((0, 0, 0), (4, 4, 3), 0.5)] * 2, Annotation(labels, ((2, 5),)))
    assert (found.probability == 0.5).all()
