"""Scans and labels as people give them, files or plain arrays, brought onto one grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.errors import InputError
from fewslice.volumes.finite import filled
from fewslice.volumes.geometry import Geometry, require_same_grid
from fewslice.volumes.image import (
    Image,
    LabelMap,
    StoredGeometry,
    labels_of,
)
from fewslice.volumes.pairing import paired
from fewslice.volumes.pairing_remarks import Names
from fewslice.volumes.respacing import respaced

AnyArray = npt.NDArray[Any]


def on_one_grid(
    image: Image | AnyArray,
    labels: LabelMap | AnyArray | None,
    spacing: Sequence[float] | None = None,
    *,
    image_is: str = "the image",
    labels_are: str = "the label map",
) -> tuple[Image, LabelMap]:
    """Give both a geometry; without labels they are 0 everywhere.

    A label map and a scan that hold the same voxels in other words come on the label map's grid, in
    its order and extent (`fewslice.volumes.pairing`). spacing: mm per array axis; of plain arrays,
    or in place of what scan and labels say themselves (see `fewslice.volumes.respacing`). image_is,
    labels_are: what they are, for messages. Raises GeometryError or InputError unless they fit
    together.
    """
    if isinstance(image, Image) and isinstance(labels, LabelMap):
        image = filled(image, image_is)
        return paired(image, labels, spacing, Names(image_is, labels_are))
    if spacing is not None:
        image = respaced(image, spacing) if isinstance(image, Image) else image
        labels = respaced(labels, spacing) if isinstance(labels, LabelMap) else labels
    geometry, stored = _geometry(image, labels, spacing, image_is)
    if not isinstance(image, Image):
        image = Image(np.asarray(image), geometry, stored)
    if labels is None:
        labels = LabelMap(np.zeros(geometry.shape, np.uint8), geometry, stored)
    if not isinstance(labels, LabelMap):
        array, remarks = labels_of(np.asarray(labels), labels_are)
        if array.ndim != 3:
            name = labels_are[0].upper() + labels_are[1:]
            raise InputError(f"{name} has {array.ndim} axes (shape {array.shape}); expected three.")
        labels = LabelMap(array, Geometry(array.shape, geometry.affine), stored, remarks)
    image = filled(image, image_is)
    require_same_grid(image.geometry, labels.geometry, image_is, labels_are)
    return image, labels


def _geometry(
    image: Image | AnyArray,
    labels: LabelMap | AnyArray | None,
    spacing: Sequence[float] | None,
    image_is: str,
) -> tuple[Geometry, StoredGeometry | None]:
    """Return the geometry of whichever has one, or one made from the spacing."""
    known = [each for each in (image, labels) if isinstance(each, Image | LabelMap)]
    if not known:
        array = np.asarray(image)
        if array.ndim not in (3, 4):
            raise InputError(
                f"{image_is[0].upper()}{image_is[1:]} has {array.ndim} axes (shape {array.shape}); "
                "expected three, or four with channels first."
            )
        if spacing is None:
            missing = StoredGeometry("array", {}, spacing_known=False)
            return Geometry.from_spacing(array.shape[-3:]), missing
        return Geometry.from_spacing(array.shape[-3:], spacing), None
    return known[0].geometry, known[0].stored
