"""Writing images and label maps, each as a whole or not at all."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from fewslice.errors import InputError
from fewslice.volumes import nifti
from fewslice.volumes.atomic import atomic_path, require_writable
from fewslice.volumes.image import Array, Image, LabelMap, as_label_array


def write_image(path: str | os.PathLike[str], image: Image) -> None:
    """Write an image, such as a float32 map of uncertainty, in the format of the suffix.

    Voxels are written unscaled with their dtype (bool as uint8, float16 as float32), channels as
    the format's own last axis or vector. The geometry is exactly the one that was read if the
    format is the same, else the same grid. Whatever is at `path` is replaced at once or, on
    failure, left as it was. Raises WriteError, and InputError for complex voxels.
    """
    _write(path, replace(image, array=_storable(image.array)))


def write_labels(path: str | os.PathLike[str], labels: LabelMap) -> None:
    """Write a label map as uint8 or uint16 in the format of the suffix; see write_image."""
    _write(path, replace(labels, array=as_label_array(labels.array)))


def _write(path: str | os.PathLike[str], volume: Image | LabelMap) -> None:
    require_writable(path)
    with atomic_path(path) as temporary:
        nifti.write(temporary, volume)


def _storable(array: Array) -> Array:
    """Return the array with a dtype that every format has."""
    if array.dtype.kind not in "buif":
        raise InputError(f"Voxels of type {array.dtype} cannot be written; expected real numbers.")
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        return array.astype(np.float32 if array.dtype.itemsize == 2 else np.float64)
    return array
