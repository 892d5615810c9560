"""What goes around the libraries: their errors as ours, and their blind spots checked before."""

from __future__ import annotations

import io
import logging
import os
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Protocol

from fewslice.errors import ReadError

LARGEST_RATIO = 1032  # deflate cannot shrink data further than this
DENSE_RATIO = 500  # only voxels that are nearly all alike are packed so densely
LARGEST_DENSE = 2 << 30  # bytes that data packed so densely may unpack to
LONGEST_TAIL = 1 << 26  # bytes behind the voxels that a header does not explain
CHUNK = 1 << 16
DAMAGE: tuple[type[Exception], ...] = (
    *(RuntimeError, ValueError, TypeError, LookupError, AttributeError, EOFError),
    *(ArithmeticError, AssertionError, SyntaxError, TokenError, struct.error, zlib.error),
)


class Readable(Protocol):
    """A file, or what unpacks one."""

    def read(self, size: int = ..., /) -> bytes:
        """Return up to so many bytes."""
        ...


class BoundedReader(io.BufferedReader):
    """A file that is never asked for more than it holds.

    Damaged headers name lengths up to 4 GB, and memory would be set aside for them.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(io.FileIO(file))
        self.size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to so many bytes; all that are left for None or a negative number."""
        if size is not None and size > CHUNK:
            size = max(min(size, self.size - self.tell()), 0)
        return super().read(size)


@contextmanager
def damage_named(path: Path, *kinds: type[Exception]) -> Iterator[None]:
    """Turn what a library raises for a damaged file into ReadError. kinds: its own exceptions."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:  # from the system, not from a library
            raise
        raise _damaged(path, error) from error
    except (*DAMAGE, *kinds) as error:
        raise _damaged(path, error) from error


def reason(error: Exception) -> str:
    """Return the last line of a library's message, which tells the cause, without addresses.

    ITK adds what the system said last, which has nothing to do with a damaged file.
    """
    said = str(error).partition("\nReason: ")[0].strip()
    line = (said.splitlines() or ["no reason given"])[-1]
    return re.sub(r"\(0x[0-9a-f]+\)", "", line).strip()[:160]


@contextmanager
def quiet_logger(name: str) -> Iterator[None]:
    """Keep a library from printing by its logger: what matters is checked."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def require_size(path: Path, data: Path, needed: int, start: int = 0, packed: bool = False) -> None:
    """Raise ReadError, before memory is asked for, if a file cannot hold as many bytes.

    path: what is read. data: the file that holds its voxels, from the byte `start` on. packed:
    whether they are compressed there.
    """
    stored = max(data.stat().st_size - start, 0)
    if needed > stored * (LARGEST_RATIO if packed else 1):
        raise ReadError(
            f"{path} is truncated or its header is wrong: its voxels need {needed} bytes, but "
            f"{data.name} holds {stored}{' compressed ones' if packed else ''}; copy it again."
        )
    if packed:
        require_plausible(path, needed, stored)


def require_plausible(path: Path, needed: int, stored: int) -> None:
    """Raise ReadError, before memory is asked for, if few bytes would unpack to very many.

    Such files are made to fill a computer's memory. Label maps with little in them are packed as
    densely, but hardly of such a size.
    """
    if needed > LARGEST_DENSE and needed > stored * DENSE_RATIO:
        raise ReadError(
            f"{path} would unpack from {stored} bytes to {needed / 1e9:.1f} GB, which no scan is "
            "packed to; expected a file that is not made to fill the memory: copy it again, or "
            "unpack it before if it is right."
        )


def read_to_end(path: Path, stream: Readable) -> None:
    """Read what is behind the voxels of a packed file, as its checksum is checked at the end.

    Raises ReadError if there is more than any header would leave.
    """
    found = 0
    while chunk := stream.read(CHUNK):
        found += len(chunk)
        if found > LONGEST_TAIL:
            raise _goes_on(path)


def require_whole(path: Path, data: Path, needed: int, start: int) -> int:
    """Raise ReadError if gzip or zlib data are damaged or unpack to other bytes; see require_size.

    Returns how many packed bytes there are.

    SimpleITK gives wrong voxels for damaged data and pynrrd ignores a missing end.
    """
    require_size(path, data, needed, start, packed=True)
    unpacking, read, found = zlib.decompressobj(wbits=47), 0, 0  # 32 + 15: gzip or zlib
    with data.open("rb") as stream:
        stream.seek(start)
        while not unpacking.eof and (chunk := stream.read(CHUNK)):
            read += len(chunk)
            found += len(unpacking.decompress(chunk))
            if found > needed + LONGEST_TAIL:
                raise _goes_on(path)
    if not unpacking.eof or found < needed:
        raise ReadError(
            f"{path} is truncated: {needed} bytes of voxels were expected, {data.name} holds "
            f"{found}; copy it again."
        )
    return read - len(unpacking.unused_data)


def _goes_on(path: Path) -> ReadError:
    return ReadError(
        f"{path} goes on for more than {LONGEST_TAIL >> 20} MB behind the voxels that its header "
        "tells of; expected the voxels alone: copy or export it again."
    )


def _damaged(path: Path, error: Exception) -> ReadError:
    return ReadError(
        f"{path} is damaged or not what its name says ({reason(error)}); copy the file again, or "
        "convert it (for example with 3D Slicer)."
    )
