"""Scans with their sparse labels, as people give them, made into what a model can learn from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fewslice.errors import FewsliceError, InputError, ReadError
from fewslice.slices.annotation import drawn_voxels, find_annotation
from fewslice.training.task_scan import TaskScan
from fewslice.volumes import read_image, read_labels
from fewslice.volumes.formats import VOLUME_SUFFIXES, listed, suffix_of
from fewslice.volumes.image import Image, LabelMap
from fewslice.workflow.grids import AnyArray, on_one_grid

AnyPath = str | os.PathLike[str]
Pair = tuple[Image | AnyArray | AnyPath, LabelMap | AnyArray | AnyPath]

_CHANNEL = "_0000"


def pairs_in(images: Path, labels: Path) -> list[tuple[Path, Path]]:
    """Return each label map of a folder with its scan in another: CASE.nii.gz, CASE_0000.nii.gz.

    A scan may also have the very name of its labels. Scans without labels are no concern here.
    Raises ReadError if a folder is missing or no label map has a scan.
    """
    for folder in (images, labels):
        if not folder.is_dir():
            raise ReadError(f"{folder} is not a folder; expected one with volumes.")
    scans = {_stem(path): path for path in sorted(images.iterdir()) if _is_volume(path)}
    found = []
    for path in sorted(labels.iterdir()):
        if _is_volume(path):
            name = _stem(path)
            scan = scans.get(f"{name}{_CHANNEL}", scans.get(name))
            found.append((scan or images / f"{name}{_CHANNEL}.nii.gz", path))
    if not any(scan.exists() for scan, _ in found):
        raise ReadError(
            f"No label map in {labels} has a scan of its name in {images}; expected CASE.nii.gz "
            f"and CASE_0000.nii.gz (or another of {listed(VOLUME_SUFFIXES)})."
        )
    return found


def usable_scans(
    pairs: Sequence[Pair], absent_unknown: bool
) -> tuple[list[TaskScan], tuple[str, ...]]:
    """Return the scans that can be learned from, and a sentence for each that cannot.

    absent_unknown: whether a label drawn on no slice of a scan was not looked for there. Raises
    InputError if no scan is left.
    """
    scans: list[TaskScan] = []
    skipped: list[str] = []
    for number, (image, labels) in enumerate(pairs, start=1):
        name = str(image) if isinstance(image, str | os.PathLike) else f"scan {number}"
        try:
            scans.append(_scan(name, image, labels, absent_unknown))
        except FewsliceError as error:
            skipped.append(f"Left out {name}: {error}")
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


def _scan(
    name: str,
    image: Image | AnyArray | AnyPath,
    labels: LabelMap | AnyArray | AnyPath,
    absent_unknown: bool,
) -> TaskScan:
    scan = read_image(image) if isinstance(image, str | os.PathLike) else image
    drawn = read_labels(labels) if isinstance(labels, str | os.PathLike) else labels
    scan, drawn = on_one_grid(scan, drawn, image_is="the scan", labels_are="its label map")
    if not drawn_voxels(drawn.array).any():
        raise InputError("nothing is drawn on it (every voxel of its labels is 0 or 255).")
    annotation = find_annotation(drawn.array, scan.geometry)
    looked_for = annotation.drawn_values if absent_unknown else None
    return TaskScan(name, scan.channels, scan.geometry, annotation, looked_for)


def _is_volume(path: Path) -> bool:
    return suffix_of(path) in VOLUME_SUFFIXES and not path.name.startswith(".")


def _stem(path: Path) -> str:
    return path.name[: -len(suffix_of(path))]
