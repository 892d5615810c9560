"""Fully labelled datasets in the nnU-Net convention: which cases, structures and files there are.

``dataset.json`` names the labels, ``images{part}/CASE_0000.nii.gz`` holds channel 0 of a case
(further channels are _0001 and so on) and ``labels{part}/CASE.nii.gz`` its labels. Every suffix
that `fewslice.volumes` reads is found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fewslice.errors import FewsliceError, InputError, ReadError, without
from fewslice.io import read_image, read_labels
from fewslice.io.channels import CHANNEL, name_of
from fewslice.io.formats import CASE_SUFFIXES, VOLUME_SUFFIXES, listed, suffix_of
from fewslice.io.names.nnunet import parse_values
from fewslice.typing import BoolArray
from fewslice.volumes import Image, LabelMap, structure_values
from fewslice.volumes.channels import composed
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.image import LabelArray
from fewslice.volumes.spacing import Spacing


@dataclass(frozen=True)
class Structure:
    """Something labelled: its name, and the label values that make it up (mostly one)."""

    name: str
    values: tuple[int, ...]

    def mask(self, labels: LabelArray) -> BoolArray:
        """Return where the structure is: bool (i, j, k)."""
        mask: BoolArray = labels == self.values[0]
        for value in self.values[1:]:
            mask |= labels == value
        return mask


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case.

    images: one file per channel. structures: those of the dataset, or None if it does not name
    them. known: names of the structures outlined in this case, or None if all were. spacing: mm per
    array axis, in place of what the files say. chosen: whether images are some of its channels,
    so that the first of them need not be the one that the labels were drawn on.
    """

    name: str
    images: tuple[Path, ...]
    labels: Path
    structures: tuple[Structure, ...] | None = None
    known: frozenset[str] | None = None
    spacing: Spacing | None = None
    chosen: bool = False

    def structures_in(self, labels: LabelArray) -> tuple[Structure, ...]:
        """Return the structures to look for; where unnamed, the values present, named by value."""
        if self.structures is not None:
            return self.structures
        return tuple(Structure(str(value), (value,)) for value in structure_values(labels))

    def knows(self, structure: Structure) -> bool:
        """Whether the structure was outlined in this case; if not, it is unknown there."""
        return self.known is None or structure.name in self.known


@dataclass(frozen=True)
class Dataset:
    """A part of a dataset. digest: of dataset.json, to notice that it changed. cases: by name."""

    name: str
    part: str
    digest: str
    cases: tuple[CaseFiles, ...]

    def with_channels(self, channels: Sequence[int]) -> Dataset:
        """Return it with these channels of every image, in this order, counted from 0.

        Raises InputError if a case has fewer channels.
        """
        return replace(self, cases=tuple(_with_channels(case, channels) for case in self.cases))


def find_dataset(
    folder: Path, part: str = "Ts", most: int | None = None, spacing: Spacing | None = None
) -> Dataset:
    """Find the cases of one part of a dataset, without reading a volume.

    folder: holds dataset.json. part: "Ts" for imagesTs and labelsTs. most: keep the first cases
    only, by name. spacing: mm per array axis of all cases, in place of what their files say.

    Raises ReadError if dataset.json, a folder or the image of a case is missing, and InputError if
    dataset.json does not name its labels in a way that can be understood.
    """
    described, digest = _description(folder)
    structures = _structures(described.get("labels"), folder)
    annotated = _annotated(described.get("annotated"), structures, folder)
    found = _label_files(folder / f"labels{part}")
    images = _image_files(folder / f"images{part}")
    labels = {_case(name, images): path for name, path in found.items()}
    cases = tuple(
        CaseFiles(
            name,
            _channels(images.get(name, {}), name, folder / f"images{part}"),
            labels[name],
            structures,
            None if annotated is None else annotated.get(name, frozenset()),
            spacing,
        )
        for name in sorted(labels)[:most]
    )
    return Dataset(folder.resolve().name, part, digest, cases)


def read_case(case: CaseFiles) -> tuple[Image, LabelMap]:
    """Read the image and labels of a case; several channels become a leading axis, on the grid of
    the first.

    Both are in the order and extent of the labels, as for `segment`. The image's remarks are those
    on both. Raises what `fewslice.volumes` raises for damaged files, and GeometryError if the first
    image and the labels of a case are not the same voxels.
    """
    image = read_image(case.images)
    labels = read_labels(case.labels, None if case.chosen else image)
    if case.chosen and not image.geometry.same_grid(labels.geometry):
        drawn_on = Image(labels.array, labels.geometry, labels.stored)
        both = composed([drawn_on, image], [str(case.labels), str(case.images[0])])
        image = replace(both, array=both.array[1:])
    first = f"the image {case.images[0]}"
    image, labels = on_one_grid(
        image, labels, case.spacing, image_is=first, labels_are=f"the label map {case.labels}"
    )
    # What structures are called makes no difference here.
    read = without((*image.remarks, *labels.remarks), "names-unclear")
    return replace(image, remarks=read), replace(labels, remarks=())


