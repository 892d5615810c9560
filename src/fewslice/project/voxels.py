"""Voxels beside the database: compressed files named by what they hold, each whole or not there.

A file is never changed. The same content is stored once, and a damaged file is noticed, since its
name is the SHA-256 of the bytes in it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import ReadError, WriteError
from fewslice.project.database import Project
from fewslice.volumes.image import Array

FOLDER = "voxels"

_SUFFIX = ".zst"
_LEVEL = 3


@dataclass(frozen=True)
class Stored:
    """Where an array is: the hash of its bytes, and what they mean."""

    hash: str
    dtype: str
    shape: tuple[int, ...]

    def as_json(self) -> dict[str, object]:
        """Return it as the database keeps it."""
        return {"hash": self.hash, "dtype": self.dtype, "shape": list(self.shape)}

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> Stored:
        """Return what `as_json` gave."""
        return cls(value["hash"], value["dtype"], tuple(value["shape"]))


def store_array(project: Project, array: Array) -> Stored:
    """Write an array, so that it is on disk when this returns.

    array: uint8, uint16, float16 or float32. Raises WriteError, such as on a full disk.
    """
    from zstandard import ZstdCompressor

    raw = _raw(array)
    stored = Stored(_hash(raw), array.dtype.name, array.shape)
    path = voxel_path(project.directory, stored.hash)
    try:
        if _read_raw(path, stored.hash) is None or not _made_new(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, ZstdCompressor(level=_LEVEL).compress(raw))
        for folder in (path.parent, path.parent.parent):
            _flush_folder(folder)
    except OSError as error:
        raise WriteError(
            f"What was drawn cannot be written to {project.directory} ({error.strerror or error}); "
            "what was saved before is untouched: free space there and save again."
        ) from error
    return stored


def load_array(project: Project, stored: Stored) -> Array:
    """Return an array, read-only. Raises ReadError if its file is missing or damaged."""
    raw = _read_raw(voxel_path(project.directory, stored.hash), stored.hash)
    if raw is None:
        raise _lost(project.directory, stored.hash)
    return np.frombuffer(raw, dtype=np.dtype(stored.dtype)).reshape(stored.shape)


def content_hash(array: Array) -> str:
    """Return the hash under which `store_array` keeps an array."""
    return _hash(_raw(array))


def voxel_path(directory: Path, name: str) -> Path:
    """Return the file of a hash."""
    return directory / FOLDER / name[:2] / f"{name}{_SUFFIX}"


def require_all(directory: Path, names: Iterable[str]) -> None:
    """Raise ReadError if the file of a hash is missing or damaged."""
    for name in names:
        if _read_raw(voxel_path(directory, name), name) is None:
            raise _lost(directory, name)


def _lost(directory: Path, name: str) -> ReadError:
    return ReadError(
        f"The voxels {name[:12]} in {directory / FOLDER} are missing or damaged; expected them as "
        "they were saved: restore the project from a backup."
    )


def _raw(array: Array) -> bytes:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()


def _hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _read_raw(path: Path, name: str) -> bytes | None:
    """Return the bytes of a file, or None if it is missing or does not hold what it should."""
    from zstandard import ZstdDecompressor, ZstdError

    try:
        raw: bytes = ZstdDecompressor().decompress(path.read_bytes())
    except (FileNotFoundError, ZstdError):
        return None
    return raw if _hash(raw) == name else None


def _made_new(path: Path) -> bool:
    """Make a file as new as what names it now; False if `fewslice.project.tidying` just took it."""
    try:
        os.utime(path)  # `touch` would leave an empty file in its place
    except FileNotFoundError:
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):  # after the move it is gone
            temporary.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
