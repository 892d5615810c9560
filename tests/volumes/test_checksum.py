"""Checksums tell voxels apart, and look once at a scan that remembers."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest

from fewslice.volumes import Geometry, Image
from fewslice.volumes.checksum import checksum, image_checksum
from fewslice.volumes.image import remembering

ARRAY = np.arange(60, dtype="<i2").reshape(3, 4, 5)


def test_it_is_the_crc_of_the_voxels_as_they_lie_in_memory() -> None:
    expected = f"{crc32(ARRAY.tobytes()):08x}"
    assert checksum(ARRAY) == f"<i2(3, 4, 5)012:{expected}"
    assert checksum(ARRAY.T) == f"<i2(5, 4, 3)210:{expected}"
    assert checksum(ARRAY.copy()) == checksum(ARRAY)


def test_views_with_gaps_count_as_what_they_hold() -> None:
    part = ARRAY[:, 1:3, ::2]
    assert checksum(part) == checksum(np.ascontiguousarray(part))


@pytest.mark.parametrize(
    "other",
    [
        ARRAY.astype("<i4"),
        ARRAY.reshape(4, 3, 5),
        ARRAY[::-1],
        ARRAY[:, ::-1],
        ARRAY + (ARRAY == 59),
    ],
    ids=["type", "shape", "turned", "mirrored", "voxel"],
)
def test_what_differs_has_another(other: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> None:
    assert checksum(other) != checksum(ARRAY)


def test_a_scan_that_remembers_is_looked_at_once() -> None:
    array = ARRAY.copy()
    image = Image(array, Geometry.from_spacing(array.shape, (1, 1, 1)))
    kept, before = remembering(image), checksum(array)
    assert image_checksum(image) == image_checksum(kept) == before
    array[0, 0, 0] = 7  # which nobody may do meanwhile
    assert image_checksum(kept) == before != image_checksum(image)
