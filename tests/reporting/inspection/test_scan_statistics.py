"""Axes and intensities, against values worked out by hand."""

from __future__ import annotations

import numpy as np

from fewslice.reporting.inspection.scan_statistics import axis_facts, even_sample, intensities
from fewslice.volumes import Geometry


def test_each_axis_is_described() -> None:
    axes = axis_facts(Geometry.from_spacing((10, 12, 8), (1.0, 1.0, 2.0)))
    assert [axis.plane for axis in axes] == ["sagittal", "coronal", "axial"]
    assert [axis.slices for axis in axes] == [10, 12, 8]
    assert [axis.extent for axis in axes] == [10.0, 12.0, 16.0]


def test_only_finite_voxels_count() -> None:
    found = intensities(np.array([[[1.0, np.nan, 3.0, np.inf]]]))
    assert (found.minimum, found.maximum, found.mean) == (1.0, 3.0, 2.0)
    assert found.percentiles[1] == 2.0
    assert np.isnan(intensities(np.full((1, 1, 2), np.nan)).percentiles).all()


def test_large_arrays_are_sampled_evenly() -> None:
    few = np.zeros((2, 3, 4), np.uint8)
    assert even_sample(few).size == few.size
    many = np.zeros((300, 300, 100), np.uint8)
    assert even_sample(many).size == many.size // 2
