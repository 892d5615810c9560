"""The files of a scan: recognised by what is in them, and never changed.

A file that has its size and time of change still counts as unchanged; else it is read and compared
by its hash, so that copying a project to another disk does no harm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fewslice.errors import ReadError
from fewslice.io.dicom.choice import series_files
from fewslice.io.dicom.files import files_within, is_dicom
from fewslice.io.formats import PAIR_SUFFIXES, suffix_of

_CHUNK = 1 << 20
_IN_PARTS = (".mhd", ".nhdr", *PAIR_SUFFIXES)  # the voxels lie in another file of that name


@dataclass(frozen=True)
class ScanFile:
    """A file or folder. path: absolute, or within the project's folder. marks: size and time of
    change in ns of every file in it, in order of their names.
    """

    path: str
    hash: str
    marks: tuple[tuple[int, int], ...]

    def as_json(self) -> dict[str, object]:
        """Return it as the database keeps it."""
        return {"path": self.path, "hash": self.hash, "marks": [list(mark) for mark in self.marks]}


def of_json(value: dict[str, object]) -> ScanFile:
    """Return what `ScanFile.as_json` gave."""
    marks = value["marks"]
    pairs = tuple((int(size), int(time)) for size, time in marks) if isinstance(marks, list) else ()
    return ScanFile(str(value["path"]), str(value["hash"]), pairs)


def described(path: Path, stored_as: str) -> ScanFile:
    """Return a file or folder with its hash. Raises ReadError if it cannot be read."""
    return ScanFile(stored_as, content_hash(path), _marks(path))


def joint_hash(files: Sequence[ScanFile]) -> str:
    """Return the hash of a scan, whose channels are these files."""
    if len(files) == 1:
        return files[0].hash
    return hashlib.sha256("".join(each.hash for each in files).encode()).hexdigest()


def require_unchanged(file: ScanFile, path: Path) -> None:
    """Raise ReadError if a file is missing, or does not hold what it did when it was added."""
    if not path.exists():
        raise ReadError(
            f"{path} is missing; expected the scan as it was added to the project: put it back "
            "there, or tell the project its new place with: fewslice project move"
        )
    if _marks(path) != file.marks and content_hash(path) != file.hash:
        raise ReadError(
            f"{path} has changed since it was added to the project, so what was drawn may not fit "
            "it; put the file back as it was, or add the new one as another scan."
        )


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file; of several parts or a folder, of their names and contents."""
    try:
        found = parts(path)
        if found == [path]:
            return _hash_of(path).hexdigest()
        whole = hashlib.sha256()
        for each in found:
            name = each.relative_to(path).as_posix() if path.is_dir() else each.name
            whole.update(f"{name}\0".encode())
            whole.update(_hash_of(each).digest())
        return whole.hexdigest()
    except OSError as error:
        raise ReadError(
            f"{path} cannot be read ({error.strerror or error}); check its permissions."
        ) from error


def _hash_of(path: Path) -> hashlib._Hash:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found


def parts(path: Path) -> list[Path]:
    """Return all files that a scan consists of: those of a folder, header and voxels, or the slices
    of the series that a DICOM file stands for.
    """
    if path.is_dir():
        linked = files_within(path)
        return sorted({*linked, *(each for each in path.rglob("*") if each.is_file())})
    if is_dicom(path):
        return series_files(path)
    suffix = suffix_of(path)
    if suffix not in _IN_PARTS:
        return [path]
    stem = path.name[: -len(suffix)]
    return sorted(
        each
        for each in path.parent.iterdir()
        if each.is_file() and each.name.startswith(f"{stem}.")
    )


def _marks(path: Path) -> tuple[tuple[int, int], ...]:
    states = [each.stat() for each in parts(path)]
    return tuple((state.st_size, state.st_mtime_ns) for state in states)
