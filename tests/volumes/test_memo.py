"""What is kept with a scan: of its own voxels only, and each thing once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from fewslice.volumes import Geometry, Image
from fewslice.volumes.image import remembering
from fewslice.volumes.memo import Memo

ARRAY = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


def test_each_part_is_computed_once() -> None:
    memo, computed = Memo(ARRAY), []

    def total(part: slice) -> int:
        seen = ARRAY[part]

        def compute() -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
            computed.append(part)
            return np.array([int(seen.sum())])

        return int(memo.of(seen, "sum", compute)[0])

    # 0 + ... + 19 = 190 on the first slice, 20 + ... + 39 = 590 on the second
    assert [total(slice(0, 1)), total(slice(1, 2)), total(slice(0, 1))] == [190, 590, 190]
    assert computed == [slice(0, 1), slice(1, 2)]


def test_views_that_begin_alike_are_told_apart() -> None:
    memo = Memo(ARRAY)
    views = (ARRAY, ARRAY[:2], ARRAY[:, ::2], ARRAY.T, ARRAY.view(np.uint16))
    for number, view in enumerate(views):
        assert memo.of(view, "number", partial(np.array, [number]))[0] == number
    assert memo.of(ARRAY, "other", lambda: np.array([7]))[0] == 7
    assert memo.of(ARRAY, "number", lambda: np.array([9]))[0] == 0


def test_nothing_is_kept_of_another_array() -> None:
    memo, copy = Memo(ARRAY), ARRAY.copy()
    assert [int(memo.of(copy, "n", partial(np.array, [n]))[0]) for n in (1, 2)] == [1, 2]


def test_what_is_kept_cannot_be_changed() -> None:
    found = Memo(ARRAY).of(ARRAY, "n", lambda: np.array([1]))
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 2


def test_a_copy_of_a_scan_keeps_nothing() -> None:
    image = Image(ARRAY, Geometry.from_spacing(ARRAY.shape))
    kept = remembering(image)
    assert image.memo is None
    assert kept.memo is not None
    assert kept.memo.array is ARRAY
    assert replace(kept, array=ARRAY + 1).memo is None


def test_what_is_kept_is_counted_whatever_it_is() -> None:
    memo = Memo(ARRAY)
    assert bytes(memo.of(ARRAY, "view", lambda: memoryview(b"12345"))) == b"12345"
    memo.of(ARRAY, "array", lambda: np.zeros(3, dtype=np.int16))
    assert memo.nbytes == 5 + 6
