"""A project in one file, made while the server runs, and made into a project again.

The tables are read in one transaction, so that they are of one moment; voxels are never changed
once written, so whatever these tables name is there whole. Tables are kept as lines of JSON, which
do not depend on the database: a project on SQLite can be restored on PostgreSQL and the other way
round. Who is logged in or has a scan open is left out.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fewslice.errors import InputError, ReadError
from fewslice.io.atomic import atomic_folder, atomic_path, make_parent
from fewslice.project import opening, voxels
from fewslice.project.database import DATABASE_FILE, Project, connect, reading, utc_now, writing
from fewslice.project.references import voxels_needed
from fewslice.project.scans import list_scans
from fewslice.project.table_files import dump_tables, load_tables
from fewslice.project.tables import SettingTable

SUFFIX = ".tar.zst"

_TABLES = "tables"
_IN_USE = (DATABASE_FILE, f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm")
_LEVEL = 3


@dataclass(frozen=True)
class BackedUp:
    """What is in a backup. outside: scans that lie outside of the project's folder, which are not
    in it: they are recognised by their hash when the project is restored.
    """

    path: Path
    outside: tuple[Path, ...]


def backup(project: Project, target: str | Path) -> BackedUp:
    """Write a project into one file; others may go on working.

    target: a file that ends with .tar.zst. It is complete or not there. Raises InputError for
    another name or a place inside of the project, ReadError if voxels are missing, and WriteError
    if it cannot be written.
    """
    path = Path(target).absolute()
    if not path.name.endswith(SUFFIX):
        raise InputError(f"{path} does not end with {SUFFIX}; choose a name that does.")
    if path.is_relative_to(project.directory):
        raise InputError(f"{path} lies inside of the project; choose a place outside of it.")
    with tempfile.TemporaryDirectory() as temporary, atomic_path(path) as file:
        tables = Path(temporary) / _TABLES
        with reading(project) as session:
            dump_tables(session.connection(), tables)
            needed = voxels_needed(session)
        voxels.require_all(project.directory, needed)
        with _packing(file) as archive:
            archive.add(project.directory / opening.MARKER, opening.MARKER)
            archive.add(tables, _TABLES)
            for name in sorted(needed):
                path_of_voxels = voxels.voxel_path(project.directory, name)
                archive.add(path_of_voxels, path_of_voxels.relative_to(project.directory))
            for each in _others(project.directory):
                archive.add(each, each.relative_to(project.directory).as_posix())
    outside = [each for scan in list_scans(project) for each in scan.paths]
    return BackedUp(path, tuple(p for p in outside if not p.is_relative_to(project.directory)))


def restore(archive: str | Path, directory: str | Path, url: str | None = None) -> Project:
    """Make a project from a backup.

    directory: a new folder; it is complete or not there. url: of an empty PostgreSQL database, or
    None for SQLite. Raises ReadError if the backup is damaged, InputError if there is something in
    the folder or database already, and WriteError if it cannot be written.
    """
    folder = Path(directory).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already and not empty; choose another folder.")
    make_parent(folder)
    with atomic_folder(folder) as temporary:
        _unpack(Path(archive), temporary)
        _load(temporary, url)
    return opening.open_project(folder, url)


def _others(folder: Path) -> list[Path]:
    """Return what else is in a project's folder, such as copies of scans and models."""
    left_out = {opening.MARKER, voxels.FOLDER, _TABLES, *_IN_USE}
    return sorted(
        each
        for each in folder.iterdir()
        if each.name not in left_out and not each.name.startswith(".")
    )


@contextmanager
def _packing(path: Path) -> Iterator[tarfile.TarFile]:
    from zstandard import ZstdCompressor

    with (
        path.open("wb") as file,
        ZstdCompressor(level=_LEVEL).stream_writer(file) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        yield archive


def _unpack(path: Path, folder: Path) -> None:
    """Unpack a backup; nothing in it can land outside of the folder."""
    from zstandard import ZstdDecompressor, ZstdError

    if not path.is_file():
        raise ReadError(f"{path} does not exist; expected a backup of a project.")
    try:
        with (
            path.open("rb") as file,
            ZstdDecompressor().stream_reader(file) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r|") as archive,
        ):
            _extract(archive, folder)
    except (tarfile.TarError, ZstdError, EOFError) as error:
        raise _damaged(path) from error
    if not (folder / _TABLES).is_dir() or not (folder / opening.MARKER).is_file():
        raise _damaged(path)


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Take files out of an archive into a folder, and nothing outside of it."""
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
        return
    for member in archive:  # Python before 3.11.4, which Debian 12 has
        inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
        if not inside or not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name} is no file of a backup.")
        archive.extract(member, folder)


def _load(folder: Path, url: str | None) -> None:
    """Fill the database of a project that was unpacked."""
    project = Project(folder, connect(folder, url), utc_now)
    try:
        with writing(project) as session:
            opening.require_no_tables(session.connection())
            load_tables(session.connection(), folder / _TABLES)
            needed = voxels_needed(session)
            key = session.get_one(SettingTable, "key").value
            voxels.require_all(folder, needed)
    finally:
        project.engine.dispose()
    opening.write_marker(project, key)
    shutil.rmtree(folder / _TABLES)


def _damaged(path: Path) -> ReadError:
    return ReadError(f"{path} is no backup of a project, or is damaged; take an earlier one.")
