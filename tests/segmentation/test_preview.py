"""Slices shown before an engine has answered, and the order in which answers arrive."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation, blank_annotation
from fewslice.engines.base import Scan
from fewslice.segmentation.preview import changed_slices, preview

SPACING = (1.0, 1.0, 2.0)


def box(*drawn: int, axis: int = 2) -> tuple[Scan, Annotation]:
    """A box, the same on every slice, drawn on some."""
    truth = np.zeros((12, 14, 16), np.uint8)
    truth[3:8, 4:11, 2:14] = 3
    labels = np.zeros_like(truth)
    for index in drawn:
        at = (slice(None),) * axis + (index,)
        labels[at] = truth[at]
    scan = Scan.from_spacing(np.zeros((1, *truth.shape), np.float32), SPACING)
    return scan, Annotation(labels, tuple((axis, index) for index in drawn))


@pytest.mark.parametrize(("near", "first"), [(8, 6), (6, 4), (9, 7)])
def test_the_five_nearest_slices_are_interpolated_between_outlines(near: int, first: int) -> None:
    scan, annotation = box(4, 10)
    found = preview(scan, annotation, near)
    assert found is not None
    assert (found.axis, found.first, found.final) == (2, first, False)
    expected = np.zeros((5, 12, 14), np.uint8)
    expected[:, 3:8, 4:11] = 3
    inside = slice(0, 11 - first)  # beyond the last drawn slice the box may end
    np.testing.assert_array_equal(found.labels[inside], expected[inside])


@pytest.mark.parametrize(("near", "first"), [(0, 0), (15, 11)])
def test_at_the_ends_of_the_scan_the_five_lie_within_it(near: int, first: int) -> None:
    scan, annotation = box(2, 7, 13)
    found = preview(scan, annotation, near)
    assert found is not None
    assert (found.first, len(found.labels)) == (first, 5)
    at = {0: 2, 15: 2}[near]  # the drawn slice among them, bit for bit
    np.testing.assert_array_equal(found.labels[at], annotation.labels[..., first + at])


def test_slices_across_another_axis() -> None:
    scan, annotation = box(4, 7, axis=0)
    found = preview(scan, annotation, 5)
    assert found is not None
    assert (found.axis, found.first, found.labels.shape) == (0, 3, (5, 14, 16))
    np.testing.assert_array_equal(found.labels[1], annotation.labels[4])
    np.testing.assert_array_equal(found.labels[2], annotation.labels[4])


def test_with_nothing_to_interpolate_there_is_no_preview() -> None:
    scan, drawn = box(4)
    assert preview(scan, blank_annotation(np.zeros_like(drawn.labels), 2, (3,)), 4) is None


def test_slices_of_several_planes_are_interpolated_together() -> None:
    scan, along = box(4, 10)
    _, across = box(5, axis=0)
    both = Annotation(along.labels | across.labels, ((0, 5), *along.slices))
    found = preview(scan, both, 7)
    assert found is not None
    assert (found.axis, found.first) == (2, 5)
    expected = np.zeros((5, 12, 14), np.uint8)
    expected[:, 3:8, 4:11] = 3
    np.testing.assert_array_equal(found.labels[:, 5], expected[:, 5])  # known from the other plane
    assert np.mean(found.labels != expected) < 0.1


def test_changes_arrive_nearest_first_in_short_runs() -> None:
    labels = np.zeros((4, 4, 20), np.uint8)
    labels[1, 1, 2:13] = 1
    before = labels.copy()
    labels[1, 1, 18] = 1
    found = changed_slices(labels, None, 2, near=10)
    assert [(each.first, len(each.labels)) for each in found] == [(7, 5), (12, 1), (2, 5), (18, 1)]
    assert all(each.final for each in found)
    np.testing.assert_array_equal(found[0].labels[0], labels[..., 7])
    (only,) = changed_slices(labels, before, 2, near=9)
    assert (only.first, len(only.labels)) == (18, 1)
    assert changed_slices(labels, labels, 2, near=9) == []
