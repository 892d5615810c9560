"""Voxels, volumes and slices, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.annotation.counts import annotated_slices, ml, slice_counts, slices_with
from fewslice.annotation.finding import find_annotation
from fewslice.volumes import Geometry

GEOMETRY = Geometry.from_spacing((10, 12, 8), (1.0, 1.0, 2.0))


def test_counts_per_slice_and_volume() -> None:
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[2:8, 3:9, (2, 5)] = 44
    counts = slice_counts(labels, (1, 44), 2)
    assert counts.shape == (8, 2)
    assert counts[:, 1].tolist() == [0, 0, 36, 0, 0, 36, 0, 0]
    assert not counts[:, 0].any()
    assert ml(1000, GEOMETRY) == pytest.approx(2.0)


def test_annotated_slices_are_named_and_counted() -> None:
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[2:8, 3:9, 2] = 1
    labels[2:8, 3:9, 5] = 1
    labels[0, 0, 5] = 4
    annotation = find_annotation(labels, GEOMETRY, [(2, 7)])
    found = annotated_slices(annotation, GEOMETRY)
    assert [(item.plane, item.axis, item.index) for item in found] == [
        ("axial", 2, 2),
        ("axial", 2, 5),
        ("axial", 2, 7),
    ]
    assert [item.drawn for item in found] == [True, True, False]
    assert slices_with(annotation, (1, 4, 9)) == (2, 1, 0)
