"""Jobs laid out as the platform lays them out, with a small ball as the structure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK

from fewslice import Geometry, Image, LabelMap, write_image, write_labels
from fewslice.volumes.image import Array

SHAPE = (20, 24, 16)
OBLIQUE = Geometry(
    SHAPE,
    np.array(
        [
            [0.0, -1.2, 0.3, 40.0],
            [-1.1, 0.0, 0.2, -15.0],
            [0.1, 0.2, 2.0, 7.0],
            [0.0, 0.0, 0.0, 1.0],
        ]
    ),
)
"""Axes exchanged and reversed, and oblique."""


def ball() -> Array:
    """Return a ball off the middle, uint8 (20, 24, 16)."""
    i, j, k = np.ogrid[:20, :24, :16]
    inside = ((i - 9) / 6) ** 2 + ((j - 13) / 7) ** 2 + ((k - 7) / 5) ** 2 < 1
    return inside.astype(np.uint8)


def scan_array() -> Array:
    noise = np.random.default_rng(0).normal(0, 8, SHAPE)
    return (100 * ball() + noise).astype(np.int16)


def drawn_array() -> Array:
    """Return the ball on slices 4, 7 and 10 across the last axis."""
    drawn = np.zeros_like(ball())
    drawn[..., [4, 7, 10]] = ball()[..., [4, 7, 10]]
    return drawn


def lay_out(folder: Path, volumes: Mapping[str, Image | LabelMap], word: str = "socket") -> Path:
    """Write each volume where its socket lies, and inputs.json."""
    items = []
    for slug, volume in volumes.items():
        place = f"images/{slug}-value"
        (folder / place).mkdir(parents=True)
        path = folder / place / "0a1b2c.mha"
        if isinstance(volume, LabelMap):
            write_labels(path, volume)
        else:
            write_image(path, volume)
        items.append({word: {"slug": slug, "relative_path": place}, "file": None, "value": None})
    (folder / "inputs.json").write_text(json.dumps(items), encoding="utf-8")
    return folder


def itk_array(path: Path) -> Array:
    """Return the voxels of a file in the order (i, j, k), by ITK alone."""
    array: Array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).T
    return array
