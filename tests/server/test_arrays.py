"""Arrays on the wire: exact, and never larger than they say."""

from __future__ import annotations

import hashlib
import tracemalloc
import zlib

import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.server.arrays import pack, unpack

ARRAY = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_what_is_packed_is_deflated_bytes_in_c_order() -> None:
    packed = pack(ARRAY.T)
    raw = zlib.decompress(packed.body)
    assert raw == bytes([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    assert packed.headers == {
        "X-Shape": "4,3",
        "X-Dtype": "uint8",
        "X-Hash": hashlib.sha256(raw).hexdigest(),
    }


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_it_comes_back(dtype: type[np.unsignedinteger]) -> None:
    array = ARRAY.astype(dtype)
    packed = pack(array)
    headers = {name.lower(): value for name, value in packed.headers.items()}
    found = unpack(packed.body, headers, (3, 4))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"x-shape": "4,3"}, r"shape \(4, 3\); expected \(3, 4\)"),
        ({"x-shape": "3,x"}, "whole numbers"),
        ({"x-shape": "1," * 3 + "1"}, "whole numbers"),
        ({"x-shape": ""}, "whole numbers"),
        ({"x-dtype": "float64"}, "expected uint8 or uint16"),
        ({"x-dtype": "uint16"}, "24 bytes"),
        ({"x-hash": "00"}, "not the one that X-Hash names"),
    ],
)
def test_headers_that_do_not_fit_are_refused(changed: dict[str, str], sentence: str) -> None:
    packed = pack(ARRAY)
    headers = {name.lower(): value for name, value in packed.headers.items()}
    with pytest.raises(InputError, match=sentence):
        unpack(packed.body, {**headers, **changed}, (3, 4))


@pytest.mark.parametrize("cut", [0, 1, -1, -4])
def test_a_damaged_body_is_refused(cut: int) -> None:
    packed = pack(ARRAY)
    body = packed.body[:cut] if cut else b"no zlib"
    headers = {name.lower(): value for name, value in packed.headers.items()}
    with pytest.raises(InputError, match="send it again"):
        unpack(body, headers, (3, 4))


@pytest.mark.slow
def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compress(bytes(200_000_000), 9)
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="12 bytes"):
            unpack(bomb, {"x-shape": "3,4", "x-dtype": "uint8"}, (3, 4))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
