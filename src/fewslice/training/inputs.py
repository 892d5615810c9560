"""Scans with their sparse labels, as people give them, made into what a model can learn from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fewslice.annotation.annotation import drawn_voxels
from fewslice.annotation.finding import find_annotation
from fewslice.engines.base import Scan
from fewslice.errors import FewsliceError, InputError, ReadError
from fewslice.io import read_image, read_labels
from fewslice.io.folder import find_labels, find_scans
from fewslice.io.formats import VOLUME_SUFFIXES, listed
from fewslice.io.scan_files import ScanFiles, read_scan
from fewslice.training.scan import TaskScan
from fewslice.volumes.coerce import AnyArray, on_one_grid
from fewslice.volumes.ignore_label import ignore_remarks, numbering
from fewslice.volumes.image import UNKNOWN, Image, LabelMap

AnyPath = str | os.PathLike[str]
AnyScan = Image | AnyArray | AnyPath | Sequence[AnyPath] | ScanFiles
Pair = tuple[AnyScan, LabelMap | AnyArray | AnyPath]


def pairs_in(images: Path, labels: Path, *, alone: bool = False) -> list[tuple[ScanFiles, Path]]:
    """Return each label map of a folder with its scan in another: CASE.nii.gz, CASE_0000.nii.gz.

    Scans are found as `find_scans` finds them: with all their channels, and also under the very
    name of their labels. Scans without labels are no concern here. alone: take every file for a
    scan of its own. Raises ReadError if a folder is missing or no label map has a scan, and
    InputError if two files claim to be the same case.
    """
    drawn = find_labels(labels)
    scans = {scan.name: scan for scan in find_scans(images, drawn, alone=alone)}
    if not scans.keys() & drawn.keys():
        raise ReadError(
            f"No label map in {labels} has a scan of its name in {images}; expected CASE.nii.gz "
            f"and CASE_0000.nii.gz (or another of {listed(VOLUME_SUFFIXES)})."
        )
    return [(scans.get(name, _missing(images, name)), path) for name, path in drawn.items()]


def _missing(images: Path, name: str) -> ScanFiles:
    """Return the file that should be there: whoever reads it says that it is not."""
    return ScanFiles(name, (images / f"{name}_0000.nii.gz",))


def usable_scans(
    pairs: Sequence[Pair],
    absent_unknown: bool,
    spacing: Sequence[float] | None = None,
    *,
    strict: bool = False,
    ignore_label: int | None = UNKNOWN,
) -> tuple[list[TaskScan], tuple[str, ...]]:
    """Return the scans that can be learned from, and a sentence for each that cannot.

    absent_unknown: whether a label drawn on no slice of a scan was not looked for there. spacing:
    mm per array axis of all scans, in place of what they say themselves. strict, ignore_label: as
    in `fewslice.segment`. Raises InputError if no scan is left.
    """
    read: dict[int, tuple[str, Image, LabelMap]] = {}
    scans: list[TaskScan] = []
    left_out: dict[int, str] = {}
    for number, (image, labels) in enumerate(pairs, start=1):
        name = _name(image, f"scan {number}")
        try:
            read[number] = (name, *_on_one_grid(image, labels, spacing))
        except FewsliceError as error:
            left_out[number] = f"Left out {name}: {error}"
    numbers = numbering(ignore_label, *(drawn for _, _, drawn in read.values()))
    for number, (name, scan, drawn) in read.items():
        try:
            inside = _scan(name, scan, numbers.inside(drawn), absent_unknown, strict)
            remarks = (*inside.remarks, *ignore_remarks(drawn, ignore_label))
            scans.append(replace(inside, numbering=numbers, remarks=remarks))
        except FewsliceError as error:
            left_out[number] = f"Left out {name}: {error}"
    skipped = [left_out[number] for number in sorted(left_out)]
    if not scans:
        first = f" ({skipped[0]})" if skipped else ""
        raise InputError(
            f"There is no annotation to learn from{first}; give scans with labels in which a "
            "structure is drawn on at least one slice."
        )
    return _same_channels(scans, skipped)


def _same_channels(
    scans: list[TaskScan], skipped: list[str]
) -> tuple[list[TaskScan], tuple[str, ...]]:
    wanted = len(scans[0].channels)
    kept = [scan for scan in scans if len(scan.channels) == wanted]
    for scan in scans:
        if len(scan.channels) != wanted:
            skipped.append(
                f"Left out {scan.name}: it has {len(scan.channels)} channels, {scans[0].name} "
                f"has {wanted}."
            )
    return kept, tuple(skipped)


def _on_one_grid(
    image: AnyScan, labels: LabelMap | AnyArray | AnyPath, spacing: Sequence[float] | None
) -> tuple[Image, LabelMap]:
    scan = _read(image)
    on = scan if isinstance(scan, Image) else None
    drawn = read_labels(labels, on) if isinstance(labels, str | os.PathLike) else labels
    return on_one_grid(scan, drawn, spacing, image_is="the scan", labels_are="its label map")


def _scan(name: str, scan: Image, drawn: LabelMap, absent_unknown: bool, strict: bool) -> TaskScan:
    if not drawn_voxels(drawn.array).any():
        raise InputError("nothing is drawn on it (every voxel of its labels is 0 or 255).")
    annotation = find_annotation(drawn.array, scan.geometry, strict=strict)
    looked_for = annotation.drawn_values if absent_unknown else None
    remarks = (*scan.remarks, *drawn.remarks)
    return TaskScan(name, Scan.of(scan), annotation, looked_for, remarks, segments=drawn.segments)


def _read(image: AnyScan) -> Image | AnyArray:
    if isinstance(image, ScanFiles):
        return read_scan(image)
    return image if isinstance(image, Image | np.ndarray) else read_image(image)


def _name(image: AnyScan, otherwise: str) -> str:
    if isinstance(image, ScanFiles):
        return str(image.images[0])
    if isinstance(image, list | tuple) and image:
        return str(image[0])
    return str(image) if isinstance(image, str | os.PathLike) else otherwise
