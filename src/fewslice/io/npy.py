"""NumPy arrays (.npy): voxels without any header."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from fewslice.errors import ReadError
from fewslice.io.library_errors import damage_named, require_size
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Image, StoredGeometry


def read(path: Path) -> Image:
    """Read an array (i, j, k), or (channel, i, j, k); a 2-D array is one slice.

    Nothing says where it lies or how wide its voxels are. Raises ReadError.
    """
    with damage_named(path):
        _require_voxels(path)
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


def _require_voxels(path: Path) -> None:
    """Raise an error unless a file is one array whose voxels are all there."""
    with path.open("rb") as stream:
        version = np.lib.format.read_magic(stream)  # an archive of arrays has another one
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        require_size(path, path, math.prod(shape) * dtype.itemsize, stream.tell())
