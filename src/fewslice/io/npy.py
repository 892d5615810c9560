"""NumPy arrays (.npy): voxels without any header."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fewslice.errors import ReadError
from fewslice.io.library_errors import damage_named
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Image, StoredGeometry


def read(path: Path) -> Image:
    """Read an array (i, j, k), or (channel, i, j, k); a 2-D array is one slice.

    Nothing says where it lies or how wide its voxels are. Raises ReadError.
    """
    with damage_named(path):
        array = np.load(path, allow_pickle=False)
    array = array[..., np.newaxis] if array.ndim == 2 else array
    if array.ndim not in (3, 4) or not array.size:
        raise ReadError(
            f"{path} holds an array of shape {array.shape}; expected (i, j, k), or that with "
            "channels as a leading axis."
        )
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    stored = StoredGeometry("array", {}, spacing_known=False, placed=False)
    return Image(array, Geometry.from_spacing(array.shape[-3:]), stored)
