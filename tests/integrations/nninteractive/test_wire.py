"""The wire format, against nnInteractive's own packing in both directions, and damaged messages."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays
from nnInteractive.inference.remote.serialization import pack_array, unpack_array

from fewslice.errors import InputError
from fewslice.integrations.nninteractive.wire import pack, unpack

SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, max_side=6)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint16", "float16", "float32"])
def test_both_sides_read_each_other(dtype: str) -> None:
    array = (np.arange(7 * 5 * 3).reshape(7, 5, 3) % 2).astype(dtype)
    assert np.array_equal(unpack_array(pack(array)), array)
    found = unpack(pack_array(array))
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


@given(arrays.arrays(np.int32, SHAPES))
def test_what_is_packed_comes_back(array: np.ndarray) -> None:
    assert np.array_equal(unpack(pack(array)), array)


def test_an_odd_number_of_zeros() -> None:
    zeros = np.zeros(707_659, np.uint8)
    assert np.array_equal(unpack(pack(zeros)), zeros)


@given(some.data())
def test_damage_is_one_sentence(data: some.DataObject) -> None:
    message = bytearray(pack(np.arange(200, dtype=np.int16).reshape(10, 20)))
    cut = data.draw(some.integers(0, len(message)))
    for at in data.draw(some.lists(some.integers(0, len(message) - 1), max_size=4)):
        message[at] = data.draw(some.integers(0, 255))
    try:
        unpack(bytes(message[:cut]), most_bytes=10_000)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right


def test_more_than_may_be_sent() -> None:
    head = struct.pack("<4sBBBB5s3q", b"NNIA", 1, 1, 3, 5, b"uint8", 1 << 20, 1 << 20, 1 << 20)
    with pytest.raises(InputError, match="at most 8,589,934,592 are taken"):
        unpack(head + struct.pack("<I", 0))
