"""Folders of scans, as nnU-Net lays them out or as they come, and the labels that go with them.

A file is a scan, named as the file without its suffix; ``CASE_0000.nii.gz``, ``CASE_0001.nii.gz``
and so on are the channels of one scan, CASE. A folder with DICOM files in it is a scan named as the
folder. Labels have the name of their scan: ``CASE.nii.gz``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from fewslice.errors import InputError, ReadError
from fewslice.io.channels import CHANNEL, MOST_CHANNELS, described_channels, is_labelled, name_of
from fewslice.io.dicom.files import is_dicom
from fewslice.io.formats import (
    CASE_SUFFIXES,
    PICTURE_SUFFIXES,
    SEGMENTATION_SUFFIX,
    VOLUME_SUFFIXES,
    listed,
    suffix_of,
)
from fewslice.io.oct.read import is_oct
from fewslice.io.scan_files import ScanFiles

_LOOKED_AT = 3  # files of a folder, to see whether it holds DICOM


def find_scans(
    folder: Path, labelled: Collection[str] = (), *, alone: bool = False
) -> tuple[ScanFiles, ...]:
    """Return the scans in a folder by name; no volume is read.

    labelled: names of label maps; where there is one of CASE_0001, the digits number scans, not
    channels. So they do in more than eight files in a row that no dataset.json counts. alone: take
    every file for a scan of its own. Raises ReadError if there is no such folder, if it cannot be
    read or holds no scan, and InputError if two files claim to be the same scan.
    """
    files = _files(folder)
    channels: dict[str, list[str]] = {}
    scans: list[ScanFiles] = []
    for name in sorted(files):
        match = None if alone else CHANNEL.fullmatch(name)
        if match:
            channels.setdefault(match["case"], []).append(name)
        else:
            scans.append(ScanFiles(name, (files[name],)))
    most = len(described_channels(folder)) or MOST_CHANNELS
    for case, names in channels.items():
        numbered = names == [f"{case}_{number:04d}" for number in range(len(names))]
        further = names[1:]
        scanned = set(further) & set(labelled) or any(is_labelled(files[name]) for name in further)
        if numbered and not scanned and len(names) <= most:
            scans.append(ScanFiles(case, tuple(files[name] for name in names)))
        else:  # four digits that are no channels, such as those of a year
            scans += [ScanFiles(name, (files[name],)) for name in names]
    taken: dict[str, ScanFiles] = {}
    for scan in scans:
        if scan.name in taken:
            raise _twice(folder, taken[scan.name].images[0], scan.images[0])
        taken[scan.name] = scan
    return tuple(taken[name] for name in sorted(taken))


def _files(folder: Path) -> dict[str, Path]:
    """Return what is in a folder by its name, channels apart."""
    files: dict[str, Path] = {}
    for path in sorted(_entries(folder), key=_is_secondary):
        if suffix_of(path) == SEGMENTATION_SUFFIX:
            continue  # lies beside the scan that it was drawn on
        name = name_of(path)
        if name in files and _is_secondary(path):
            continue
        if name in files:
            raise _twice(folder, files[name], path)
        files[name] = path
    if not files:
        raise ReadError(
            f"{folder} holds no scan; expected files ending with {listed(VOLUME_SUFFIXES)} (or "
            "another format that can be read), or folders of DICOM files or of pictures."
        )
    return files


def find_labels(folder: Path) -> dict[str, Path]:
    """Return the label maps in a folder by the name of their case; there may be none.

    Raises ReadError if there is no such folder or it cannot be read, and InputError if two files
    claim to be of the same case.
    """
    found: dict[str, Path] = {}
    for path in sorted(_entries(folder), key=_is_scan):
        if suffix_of(path) in CASE_SUFFIXES and path.is_file():
            name = name_of(path)
            if name not in found:
                found[name] = path
            elif suffix_of(found[name]) != SEGMENTATION_SUFFIX or not _is_scan(path):
                raise _twice(folder, found[name], path)
    return _without_channel(folder, found)


def _is_secondary(path: Path) -> bool:
    """Whether a file shows or repeats a scan of the same name, if there is one."""
    return path.is_file() and suffix_of(path) not in VOLUME_SUFFIXES


def _is_scan(path: Path) -> bool:
    """Whether a file is the scan, if one of 3D Slicer's segmentations has the same name."""
    return suffix_of(path) != SEGMENTATION_SUFFIX


def _without_channel(folder: Path, found: dict[str, Path]) -> dict[str, Path]:
    """Return labels by case: CASE_0000, named after the first channel of its scan, is of CASE."""
    cases: dict[str, Path] = {}
    for name, path in found.items():
        match = CHANNEL.fullmatch(name)
        first = match and match["channel"] == "0000" and f"{match['case']}_0001" not in found
        case = match["case"] if match and first else name
        if case in cases:
            raise _twice(folder, cases[case], path)
        cases[case] = path
    return dict(sorted(cases.items()))


def read_as(
    scans: Sequence[ScanFiles], series: int | str | None, fill_gaps: bool
) -> tuple[ScanFiles, ...]:
    """Return scans of a folder with what a person says of reading them, as in `read_image`.

    A series is meant for folders and files of OCT devices, which hold several; others are one.
    Raises InputError if it is meant for none of them.
    """
    if series is None:
        return tuple(replace(scan, fill_gaps=fill_gaps) for scan in scans)
    several = [path.is_dir() or is_oct(path) for path in (each.images[0] for each in scans)]
    if not any(several):
        raise InputError(
            f"A series was chosen, but none of the {len(scans)} scans is a DICOM folder or a file "
            "of an OCT device; leave out --series."
        )
    return tuple(
        replace(scan, series=series if chosen else None, fill_gaps=fill_gaps)
        for scan, chosen in zip(scans, several, strict=True)
    )


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ReadError(f"{folder} is not a folder; expected one with a file for each case.")
    try:
        inside = sorted(
            path
            for path in folder.absolute().iterdir()  # workers may be elsewhere
            if not path.name.startswith(".")
        )
        scans = [path for path in inside if _is_volume(path) or _holds(path, is_dicom)]
        # Beside scans, a folder of pictures shows them; alone, it is one.
        return scans or [path for path in inside if _holds(path, _is_picture)]
    except OSError as error:
        raise ReadError(
            f"{folder} or something in it cannot be read ({error.strerror or error}); allow that, "
            "or move it away."
        ) from error


def _is_volume(path: Path) -> bool:
    return path.is_file() and (suffix_of(path) in CASE_SUFFIXES or is_oct(path))


def _holds(path: Path, wanted: Callable[[Path], bool]) -> bool:
    """Whether a folder begins with files that are wanted."""
    if not path.is_dir():
        return False
    files = (each for each in sorted(path.rglob("*")) if each.is_file())
    return any(wanted(each) for each in islice(files, _LOOKED_AT))


def _is_picture(path: Path) -> bool:
    return suffix_of(path) in PICTURE_SUFFIXES


def _twice(folder: Path, one: Path, other: Path) -> InputError:
    return InputError(
        f"{folder} holds the same case twice ({one.name} and {other.name}); remove one of them."
    )
