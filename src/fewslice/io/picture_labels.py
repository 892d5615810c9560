"""Labels as pictures that are named as the pictures of a scan that they were drawn on.

Whoever draws on few slices exports few pictures. Their order says nothing of where they belong, and
their names do.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from fewslice.errors import InputError, Remark, without
from fewslice.io.pictures import PICTURES_AS_SLICES, slice_names
from fewslice.volumes.image import Image, LabelMap
from fewslice.volumes.respacing import own_geometry

_MOST_NAMED = 3  # pictures


def by_name(path: Path, labels: LabelMap, scan: Image | None) -> LabelMap:
    """Return labels on all slices of their scan, each on the one of its name, 0 on the others.

    path: of the labels, for messages. Where either are no pictures, or no names agree, they come
    back as they are. Raises InputError if only some agree.
    """
    drawn_on = () if scan is None else slice_names(scan)
    names = slice_names(labels)
    if scan is None or names == drawn_on or not set(names) & set(drawn_on):
        return labels
    _require_known(path, names, drawn_on)
    shape = own_geometry(scan).shape
    if labels.array.shape[:2] != shape[:2]:
        return labels  # that they do not fit is said where they are brought together
    array = np.zeros(shape, labels.array.dtype)
    array[..., [drawn_on.index(name) for name in names]] = labels.array
    remark = Remark(
        "labels-by-name",
        f"The {len(names)} pictures in {path} are taken as labels of the slices of the same names, "
        f"{_named(names)}; on the other {shape[2] - len(names)} slices nothing is drawn.",
    )
    remarks = (*without(labels.remarks, PICTURES_AS_SLICES), remark)
    return replace(
        labels, array=array, geometry=own_geometry(scan), stored=scan.stored, remarks=remarks
    )


def _require_known(path: Path, names: tuple[str, ...], drawn_on: tuple[str, ...]) -> None:
    """Raise InputError if pictures are named as slices of the scan, and others are not."""
    strange = [name for name in names if name not in drawn_on]
    if strange:
        raise InputError(
            f"{len(names) - len(strange)} pictures in {path} are named as slices of the scan, but "
            f"{len(strange)} are not ({_named(strange)}), so it is unclear where they lie; "
            "expected labels named as the slices that they were drawn on: rename them, or move "
            "them elsewhere."
        )


def _named(names: tuple[str, ...] | list[str]) -> str:
    if len(names) <= _MOST_NAMED:
        return ", ".join(names)
    return f"{names[0]}, {names[1]}, ..., {names[-1]}"
