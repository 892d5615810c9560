import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from fewslice.volumes.distance import distance_to, signed_distance


def test_distances_are_in_mm_along_each_axis() -> None:
    mask = np.zeros((5, 7), dtype=bool)
    mask[2, 3] = True
    distance = distance_to(mask, (2.0, 0.5), farthest=100.0)
    assert distance[2, 3] == 0
    assert distance[0, 3] == pytest.approx(4.0)  # two voxels of 2 mm
    assert distance[2, 0] == pytest.approx(1.5)  # three voxels of 0.5 mm
    assert distance[1, 2] == pytest.approx(np.hypot(2.0, 0.5))


def test_an_empty_mask_is_farthest_away_everywhere() -> None:
    assert (distance_to(np.zeros((3, 4), dtype=bool), (1.0, 1.0), 7.0) == 7.0).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), spacing=st.tuples(*[st.floats(0.1, 5.0)] * 3))
def test_agrees_with_scipy(seed: int, spacing: tuple[float, float, float]) -> None:
    mask = np.random.default_rng(seed).random((6, 7, 8)) > 0.9
    mask[3, 3, 3] = True
    expected = ndimage.distance_transform_edt(~mask, sampling=spacing)
    np.testing.assert_allclose(distance_to(mask, spacing, 1e3), expected, rtol=1e-5, atol=1e-5)


def test_signed_distance_says_which_known_side_is_nearer() -> None:
    inside = np.array([[True, False, False, False, False]])
    outside = np.array([[False, False, False, False, True]])
    signed = signed_distance(inside, outside, (1.0, 1.0), 50.0)
    np.testing.assert_allclose(signed, [[4, 2, 0, -2, -4]])
