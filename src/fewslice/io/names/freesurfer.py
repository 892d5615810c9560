"""Colour tables inside FreeSurfer's files: .mgz label maps, and .annot of surfaces.

nibabel does not hand on what follows the voxels of a .mgz: five numbers of the scan, then tagged
blocks. FreeSurfer's source (`tags.c`, `colortab.c`) defines them; numbers are big-endian.
"""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Iterator
from pathlib import Path

from fewslice.volumes.segments import Segment

_HEADER = 284  # bytes before the voxels
_SCAN = 20  # bytes of numbers on the scan behind them
_VOXEL = {0: 1, 1: 4, 3: 4, 4: 2, 10: 2}  # bytes by type of voxel
_TABLE = 1  # the tag of a colour table, which has no length
_WITHOUT_LENGTH = (2, 20)  # tags of old, followed by nothing or by an unknown number of bytes


def embedded_table(path: Path) -> tuple[Segment, ...]:
    """Return the structures that a .mgz or .mgh names behind its voxels; () if it names none."""
    content = path.read_bytes()
    try:
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        _, *shape, kind = struct.unpack(">6i", content[:24])
        at = _HEADER + math.prod(shape) * _VOXEL[kind] + _SCAN
        return tuple(_table(content, at))
    except (OSError, EOFError, KeyError, struct.error, UnicodeDecodeError):
        return ()  # names are no reason to refuse labels


def _table(content: bytes, at: int) -> Iterator[Segment]:
    while at + 4 <= len(content):
        (tag,) = struct.unpack_from(">i", content, at)
        if tag == _TABLE:
            yield from _entries(content, at + 4)
            return
        if tag in _WITHOUT_LENGTH:
            return
        (length,) = struct.unpack_from(">q", content, at + 4)
        at += 12 + max(length, 0)


def _entries(content: bytes, at: int) -> Iterator[Segment]:
    """Yield the entries of a table of either version, without the background."""
    (version,) = struct.unpack_from(">i", content, at)
    numbered = version < 0
    if numbered:  # then comes the highest number, which is of no use here
        at += 4
    _, at = _text(content, at + 4)
    count = version
    if numbered:
        (count,) = struct.unpack_from(">i", content, at)
        at += 4
    for number in range(count):
        value = number
        if numbered:
            (value,) = struct.unpack_from(">i", content, at)
            at += 4
        name, at = _text(content, at)
        red, green, blue, _ = struct.unpack_from(">4i", content, at)
        at += 16
        if value > 0 and name:
            yield Segment(value, name, (red / 255, green / 255, blue / 255))


def _text(content: bytes, at: int) -> tuple[str, int]:
    """Return a text that begins with its length, and where it ends."""
    (length,) = struct.unpack_from(">i", content, at)
    end = at + 4 + max(length, 0)
    return content[at + 4 : end].split(b"\0")[0].decode("utf-8"), end


def read_annot(path: Path) -> tuple[Segment, ...]:
    """Return the structures of an .annot file; their label is their place in its table."""
    from nibabel.freesurfer.io import read_annot as read

    try:
        _, colours, names = read(path)
    except (OSError, ValueError, TypeError, IndexError):
        return ()
    return tuple(
        Segment(number, name.decode("utf-8", "replace"), (red / 255, green / 255, blue / 255))
        for number, (name, (red, green, blue)) in enumerate(
            zip(names, colours[:, :3].astype(float).tolist(), strict=True)
        )
        if number > 0
    )
