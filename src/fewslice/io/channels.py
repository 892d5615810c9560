"""Channels of one scan in files of their own: which files those are, and what joins them.

nnU-Net names them CASE_0000, CASE_0001 and so on; its dataset.json says how many there are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from fewslice.errors import InputError, Remark
from fewslice.io.formats import CASE_SUFFIXES, suffix_of
from fewslice.volumes.channels import composed
from fewslice.volumes.image import Image

CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")
DESCRIPTION = "dataset.json"


@dataclass(frozen=True)
class Beside:
    """The further channels that lie beside a file CASE_0000.

    names: what dataset.json calls all channels, () where it does not say how many there are.
    """

    files: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()


def name_of(path: Path) -> str:
    """Return the name of a file without its suffix, or that of a folder."""
    return path.name if path.is_dir() else path.name[: -len(suffix_of(path)) or None]


def channels_beside(path: Path) -> Beside:
    """Return CASE_0001 and so on beside CASE_0000: as many as dataset.json says, or all there are.

    Nothing is found for files that are not the first of several.
    """
    match = CHANNEL.fullmatch(name_of(path))
    if not match or match["channel"] != "0000" or not path.exists():
        return Beside()
    there: dict[str, Path] = {}
    for other in sorted(path.parent.iterdir()):
        if other.is_dir() == path.is_dir() and (
            other.is_dir() or suffix_of(other) in CASE_SUFFIXES
        ):
            there.setdefault(name_of(other), other)
    files = []
    for number in count(1):
        name = f"{match['case']}_{number:04d}"
        if name not in there:
            break
        files.append(there[name])
    names = described_channels(path.parent)
    return Beside(tuple(files[: len(names) - 1] if names else files), names)


def described_channels(folder: Path) -> tuple[str, ...]:
    """Return what dataset.json in a folder or the one above calls the channels; () if unknown."""
    for place in (folder, folder.absolute().parent):
        described = read_description(place / DESCRIPTION)
        named = described.get("channel_names", described.get("modality"))
        if isinstance(named, Mapping) and named:
            return tuple(str(name) for name in named.values())
    return ()


def read_description(path: Path) -> dict[str, Any]:
    """Return what a dataset.json says; {} if there is none that can be understood."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def joined(images: Sequence[Image], paths: Sequence[Path]) -> Image:
    """Return scans of one patient as the channels of one, on the grid of the first.

    Raises InputError if they are of different patients, GeometryError if they do not overlap.
    """
    first = images[0]
    remarks = []
    for image, path in zip(images[1:], paths[1:], strict=True):
        if _differ("patient", image, first):
            raise InputError(
                f"{path} and {paths[0]} are of different patients; give channels of one patient."
            )
        if _differ("frame_of_reference", image, first):
            remarks.append(
                Remark(
                    "frames-of-reference-differ",
                    f"{path} has another frame of reference than {paths[0]}, so that the two need "
                    "not lie on each other: make sure that they do.",
                )
            )
    found = composed(images, [str(path) for path in paths])
    return Image(found.array, found.geometry, found.stored, (*found.remarks, *remarks))


def _differ(field: str, one: Image, other: Image) -> bool:
    """Whether the headers of two scans in DICOM say that they differ in something."""
    mine, theirs = (
        image.stored.fields.get(field) if image.stored and image.stored.kind == "dicom" else None
        for image in (one, other)
    )
    return bool(mine and theirs and mine != theirs)
