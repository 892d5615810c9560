"""Layers of napari that hold the phantom of two organs, and files to open as layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fewslice.io import write_image
from fewslice.volumes import Geometry, Image
from tests.support.phantoms import two_organs

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels

PHANTOM = two_organs()
"""(44, 40, 22) voxels of 1 x 1 x 2 mm; its slices lie across the last axis."""

SLICES = (4, 10, 16)

TURNED = np.array(
    [[0.0, -3.0, 0.0, 10.0], [2.0, 0.0, 0.0, -20.0], [0.0, 0.0, 5.0, 30.0], [0, 0, 0, 1]]
)
"""Axes to the front, to the left and to the head; 2, 3 and 5 mm."""


def scan_layer(**placed: Any) -> ImageLayer:
    """The phantom with its slices first, as napari shows them: (22, 44, 40)."""
    from napari.layers import Image as ImageLayer

    placed = placed or {"scale": (2.0, 1.0, 1.0), "units": ("mm",) * 3}
    return ImageLayer(np.moveaxis(PHANTOM.image, 2, 0), name="scan", **placed)


def drawn_layer(*slices: int, **placed: Any) -> Labels:
    """The phantom's labels on some slices, like `scan_layer`."""
    from napari.layers import Labels

    placed = placed or {"scale": (2.0, 1.0, 1.0), "units": ("mm",) * 3}
    sparse = np.moveaxis(PHANTOM.sparse(2, *(slices or SLICES)), 2, 0)
    return Labels(np.ascontiguousarray(sparse), name="drawn", **placed)


def truth() -> Any:
    """The phantom's labels on all slices, like `scan_layer`."""
    return np.moveaxis(PHANTOM.truth, 2, 0)


def write_turned_scan(path: Path) -> Path:
    """Write a scan of (4, 3, 2) voxels, numbered 0 to 23, with the affine TURNED."""
    voxels = np.arange(24, dtype=np.int16).reshape(4, 3, 2)
    write_image(path, Image(voxels, Geometry((4, 3, 2), TURNED)))
    return path
