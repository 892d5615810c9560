"""Scans and labels as people give them, files or plain arrays, brought onto one grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.errors import GeometryError, InputError
from fewslice.volumes.finite import filled
from fewslice.volumes.geometry import Geometry, require_same_grid
from fewslice.volumes.image import (
    Image,
    LabelMap,
    StoredGeometry,
    labels_of,
)
from fewslice.volumes.masked import unmasked_image
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
        image = _as_intensities(image, image_is)
        return paired(image, labels, spacing, Names(image_is, labels_are))
    require_array(image, Image, image_is, "read_image")
    require_array(labels, LabelMap, labels_are, "read_labels")
    if spacing is not None:
        image = respaced(image, spacing) if isinstance(image, Image) else image
        labels = respaced(labels, spacing) if isinstance(labels, LabelMap) else labels
    geometry, stored = _geometry(image, labels, spacing, image_is)
    if not isinstance(image, Image):
        image = Image(unmasked_image(image), geometry, stored)
    if labels is None:
        labels = LabelMap(np.zeros(geometry.shape, np.uint8), geometry, stored)
    if not isinstance(labels, LabelMap):
        array, remarks = labels_of(labels, labels_are)
        if array.ndim != 3:
            raise InputError(
                f"{_sentence_case(labels_are)} has {array.ndim} axes (shape {array.shape}); "
                "expected three."
            )
        _require_shape(array.shape, image, image_is, labels_are)
        labels = LabelMap(array, Geometry(array.shape, geometry.affine), stored, remarks)
    image = _as_intensities(image, image_is)
    require_same_grid(image.geometry, labels.geometry, image_is, labels_are)
    return image, labels


def _as_intensities(image: Image, image_is: str) -> Image:
    """Return a scan whose voxels engines can calculate with; a mask has 0 and 1.

    Raises InputError if there is no channel, or as `filled` does.
    """
    if not len(image.channels):
        raise InputError(
            f"{_sentence_case(image_is)} has no channel (shape {image.array.shape}); expected "
            "three axes, or four with at least one channel first."
        )
    if image.array.dtype.kind == "b":  # which numpy does not subtract
        image = replace(image, array=image.array.astype(np.uint8))
    return filled(image, image_is)


def require_array(given: object, kind: type[Image | LabelMap], what: str, reader: str) -> None:
    """Raise InputError for what is neither a volume nor an array, such as a path.

    reader: the function that reads this kind of volume.
    """
    if isinstance(given, kind) or (given is None and kind is LabelMap) or _is_array(given):
        return
    where = f"{given!r}, a path" if isinstance(given, str | PathLike) else _called(given)
    raise InputError(
        f"{_sentence_case(what)} is {where}; expected a fewslice.{kind.__name__}, as "
        f"fewslice.{reader} reads one from a file, or an array{_as_array(given)}."
    )


def _is_array(given: object) -> bool:
    """Whether numpy makes an array with axes of something."""
    if _of_simpleitk(given):  # a row of voxels to numpy, read one by one
        return False
    try:
        return bool(np.asarray(given).ndim)
    except (RuntimeError, TypeError, ValueError):  # tensors with gradients or on a GPU; odd lists
        return False


def _as_array(given: object) -> str:
    """Return how to make an array of something, if that is known."""
    if _of_simpleitk(given):
        return ", such as SimpleITK.GetArrayFromImage(x).T with spacing=x.GetSpacing()"
    return ", such as tensor.detach().cpu().numpy()" if hasattr(given, "detach") else ""


def _of_simpleitk(given: object) -> bool:
    return type(given).__module__.partition(".")[0] == "SimpleITK"


def _called(given: object) -> str:
    """Return what a thing is, with its article."""
    name = "SimpleITK.Image" if _of_simpleitk(given) else type(given).__name__
    return "None" if given is None else f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def _require_shape(shape: Sequence[int], image: Image, image_is: str, labels_are: str) -> None:
    """Raise GeometryError if an array of labels is of another shape than the scan.

    Arrays have no header that could be wrong; that their axes run in another order is likelier.
    """
    expected = image.geometry.shape
    if tuple(shape) == expected:
        return
    advice = "give the labels of this scan, voxel by voxel"
    if tuple(shape) == expected[::-1]:
        advice = (
            "they are the same the other way round, as arrays of SimpleITK are: transpose one of "
            "them (array.T)"
        )
    elif sorted(shape) == sorted(expected):
        advice = "they are the same in another order: bring the axes of one into that of the other"
    elif image.array.ndim == 4 and tuple(shape) == image.array.shape[:3]:
        advice = "channels go first: np.moveaxis(image, -1, 0)"
    raise GeometryError(
        f"{_sentence_case(labels_are)} has shape {tuple(shape)}, but {image_is} {expected}; "
        f"{advice}."
    )


def _sentence_case(words: str) -> str:
    return words[0].upper() + words[1:]


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
                f"{_sentence_case(image_is)} has {array.ndim} axes (shape {array.shape}); "
                "expected three, or four with channels first."
            )
        if spacing is None:
            missing = StoredGeometry("array", {}, spacing_known=False)
            return Geometry.from_spacing(array.shape[-3:]), missing
        return Geometry.from_spacing(array.shape[-3:], spacing), None
    return known[0].geometry, known[0].stored
