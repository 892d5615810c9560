"""Arrays on the wire: deflated bytes with shape, type and hash in headers, never JSON.

Nothing is unpacked further than the shape allows, so that a small body cannot fill the memory.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fewslice.errors import InputError
from fewslice.volumes.image import Array

MEDIA_TYPE = "application/x-fewslice-array"
SHAPE, DTYPE, HASH, REVISION = "X-Shape", "X-Dtype", "X-Hash", "X-Revision"
_TYPES = ("uint8", "uint16")
_LEVEL = 1  # labels shrink to a hundredth at any level; time counts


@dataclass(frozen=True)
class PackedArray:
    """An array as it travels. body: deflated bytes in C order. headers: what it is."""

    body: bytes
    headers: dict[str, str]


def pack(array: Array) -> PackedArray:
    """Return an array as it travels."""
    raw = np.ascontiguousarray(array).tobytes()
    headers = {
        SHAPE: ",".join(str(length) for length in array.shape),
        DTYPE: array.dtype.name,
        HASH: hashlib.sha256(raw).hexdigest(),
    }
    return PackedArray(zlib.compress(raw, _LEVEL), headers)


def unpack(body: bytes, headers: Mapping[str, str], shape: tuple[int, ...]) -> Array:
    """Return the labels that a body holds.

    headers: of the request, of any case. shape: which the array must have. Raises InputError, in a
    sentence, if the body is damaged, of another shape or type, or larger than it says.
    """
    given, dtype = _shape(headers.get(SHAPE.lower(), "")), _dtype(headers.get(DTYPE.lower(), ""))
    if given != shape:
        raise InputError(
            f"The array has shape {given}; expected {shape}, the shape of this slice: send it with "
            f"the right {SHAPE}."
        )
    raw = _inflated(body, int(np.prod(shape)) * dtype.itemsize)
    named = headers.get(HASH.lower(), "")
    if named and named.lower() != hashlib.sha256(raw).hexdigest():
        raise InputError(f"The array is not the one that {HASH} names; send it again.")
    return np.frombuffer(raw, dtype=dtype).reshape(shape)


def _inflated(body: bytes, size: int) -> bytes:
    """Return exactly `size` bytes, and never unpack more than one beyond them."""
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(body, size + 1)
    except zlib.error as error:
        raise InputError(
            "The array cannot be unpacked; expected zlib-deflated bytes: send it again."
        ) from error
    # At the exact end the closing checksum may still wait; asking on yields nothing but checks it.
    if len(raw) != size or not unpacker.eof:
        raise InputError(
            f"The array does not hold the {size} bytes that its shape and type ask for; send it "
            "again."
        )
    return raw


def _shape(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    try:
        if len(parts) > 3:
            raise ValueError
        return tuple(int(part) for part in parts if part.strip().isascii())
    except ValueError:
        raise InputError(
            f"{SHAPE} is {text[:40]!r}; expected whole numbers with commas, such as 30,40."
        ) from None


def _dtype(text: str) -> np.dtype[np.generic]:
    if text not in _TYPES:
        raise InputError(f"{DTYPE} is {text[:40]!r}; expected {' or '.join(_TYPES)}.")
    return np.dtype(text).newbyteorder("<")
