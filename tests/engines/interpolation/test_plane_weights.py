"""How much the slices of each plane count."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.engines.interpolation.plane_weights import DrawnSlice, PlaneWeights, plane_weights
from fewslice.typing import BoolArray


def bar(height: int, width: int) -> BoolArray:
    """Return a slice of 12 x 12 with one structure, so many pixels high and wide."""
    inside = np.zeros((1, 12, 12), dtype=bool)
    inside[0, :height, :width] = True
    return inside


def weights_of(agreement: dict[int, float]) -> PlaneWeights:
    ones = {plane: np.ones(1) for plane in agreement}
    return PlaneWeights(ones, {plane: np.array([value]) for plane, value in agreement.items()})


def test_agreement_is_dice_over_the_slices_of_the_other_planes() -> None:
    slices = [DrawnSlice(0, bar(4, 4)), DrawnSlice(2, bar(4, 4))]
    foretold = {0: [(bar(4, 3), bar(4, 4))], 2: [(bar(2, 2), bar(4, 4))]}
    found = plane_weights(slices, foretold, (1.0, 1.0, 1.0))
    assert found.agreement[0][0] == pytest.approx(2 * 12 / (12 + 16))
    assert found.agreement[2][0] == pytest.approx(2 * 4 / (4 + 16))


def test_a_slice_along_a_thin_layer_counts_less_aside_of_it() -> None:
    """Across axis 0 the layer runs on for 1 x 2 mm, across axis 2 for 12 x .5 mm: as far as 3."""
    layer = bar(1, 12)  # rows are axis 0, columns are axis 1
    along = bar(12, 12)  # rows are axis 1, columns are axis 2
    foretold = {0: [(layer, layer)], 2: [(along, along)]}
    slices = [DrawnSlice(2, layer), DrawnSlice(0, along)]
    alike = plane_weights(slices, foretold, (2.0, 1.0, 0.5))
    assert [alike.lengths[plane][0] for plane in (0, 2)] == [1, 1]
    # Half as thick: 6 mm are twice as far as three times 1 mm.
    thin = plane_weights(slices, foretold, (1.0, 1.0, 0.5))
    assert [thin.lengths[plane][0] for plane in (0, 2)] == [1, 2]
    np.testing.assert_allclose(thin.at(0, np.array([1.0, 2.0]))[0], [1, 1 / 4])
    np.testing.assert_allclose(thin.at(2, np.array([1.0, 2.0]))[0], [4, 1])


def test_a_structure_of_one_plane_only_is_left_alone() -> None:
    nothing = bar(0, 0)
    slices = [DrawnSlice(0, bar(4, 4)), DrawnSlice(2, nothing)]
    foretold = {0: [(bar(4, 4), nothing)], 2: [(nothing, bar(4, 4))]}
    found = plane_weights(slices, foretold, (1.0, 1.0, 1.0))
    assert [found.lengths[plane][0] for plane in (0, 2)] == [1, 1]
    assert [found.agreement[plane][0] for plane in (0, 2)] == [0, 0]


def test_what_cannot_be_measured_counts_as_before() -> None:
    """No slice of the other plane was looked at in full."""
    slices = [DrawnSlice(0, bar(4, 4)), DrawnSlice(2, bar(4, 4))]
    found = plane_weights(slices, {0: [], 2: [(bar(4, 4), bar(4, 4))]}, (1.0, 1.0, 1.0))
    assert [found.agreement[plane][0] for plane in (0, 2)] == [0, 0]


@pytest.mark.parametrize(
    ("agreement", "plane", "share"),
    [
        ({0: 0.5, 1: 0.9}, 1, 0.7),
        ({0: 0.75, 1: 0.5}, 0, 0.35),  # half of the way from .15 to .35 ahead
        ({0: 0.8, 1: 0.7}, 0, 0.0),
        ({0: 0.9, 1: 0.3, 2: 0.5}, 0, 0.35),  # of three planes half as much: .5 ahead
    ],
)
def test_the_surest_plane_counts_alone_by_how_far_it_is_ahead(
    agreement: dict[int, float], plane: int, share: float
) -> None:
    found, shares = weights_of(agreement).surest()
    assert shares == pytest.approx([share])
    if share:
        assert found == plane
