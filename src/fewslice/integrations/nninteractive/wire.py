"""Arrays as nnInteractive's clients send and expect them: a small header and blosc2 chunks.

    b"NNIA", version 1, codec, dimensions, length of the dtype's name (a byte each); that name;
    shape (int64 each); number of chunks (uint32); for each its length before and after (uint64)
    and its bytes

Little-endian. Nothing is allocated for more than the sender may send.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.errors import InputError

_MAGIC, _VERSION, _ZSTD = b"NNIA", 1, 1
_CODECS = (1, 2)
_CHUNK = 1 << 30
_DTYPES = frozenset(
    ["bool", "float16", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)
MOST_BYTES = 8 << 30
"""What an array may take in memory."""


def pack(array: npt.NDArray[Any]) -> bytes:
    """Return an array as a message."""
    import blosc2

    array = np.ascontiguousarray(array)
    name = array.dtype.name.encode("ascii")
    head = struct.pack(
        f"<4sBBBB{len(name)}s{array.ndim}q",
        _MAGIC,
        _VERSION,
        _ZSTD,
        array.ndim,
        len(name),
        name,
        *array.shape,
    )
    raw = array.tobytes()
    parts = [head, struct.pack("<I", -(-len(raw) // _CHUNK))]
    for start in range(0, len(raw), _CHUNK):
        part = raw[start : start + _CHUNK]
        packed = blosc2.compress2(
            part,
            typesize=array.dtype.itemsize,  # else all zeros of an odd length cannot be read again
            codec=blosc2.Codec.ZSTD,
            clevel=3,
            filters=[blosc2.Filter.NOFILTER],
        )
        parts += [struct.pack("<QQ", len(part), len(packed)), packed]
    return b"".join(parts)


def unpack(message: bytes, most_bytes: int = MOST_BYTES) -> npt.NDArray[Any]:
    """Return the array of a message. Raises InputError if it is none, or too large."""
    try:
        return _unpacked(message, most_bytes)
    except (struct.error, RuntimeError, ValueError, TypeError, UnicodeDecodeError) as error:
        raise InputError(
            f"The array that was sent cannot be unpacked ({' '.join(str(error).split())}); send it "
            "as nnInteractive's client does."
        ) from None


def _unpacked(message: bytes, most_bytes: int) -> npt.NDArray[Any]:
    import blosc2

    magic, version, codec, ndim, length = struct.unpack_from("<4sBBBB", message, 0)
    if magic == _MAGIC and version != _VERSION:
        raise InputError(
            f"The client packs arrays in version {version} of the protocol, this server knows "
            f"version {_VERSION}; use another version of the client, such as 2.6."
        )
    if magic != _MAGIC or codec not in _CODECS:
        raise ValueError("not a message of version 1")
    name = message[8 : 8 + length].decode("ascii")
    if name not in _DTYPES or ndim > 4:
        raise ValueError(f"{ndim} dimensions of {name!r}")
    shape = struct.unpack_from(f"<{ndim}q", message, 8 + length)
    (chunks,) = struct.unpack_from("<I", message, 8 + length + 8 * ndim)
    dtype = np.dtype(name)
    size = dtype.itemsize
    for side in shape:
        if side < 0:
            raise ValueError("a negative side")
        size *= side
    if size > most_bytes:
        raise ValueError(f"{size:,} bytes; at most {most_bytes:,} are taken")
    out = np.empty(size, dtype=np.uint8)
    offset, written = 12 + length + 8 * ndim, 0
    for _ in range(chunks):
        before, after = struct.unpack_from("<QQ", message, offset)
        part = message[offset + 16 : offset + 16 + after]
        if written + before > size or len(part) != after:
            raise ValueError("more or less than the header says")
        if blosc2.get_cbuffer_sizes(part)[0] != before:
            raise ValueError("a chunk is not as long as it says")
        blosc2.decompress2(part, dst=out[written : written + before])
        written += before
        offset += 16 + after
    if written != size:
        raise ValueError("less than the header says")
    return out.view(dtype).reshape(shape)
