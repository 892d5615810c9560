import numpy as np
import pytest

from fewslice.networks.augmentation.random_fields import cells_for, smooth_field, spline_basis


def test_the_rows_of_a_spline_basis_have_unit_length() -> None:
    basis = spline_basis(7, 2.0)

    # Two intervals take five control points: -1, 0, 1, 2, 3.
    assert basis.shape == (7, 5)
    np.testing.assert_allclose((basis**2).sum(axis=1), 1.0, rtol=1e-5)
    # At a knot the cubic B-spline weighs 1/6, 2/3, 1/6: divided by sqrt(18)/6 that is 1, 4, 1 /
    # sqrt(18).
    expected = np.array([1, 4, 1, 0, 0]) / np.sqrt(18)
    np.testing.assert_allclose(basis[0], expected, atol=1e-6)


def test_a_field_has_unit_variance_and_as_many_bumps_as_asked_for() -> None:
    rng = np.random.default_rng(0)
    fine = smooth_field((60, 50, 40), (30, 25, 20), rng)
    coarse = smooth_field((60, 50, 40), (2, 25, 20), rng)

    assert fine.shape == coarse.shape == (60, 50, 40)
    assert fine.dtype == np.float32
    assert fine.mean() == pytest.approx(0.0, abs=0.08)
    assert fine.std() == pytest.approx(1.0, abs=0.05)
    steps = [np.abs(np.diff(coarse, axis=axis)).mean() for axis in range(3)]
    assert steps[0] < 0.2 * min(steps[1:])


def test_cells_are_alike_in_millimetres() -> None:
    # 40 mm, 40 mm and 60 mm over 10 mm; the last is held at half its 6 voxels.
    assert cells_for((40, 20, 6), (1.0, 2.0, 10.0), 10.0) == (4.0, 4.0, 3.0)
