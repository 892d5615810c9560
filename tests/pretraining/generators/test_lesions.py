"""Lesions painted into scans."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label

from fewslice.engines.base import Scan
from fewslice.pretraining.generators.lesions import lesion_volume


def smooth_scan(channels: int = 2) -> Scan:
    i, j, k = np.indices((40, 36, 30))
    image = (100 + i + 2 * j + k).astype(np.float32)
    return Scan.from_spacing(np.stack([image, image[::-1]][:channels]), (1.0, 1.0, 2.0))


@pytest.mark.parametrize("seed", range(6))
def test_lesions_differ_from_the_scan_and_the_rest_stays(seed: int) -> None:
    scan = smooth_scan()
    found = lesion_volume(scan, np.random.default_rng(seed), "case")
    inside = found.labels > 0
    assert inside.any()
    assert set(np.unique(found.labels)) == {0, 1}
    assert 1 <= label(inside)[1] <= 10
    if found.scan.shape != scan.shape:  # thicker slices: averaged before lesions were painted
        assert found.scan.spacing[2] > 2.0
        return
    change = np.abs(found.scan.channels - scan.channels)
    assert (change.reshape(2, -1).max(axis=1) > 0).all()
    assert change[:, inside].mean() > 20 * change[:, ~inside].mean()


def test_the_same_seed_paints_the_same() -> None:
    one, other = (lesion_volume(smooth_scan(1), np.random.default_rng(5), "a") for _ in range(2))
    np.testing.assert_array_equal(one.scan.channels, other.scan.channels)
    np.testing.assert_array_equal(one.labels, other.labels)


def test_thick_slices_cover_as_many_millimetres() -> None:
    seen = {
        lesion_volume(smooth_scan(1), np.random.default_rng(seed), "a").scan.spacing[2]
        for seed in range(12)
    }
    assert seen > {2.0}
    assert max(seen) <= 8.0
