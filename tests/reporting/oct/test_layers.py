"""Surfaces and thickness of slabs that are known."""

from __future__ import annotations

import numpy as np

from fewslice.reporting.oct.layers import measure_layer


def test_a_slab_of_known_thickness() -> None:
    labels = np.zeros((3, 40, 2), np.uint8)
    labels[:, 10:20] = 4
    layer = measure_layer(labels, 4, 0.004)
    assert np.allclose(layer.top, 40)
    assert np.allclose(layer.bottom, 80)
    assert np.allclose(layer.thickness, 40)
    assert layer.top.shape == (3, 2)


def test_a_slope_and_a_gap() -> None:
    labels = np.zeros((3, 20, 1), np.uint8)
    labels[0, 0:4] = 1
    labels[1, 5:9] = 1
    labels[1, 6] = 2  # a cyst within the layer
    layer = measure_layer(labels, 1, 0.01)
    assert np.array_equal(layer.top[:, 0], [0, 50, np.nan], equal_nan=True)
    assert np.array_equal(layer.bottom[:, 0], [40, 90, np.nan], equal_nan=True)
    assert layer.thickness[:, 0].tolist() == [40, 30, 0]


def test_the_last_row_belongs_to_a_layer() -> None:
    labels = np.zeros((1, 8, 1), np.uint8)
    labels[0, 7] = 9
    layer = measure_layer(labels, 9, 0.002)
    assert (layer.top[0, 0], layer.bottom[0, 0]) == (14, 16)
