"""What goes around the libraries: their errors as ours, and their blind spots checked before."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fewslice.errors import ReadError

LARGEST_RATIO = 1032  # deflate cannot shrink data further than this
CHUNK = 1 << 16
DAMAGE: tuple[type[Exception], ...] = (
    *(RuntimeError, ValueError, TypeError, LookupError, AttributeError, EOFError),
    *(struct.error, zlib.error),
)


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


def require_whole(path: Path, data: Path, needed: int, start: int) -> None:
    """Raise ReadError if gzip or zlib data are damaged or unpack to fewer bytes; see require_size.

    SimpleITK gives wrong voxels for damaged data and pynrrd ignores a missing end.
    """
    require_size(path, data, needed, start, packed=True)
    unpacking, found = zlib.decompressobj(wbits=47), 0  # 32 + 15: gzip or zlib
    with data.open("rb") as stream:
        stream.seek(start)
        while not unpacking.eof and (chunk := stream.read(CHUNK)):
            found += len(unpacking.decompress(chunk))
    if not unpacking.eof or found < needed:
        raise ReadError(
            f"{path} is truncated: {needed} bytes of voxels were expected, {data.name} holds "
            f"{found}; copy it again."
        )


def _damaged(path: Path, error: Exception) -> ReadError:
    return ReadError(
        f"{path} is damaged or not what its name says ({reason(error)}); copy the file again, or "
        "convert it (for example with 3D Slicer)."
    )
