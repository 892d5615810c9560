"""Intensities are scaled by what nearly all of them lie between."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.volumes.intensity_range import IntensityRange


def test_the_2nd_and_98th_percentile_become_0_and_1() -> None:
    found = IntensityRange.of(np.arange(101, dtype=np.float32) * 10)
    assert (float(found.low), found.width) == (20, 960)
    scaled = found.scaled(np.array([20, 500, 980], dtype=np.float32))
    np.testing.assert_allclose(scaled, [0, 0.5, 1])


def test_what_lies_far_out_is_cut() -> None:
    found = IntensityRange.of(np.arange(101, dtype=np.int16))
    scaled = found.scaled(np.array([-3000, 3000], dtype=np.float32))
    np.testing.assert_allclose(scaled, [-0.25, 1.25])


@pytest.mark.parametrize("level", [0, -1024, 40_000])
def test_a_constant_sample_has_a_range_too(level: int) -> None:
    found = IntensityRange.of(np.full(9, level))
    assert found.width > 0
    assert found.scaled(np.array([level], dtype=np.float32))[0] == 0