def remarks_on(cases: Iterable[CaseFiles]) -> dict[str, str]:
    """Return what was assumed to read cases, by name, where that is not plain.

    Cases that cannot be read are left to whoever uses them.
    """
    found = {}
    for case in cases:
        with suppress(FewsliceError):
            image, _ = read_case(case)
            if image.remarks:
                found[case.name] = " ".join(image.remarks)
    return found


def _with_channels(case: CaseFiles, channels: Sequence[int]) -> CaseFiles:
    count = len(case.images)
    missing = [channel for channel in channels if channel >= count]
    if missing:
        there = "only channel 0" if count == 1 else f"only channels 0 to {count - 1}"
        raise InputError(
            f"There is no channel {missing[0]} of {case.name}, which has {there}; name channels "
            "that all cases have."
        )
    return replace(case, images=tuple(case.images[channel] for channel in channels), chosen=True)


def _description(folder: Path) -> tuple[Mapping[str, Any], str]:
    path = folder / "dataset.json"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReadError(
            f"{path} cannot be read ({error.strerror}); expected a dataset in the nnU-Net "
            "convention: a folder with dataset.json, imagesTs and labelsTs."
        ) from error
    try:
        described = json.loads(content)
    except ValueError as error:
        raise ReadError(f"{path} is not valid JSON ({error}); repair it.") from error
    if not isinstance(described, dict):
        raise ReadError(f"{path} holds no JSON object; expected one with the entry 'labels'.")
    return described, hashlib.sha256(content).hexdigest()[:16]


def _structures(labels: object, folder: Path) -> tuple[Structure, ...] | None:
    """Return the structures named in dataset.json; None if it describes its labels as text."""
    if labels is None or isinstance(labels, str):
        return None
    try:
        named = parse_values(labels)
    except (TypeError, ValueError):
        named = {}
    if not named:
        raise InputError(
            f"The labels in {folder / 'dataset.json'} cannot be understood; expected "
            '{"background": 0, "NAME": VALUE, ...} or a plain text.'
        )
    found = (Structure(name, values) for name, values in named.items())
    return tuple(each for each in found if each.values != (0,) and each.name != "ignore")


def _annotated(
    annotated: object, structures: tuple[Structure, ...] | None, folder: Path
) -> dict[str, frozenset[str]] | None:
    """Return which structures were outlined in each case; None if all were in every case."""
    if annotated is None:
        return None
    path = folder / "dataset.json"
    if not isinstance(annotated, dict) or not all(isinstance(v, list) for v in annotated.values()):
        raise InputError(
            f"'annotated' in {path} cannot be understood; expected "
            '{"CASE": ["STRUCTURE", ...], ...}.'
        )
    found = {case: frozenset(map(str, names)) for case, names in annotated.items()}
    if structures is not None:
        listed_names = frozenset().union(*found.values())
        stray = sorted(listed_names - {structure.name for structure in structures})
        if stray:
            raise InputError(
                f"'annotated' in {path} lists {stray[0]!r}, which is none of its labels; correct "
                "the name."
            )
    return found


def _volume_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ReadError(
            f"{folder} is not a folder; expected the volumes of the dataset's part there: check "
            "the path and --part."
        )
    return sorted(
        path
        for path in folder.iterdir()
        if suffix_of(path) in CASE_SUFFIXES and not path.name.startswith(".")
    )


def _case(name: str, images: Mapping[str, object]) -> str:
    """Return the case of a label map: its name, or that without _0000 if only this has images."""
    case = name.removesuffix("_0000")
    return case if name not in images and case in images else name


def _label_files(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in _volume_files(folder):
        if name_of(path) in files:
            raise InputError(
                f"{folder} holds labels of {name_of(path)} twice ({files[name_of(path)].name} and "
                f"{path.name}); remove one of them."
            )
        files[name_of(path)] = path
    if not files:
        raise ReadError(
            f"{folder} holds no label map; expected files ending with {listed(VOLUME_SUFFIXES)}."
        )
    return files


def _image_files(folder: Path) -> dict[str, dict[int, Path]]:
    """Return the image files of each case by channel number; an image without one is the first."""
    files: dict[str, dict[int, Path]] = {}
    plain: dict[str, dict[int, Path]] = {}
    for path in _volume_files(folder):
        match = CHANNEL.fullmatch(name_of(path))
        if match:
            files.setdefault(match["case"], {})[int(match["channel"])] = path
        else:
            plain[name_of(path)] = {0: path}
    return {**plain, **files}


def _channels(files: Mapping[int, Path], case: str, folder: Path) -> tuple[Path, ...]:
    for channel in range(max(files, default=0) + 1):
        if channel not in files:
            raise ReadError(
                f"{folder} holds no image {case}_{channel:04d} (such as "
                f"{case}_{channel:04d}.nii.gz) for the labels of {case}; add it or remove the "
                "labels."
            )
    return tuple(files[channel] for channel in sorted(files))
