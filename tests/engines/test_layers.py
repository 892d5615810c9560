import numpy as np
import pytest

from fewslice.engines.layers import shows_layer

STEPS = (1.0, 1.0)


def strip(thickness: int, shape: tuple[int, int] = (40, 80)) -> np.ndarray:
    """Return labels with a layer over all columns, in the middle of the rows."""
    labels = np.zeros(shape, dtype=np.uint8)
    labels[15 : 15 + thickness] = 3
    return labels


@pytest.mark.parametrize(("thickness", "layer"), [(1, True), (10, True), (11, False)])
def test_a_layer_is_at_most_an_eighth_as_thick_as_it_is_wide(thickness: int, layer: bool) -> None:
    assert shows_layer(strip(thickness), STEPS) is layer
    assert shows_layer(np.ascontiguousarray(strip(thickness).T), STEPS) is layer


def test_thickness_is_measured_in_mm() -> None:
    assert shows_layer(strip(12), (0.5, 1.0))  # 6 mm of 80 mm
    assert not shows_layer(strip(8), (2.0, 1.0))  # 16 mm of 80 mm


def test_it_runs_from_border_to_border() -> None:
    labels = strip(4)
    labels[:, -1] = 0
    assert not shows_layer(labels, STEPS)


def test_it_may_be_gone_in_places_but_not_for_long() -> None:
    labels = strip(4)
    labels[:, 30:60] = 0  # 50 of 80 columns are left
    assert shows_layer(labels, STEPS)
    labels[:, 28:62] = 0  # 46 are
    assert not shows_layer(labels, STEPS)


def test_two_structures_at_either_border_are_no_layer() -> None:
    labels = np.zeros((40, 80), dtype=np.uint8)
    labels[10:14, :45] = 1
    labels[10:14, 45:] = 2
    assert not shows_layer(labels, STEPS)


def test_each_structure_is_looked_at_alone() -> None:
    labels = strip(4)
    labels[25:, 20:60] = 1  # something large below the layer
    assert shows_layer(labels, STEPS)


def test_nothing_drawn_and_nothing_looked_at_are_no_layers() -> None:
    assert not shows_layer(np.zeros((40, 80), dtype=np.uint8), STEPS)
    assert not shows_layer(np.full((40, 80), 255, dtype=np.uint8), STEPS)
