"""Voxels as bytes in a file: plain or compressed, read and written without a second copy."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewslice.errors import ReadError
from fewslice.volumes.image import Array

CHUNK = 1 << 20
LARGEST_RATIO = 1032  # deflate cannot shrink data further than this
LARGEST_TAIL = 16 * CHUNK  # how far behind the voxels the checksum is looked for


@dataclass(frozen=True)
class Payload:
    """Where the voxels of a file are.

    start: position in the file, in bytes. packed: whether a gzip or zlib stream begins there.
    skip: bytes to leave out at the beginning of what is stored (after unpacking).
    """

    path: Path
    start: int = 0
    packed: bool = False
    skip: int = 0


def read_voxels(payload: Payload, count: int, dtype: np.dtype[np.generic]) -> Array:
    """Return `count` values as a (count,) array in native byte order.

    The memory is asked for only after the file's size was found to allow for that many values.
    Raises ReadError if the file is truncated or its compressed data are damaged.
    """
    size = count * dtype.itemsize
    stored = payload.path.stat().st_size - payload.start
    if payload.skip + size > stored * (LARGEST_RATIO if payload.packed else 1):
        raise ReadError(
            f"{payload.path} is truncated or its header is wrong: {count} voxels need "
            f"{payload.skip + size} bytes, but the file holds {max(stored, 0)}"
            f"{' compressed ones' if payload.packed else ''}; copy the file again."
        )
    if payload.packed:
        values = np.empty(count, dtype)
        _fill(payload, values.view(np.uint8))
    else:
        start = payload.start + payload.skip
        values = np.fromfile(payload.path, dtype, count, offset=start)
    if not dtype.isnative:
        values = values.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return values


def read_bytes(payload: Payload, count: int) -> bytes:
    """Return the first bytes of a payload, fewer than `count` if it ends before."""
    if not payload.packed:
        with payload.path.open("rb") as stream:
            stream.seek(payload.start + payload.skip)
            return stream.read(count)
    head = b""
    for chunk in _unpacked(payload):
        head += chunk
        if len(head) >= payload.skip + count:
            break
    return head[payload.skip : payload.skip + count]


def blocks(array: Array) -> Iterator[bytes]:
    """Yield the bytes of an array, first axis fastest, little endian, one last index at a time."""
    little = array.dtype.newbyteorder("<")
    for last in range(array.shape[-1]):
        block = np.asarray(array[..., last], dtype=little)
        yield block.tobytes(order="F")


def _fill(payload: Payload, into: Array) -> None:
    """Unpack into a (bytes,) uint8 array and check that it was filled and not damaged."""
    position, tail = -payload.skip, 0
    for chunk in _unpacked(payload):
        part = np.frombuffer(chunk, np.uint8)[max(-position, 0) :]
        begin = max(position, 0)
        wanted = part[: max(into.size - begin, 0)]
        into[begin : begin + wanted.size] = wanted
        position += len(chunk)
        tail = position - into.size
        if tail > LARGEST_TAIL:
            break
    if tail < 0:
        raise ReadError(
            f"{payload.path} is truncated or its header is wrong: {into.size} bytes of voxels were "
            f"expected, {max(position, 0)} are there; copy the file again."
        )


def _unpacked(payload: Payload) -> Iterator[bytes]:
    """Yield unpacked pieces of a file to its end, checking the checksum of every gzip member."""
    reader = _reader()
    with payload.path.open("rb") as stream:
        stream.seek(payload.start)
        while data := stream.read(CHUNK):
            more = True
            while more:
                if reader.eof:
                    data = data.lstrip(b"\0")
                    if not data.startswith(b"\x1f"):
                        break  # padding behind the last gzip member
                    reader = _reader()
                piece = _decompress(payload.path, reader, data)
                if piece:
                    yield piece
                data = reader.unused_data or reader.unconsumed_tail
                more = bool(data) or len(piece) == CHUNK  # a full piece: there may be more to come
    if not reader.eof:
        raise ReadError(
            f"{payload.path} is truncated: its compressed data end too early; copy the file again."
        )


def _decompress(path: Path, reader: zlib._Decompress, data: bytes) -> bytes:
    try:
        return reader.decompress(data, CHUNK)
    except zlib.error as error:
        raise ReadError(
            f"{path} is damaged or not compressed ({error}); expected gzip or zlib data: copy the "
            "file again or correct its suffix."
        ) from error


def _reader() -> zlib._Decompress:
    return zlib.decompressobj(wbits=47)  # 32 + 15: tell gzip and zlib apart by their first bytes
