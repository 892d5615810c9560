"""Intensities are scaled by what nearly all of them lie between."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.volumes.intensity_range import IntensityRange, sliver, width_between


def test_the_2nd_and_98th_percentile_become_0_and_1() -> None:
    found = IntensityRange.of(np.arange(101, dtype=np.float32) * 10)
    assert (float(found.low), found.width) == (20, 960)
    scaled = found.scaled(np.array([20, 500, 980], dtype=np.float32))
    np.testing.assert_allclose(scaled, [0, 0.5, 1])


def test_what_lies_far_out_is_cut() -> None:
    found = IntensityRange.of(np.arange(101, dtype=np.int16))
    scaled = found.scaled(np.array([-3000, 3000], dtype=np.float32))
    np.testing.assert_allclose(scaled, [-0.25, 1.25])


@pytest.mark.parametrize("unit", [1e-3, 1e-9, 1e-30])
def test_tiny_intensities_have_a_range_as_wide_as_they_are(unit: float) -> None:
    sample = (np.arange(101) * unit).astype(np.float32)
    found = IntensityRange.of(sample)
    assert found.width == pytest.approx(96 * unit)
    np.testing.assert_allclose(found.scaled(sample[[2, 50, 98]]), [0, 0.5, 1], rtol=1e-5)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (0.0, 1e-6),
        (2000.0, 2e-3),  # a millionth of what is there
        (-2000.0, 2e-3),
        (1.0, 1e-6),
        (-1e-9, 1e-15),
        (1e-9, 1e-15),
        (1e-36, float(np.finfo(np.float32).tiny)),  # no less can be divided by
    ],
)
def test_the_range_of_a_constant_sample_is_a_sliver(level: float, expected: float) -> None:
    assert width_between(level, level, np.full(9, level)) == pytest.approx(expected)


def test_a_sliver_is_never_more_than_a_millionth_of_1() -> None:
    assert sliver(-3.0, 0.0, np.array([-3.0, 0.0])) == 1e-6
    assert sliver(0.25, 0.5, np.array([0.25, 0.5])) == 0.5e-6
    # Where both ends are 0, the rest says how large intensities are: 1000, or 1e-9.
    assert sliver(0.0, 0.0, np.array([0, 0, 1000])) == 1e-6
    assert sliver(0.0, 0.0, np.array([0, 0, -1e-9])) == pytest.approx(1e-15)
    assert sliver(0.0, 0.0, np.array([])) == 1e-6


@pytest.mark.parametrize("level", [0, -1024, 40_000])
def test_a_constant_sample_has_a_range_too(level: int) -> None:
    found = IntensityRange.of(np.full(9, level))
    assert found.width > 0
    assert found.scaled(np.array([level], dtype=np.float32))[0] == 0
