"""Folders of scans, as nnU-Net lays them out or as they come, and the labels that go with them.

A file is a scan, named as the file without its suffix; ``CASE_0000.nii.gz``, ``CASE_0001.nii.gz``
and so on are the channels of one scan, CASE. A folder with DICOM files in it is a scan named as the
folder. Labels have the name of their scan: ``CASE.nii.gz``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from fewslice.errors import InputError, ReadError
from fewslice.io import read_image
from fewslice.io.dicom.series import is_dicom
from fewslice.io.formats import VOLUME_SUFFIXES, listed, suffix_of
from fewslice.io.oct.read import is_oct
from fewslice.volumes import Image, require_same_grid

_CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")
_LOOKED_AT = 3  # files of a folder, to see whether it holds DICOM


@dataclass(frozen=True)
class ScanFiles:
    """One scan of a folder. name: of the case. images: one file (or DICOM folder) a channel."""

    name: str
    images: tuple[Path, ...]


def find_scans(folder: Path) -> tuple[ScanFiles, ...]:
    """Return the scans in a folder by name; no volume is read.

    Raises ReadError if there is no such folder, if it cannot be read or holds no scan, and
    InputError if two files claim to be the same scan.
    """
    files: dict[str, Path] = {}
    for path in _entries(folder):
        name = _name(path)
        if name in files:
            raise _twice(folder, files[name], path)
        files[name] = path
    if not files:
        raise ReadError(
            f"{folder} holds no scan; expected files ending with {listed(VOLUME_SUFFIXES)}, or "
            "folders of DICOM files."
        )
    channels: dict[str, list[str]] = {}
    scans: list[ScanFiles] = []
    for name in sorted(files):
        match = _CHANNEL.fullmatch(name)
        if match:
            channels.setdefault(match["case"], []).append(name)
        else:
            scans.append(ScanFiles(name, (files[name],)))
    for case, names in channels.items():
        if names == [f"{case}_{number:04d}" for number in range(len(names))]:
            scans.append(ScanFiles(case, tuple(files[name] for name in names)))
        else:  # four digits that are no channels, such as those of a year
            scans += [ScanFiles(name, (files[name],)) for name in names]
    taken: dict[str, ScanFiles] = {}
    for scan in scans:
        if scan.name in taken:
            raise _twice(folder, taken[scan.name].images[0], scan.images[0])
        taken[scan.name] = scan
    return tuple(taken[name] for name in sorted(taken))


def find_labels(folder: Path) -> dict[str, Path]:
    """Return the label maps in a folder by the name of their case; there may be none.

    Raises ReadError if there is no such folder or it cannot be read, and InputError if two files
    claim to be of the same case.
    """
    found: dict[str, Path] = {}
    for path in _entries(folder):
        if suffix_of(path) in VOLUME_SUFFIXES:
            name = _name(path)
            if name in found:
                raise _twice(folder, found[name], path)
            found[name] = path
    return found


def named_scan(path: Path) -> ScanFiles:
    """Return a single file or DICOM folder as a scan; ``CASE_0000`` is CASE."""
    match = _CHANNEL.fullmatch(_name(path))
    return ScanFiles(
        match["case"] if match and match["channel"] == "0000" else _name(path), (path,)
    )


def read_scan(scan: ScanFiles) -> Image:
    """Read a scan; several channels become a leading axis.

    Raises what `read_image` raises, and GeometryError if channels lie on different grids.
    """
    images = [read_image(path) for path in scan.images]
    first = images[0]
    if len(images) == 1:
        return first
    for path, image in zip(scan.images[1:], images[1:], strict=True):
        require_same_grid(image.geometry, first.geometry, f"{path}", f"{scan.images[0]}")
    return Image(np.concatenate([image.channels for image in images]), first.geometry, first.stored)


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ReadError(f"{folder} is not a folder; expected one with a file for each case.")
    try:
        return sorted(
            path
            for path in folder.absolute().iterdir()  # workers may be elsewhere
            if not path.name.startswith(".") and (_is_volume(path) or _is_series(path))
        )
    except OSError as error:
        raise ReadError(
            f"{folder} or something in it cannot be read ({error.strerror or error}); allow that, "
            "or move it away."
        ) from error


def _is_volume(path: Path) -> bool:
    return path.is_file() and (suffix_of(path) in VOLUME_SUFFIXES or is_oct(path))


def _is_series(path: Path) -> bool:
    if not path.is_dir():
        return False
    files = (each for each in sorted(path.iterdir()) if each.is_file())
    return any(is_dicom(each) for each in islice(files, _LOOKED_AT))


def _name(path: Path) -> str:
    return path.name if path.is_dir() else path.name[: -len(suffix_of(path)) or None]


def _twice(folder: Path, one: Path, other: Path) -> InputError:
    return InputError(
        f"{folder} holds the same case twice ({one.name} and {other.name}); remove one of them."
    )
