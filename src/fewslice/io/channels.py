"""Channels of one scan in files of their own: which files those are, and what joins them.

nnU-Net names them CASE_0000, CASE_0001 and so on; its dataset.json says how many there are. Where
none says that, the digits may number scans as well: see `channels_beside` and `why_other_scans`.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from fewslice.errors import InputError, Remark
from fewslice.io.formats import CASE_SUFFIXES, SEGMENTATION_SUFFIX, suffix_of
from fewslice.volumes.channels import composed, overlap
from fewslice.volumes.image import Image
from fewslice.volumes.readings import is_placed

CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")
DESCRIPTION = "dataset.json"
MOST_CHANNELS = 8  # where no dataset.json counts them; more files in a row are scans

_LEAST_OVERLAP = 0.5  # of the smaller field of view


@dataclass(frozen=True)
class Beside:
    """The further channels that lie beside a file CASE_0000.

    names: what dataset.json calls all channels, () where it does not say how many there are.
    others: files that follow by number, but are too many to be channels.
    """

    files: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()
    others: tuple[Path, ...] = ()


def name_of(path: Path) -> str:
    """Return the name of a file without its suffix, or that of a folder."""
    return path.name if path.is_dir() else path.name[: -len(suffix_of(path)) or None]


def channels_beside(path: Path, labels: Path | None = None) -> Beside:
    """Return CASE_0001 and so on beside CASE_0000: as many as dataset.json says, or all there are.

    labels: where those of CASE_0000 are. Where there are labels of CASE_0001, or more than eight
    files that no dataset.json counts, the digits number scans, and nothing is found; neither is it
    for files that are not the first of several.
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
    if any(is_labelled(file, labels) for file in files):
        return Beside()
    names = described_channels(path.parent)
    if names:
        return Beside(tuple(files[: len(names) - 1]), names)
    if len(files) >= MOST_CHANNELS:
        return Beside(others=tuple(files))
    return Beside(tuple(files))


def is_labelled(image: Path, labels: Path | None = None) -> bool:
    """Whether there are labels of CASE_0001: it is a scan then, not a channel of CASE_0000.

    They are looked for as 3D Slicer's segmentation beside it, in folders such as labelsTr beside
    its own, and where `labels` are, those of CASE_0000.
    """
    name, own = name_of(image), image.absolute().parent
    if (own / f"{name}{SEGMENTATION_SUFFIX}").exists():
        return True
    places = {each for each in own.parent.glob("[Ll]abel*") if each.is_dir()}
    if labels is not None:
        places.add(labels.absolute().parent)
    return any(
        name_of(found) == name and suffix_of(found) in CASE_SUFFIXES
        for place in sorted(places - {own})
        for found in place.glob(f"{glob.escape(name)}.*")
    )


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


def why_other_scans(images: Sequence[Image]) -> str:
    """Return why files that follow each other by number cannot be channels of the first; "" if they
    can. What says so: patients, places, and voxels that lie elsewhere.
    """
    first = images[0]
    for other in images[1:]:
        if _differ("patient", other, first):
            return "they are of different patients"
        if not (is_placed(other) and is_placed(first)):
            if other.geometry.shape != first.geometry.shape:
                return "they have other voxels and do not say where these lie"
        elif overlap(other.geometry, first.geometry) < _LEAST_OVERLAP:
            return "they hardly show the same place"
    return ""


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
