"""Label maps as the plugins send and read them: values by name, voxels without a header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import InputError
from fewslice.io import nrrd, read_labels, write_labels
from fewslice.io.formats import VOLUME_SUFFIXES, listed
from fewslice.project.database import Project
from fewslice.project.structures import (
    MAX_STRUCTURES,
    Structure,
    add_structure,
    list_structures,
)
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.image import UNKNOWN, LabelArray

_WIDTHS = {1: "<u1", 2: "<u2", 4: "<i4"}
_BACKGROUND = "background"
_RAW = ("uint8", "uint16", "int16", "int32", "float32")


def read_sent(path: Path, image: Image) -> LabelMap:
    """Read what a client sent: a file of any format, or voxels alone, in the order of the scan.

    Raises ReadError or InputError.
    """
    if path.suffix != ".bin":
        return read_labels(path, image)
    voxels = int(np.prod(image.geometry.shape))
    raw = path.read_bytes()
    kind = _WIDTHS.get(len(raw) // voxels) if len(raw) % voxels == 0 else None
    if kind is None:
        raise InputError(
            f"{len(raw):,} bytes of voxels were sent; expected 1, 2 or 4 for each of the "
            f"{voxels:,} voxels of the scan."
        )
    array = np.frombuffer(raw, kind).reshape(image.geometry.shape, order="F")
    if array.min() < 0 or array.max() > np.iinfo(np.uint16).max:
        raise InputError("The voxels that were sent are no labels; expected 0 to 65,535.")
    return LabelMap(array.astype(np.uint16), image.geometry, image.stored)


def named_in(params: Mapping[str, Any]) -> dict[int, str]:
    """Return the names of labels that a client sent along as ``label_info``.

    3D Slicer counts segments in its own order, so only the names say which structure is meant.
    Raises InputError if it is no list of objects, or counts segments in a way that does not say
    which voxels are theirs: by ``segmentIndex`` OHIF's extension has meant several things.
    """
    given = params.get("label_info") or []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise InputError("label_info is not a list of objects; send what the plugin sends.")
    names: dict[int, str] = {}
    for each in given:
        name, value = each.get("name"), each.get("idx")
        if isinstance(name, str) and name.strip() and type(value) is int and value > 0:
            names[value] = name.strip()[:200]
    if not names and any("segmentIndex" in each for each in given):
        raise InputError(
            "label_info counts segments by segmentIndex, which does not say what value their "
            "voxels have; send idx, or draw on the project's page or in 3D Slicer."
        )
    return names


def as_in_project(project: Project, labels: LabelMap, names: Mapping[int, str]) -> LabelMap:
    """Return labels by the project's numbers; structures that it does not have are added.

    names: of the values, from the client; without any, those in the file. Where both say nothing,
    values are the project's own. Values that a client leaves out of its names, such as scribbles,
    count as not drawn.
    """
    known = {value: name for value, name in labels.names.items() if value in labels.values}
    names = names or known
    if not names:
        return labels
    new = np.zeros(max(int(labels.array.max()), UNKNOWN) + 1, dtype=np.uint16)
    new[UNKNOWN] = UNKNOWN
    for value in labels.values:
        if value in names and names[value].lower() != _BACKGROUND:
            new[value] = _value_of(project, names[value], value)
    return replace(labels, array=new[labels.array], segments=())


def _value_of(project: Project, name: str, wanted: int) -> int:
    """Return the number of a structure, which is added if the project does not have it."""
    there = list_structures(project)
    for each in there:
        if each.name.lower() == name.lower():
            return each.value
    free = set(range(1, MAX_STRUCTURES + 1)) - {each.value for each in there}
    if not free:
        raise InputError(
            f"There is no number left for the structure {name!r}; a project holds "
            f"{MAX_STRUCTURES} at most."
        )
    value = wanted if wanted in free else min(free)
    return add_structure(project, Structure(value, name)).value


def write_answer(path: Path, labels: LabelMap, asked: Mapping[str, Any]) -> Path:
    """Write labels as a client asked for: path with its suffix, type of voxels, compression.

    OHIF's client reads only NRRD that is not compressed. Raises InputError for what is not known.
    """
    suffix = str(asked.get("result_extension") or ".nii.gz")
    kind = str(asked.get("result_dtype") or "uint8")
    if suffix not in VOLUME_SUFFIXES:
        raise InputError(f"result_extension is {suffix!r}; ask for {listed(VOLUME_SUFFIXES)}.")
    if kind not in _RAW:
        raise InputError(f"result_dtype is {kind!r}; ask for {listed(_RAW)}.")
    path = path.with_name(path.name + suffix)
    if suffix == ".nrrd" and asked.get("result_compress") is False:
        wanted = np.dtype(kind)
        if wanted.kind in "iu" and labels.array.max(initial=0) > np.iinfo(wanted).max:
            raise InputError(f"The labels do not fit into {kind}; ask for result_dtype uint16.")
        nrrd.write(path, replace(labels, array=labels.array.astype(wanted)), packed=False)
    else:
        write_labels(path, labels)
    return path


def centroids(labels: LabelArray, names: Mapping[str, int]) -> dict[str, list[str]]:
    """Return label and centre (voxels i, j, k) of each structure that is there, by its name.

    As text, which is how OHIF's client expects them.
    """
    found = {}
    for name, value in names.items():
        voxels = np.nonzero(labels == value)
        if voxels[0].size:
            found[name] = [str(value), *(str(int(each.mean())) for each in voxels)]
    return found
