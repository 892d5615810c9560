import numpy as np
import pytest

from fewslice.typing import BoolArray
from fewslice.volumes.layers import is_layer

STEPS = (1.0, 1.0)


def strip(thickness: int, shape: tuple[int, int] = (40, 80)) -> BoolArray:
    """Return a mask with a layer over all columns, in the middle of the rows."""
    mask = np.zeros(shape, dtype=bool)
    mask[15 : 15 + thickness] = True
    return mask


@pytest.mark.parametrize(("thickness", "layer"), [(1, True), (10, True), (11, False)])
def test_a_layer_is_at_most_an_eighth_as_thick_as_it_is_wide(thickness: int, layer: bool) -> None:
    assert is_layer(strip(thickness), STEPS) is layer
    assert is_layer(strip(thickness).T, STEPS) is layer


def test_thickness_is_measured_in_mm() -> None:
    assert is_layer(strip(12), (0.5, 1.0))  # 6 mm of 80 mm
    assert not is_layer(strip(8), (2.0, 1.0))  # 16 mm of 80 mm


def test_it_runs_from_border_to_border() -> None:
    mask = strip(4)
    mask[:, -1] = False
    assert not is_layer(mask, STEPS)


def test_it_may_be_gone_in_places_but_not_for_long() -> None:
    mask = strip(4)
    mask[:, 30:60] = False  # 50 of 80 columns are left
    assert is_layer(mask, STEPS)
    mask[:, 28:62] = False  # 46 are
    assert not is_layer(mask, STEPS)


def test_two_pieces_at_either_border_are_no_layer() -> None:
    mask = np.zeros((40, 80), dtype=bool)
    mask[10:14, :20] = mask[10:14, 60:] = True
    assert not is_layer(mask, STEPS)


def test_an_empty_slice_holds_none() -> None:
    assert not is_layer(np.zeros((40, 80), dtype=bool), STEPS)
