"""Voxels without a value: background outside, the nearest value in small holes."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.errors import InputError, codes_of
from fewslice.volumes import Geometry, Image
from fewslice.volumes.finite import filled


def scan(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Image:
    return Image(array, Geometry.from_spacing(array.shape[-3:]))


def ramp() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7) + 10


def test_nothing_is_copied_if_nothing_is_missing() -> None:
    image = scan(ramp())
    assert filled(image) is image
    whole = Image(ramp().astype(np.int16), image.geometry)
    assert filled(whole) is whole


def test_a_hole_within_takes_the_nearest_value_and_the_border_the_lowest() -> None:
    array = ramp()
    array[2, 3, 3] = np.nan  # a hole of one voxel; its neighbours differ by 1, 7 and 42
    array[4] = np.inf
    read = filled(scan(array), "the scan")
    assert abs(read.array[2, 3, 3] - ramp()[2, 3, 3]) in (1, 7, 42)
    assert (read.array[4] == 10).all()
    assert np.array_equal(read.array[:2], ramp()[:2])
    assert "The scan holds 43 voxels" in read.remarks[0]
    assert np.isnan(array[2, 3, 3])  # what was given is not changed


def test_every_channel_has_its_own_background() -> None:
    array = np.stack([ramp(), -ramp()])
    array[:, 0, 0, 0] = np.nan
    read = filled(scan(array))
    assert read.array[0, 0, 0, 0] == 11
    assert read.array[1, 0, 0, 0] == -219
    assert codes_of(read.remarks) == {"voxels-filled"}


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_a_scan_without_a_value_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="The image holds no voxel with a finite value"):
        filled(scan(np.full((2, 2, 2), value, np.float32)))
