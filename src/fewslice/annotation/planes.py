"""Planes: their names, the array axes they lie across, and which one people draw in."""

from __future__ import annotations

import numpy as np

from fewslice.errors import InputError
from fewslice.volumes.geometry import Geometry

PLANES = ("sagittal", "coronal", "axial")
"""Plane across world axis 0 (left-right), 1 (back-front), 2 (feet-head)."""

# Spacings closer than this are taken as equal: files store them in single precision.
_SAME_SPACING = 0.01
_SLAB = 4  # times as many slices across both other axes


def plane_name(geometry: Geometry, axis: int) -> str:
    """Return the plane whose slices lie across an array axis: sagittal, coronal or axial."""
    return PLANES[geometry.world_axes[axis]]


def plane_axis(geometry: Geometry, plane: str) -> int:
    """Return the array axis of a plane given as 'axial', 'coronal', 'sagittal', '0', '1', '2'.

    'auto' is `annotation_axis`. Raises InputError for any other text and lists these.
    """
    wanted = plane.strip().lower()
    if wanted in ("0", "1", "2"):
        return int(wanted)
    if wanted == "auto":
        return annotation_axis(geometry)
    if wanted not in PLANES:
        raise InputError(
            f"There is no plane {plane!r}; choose axial, coronal, sagittal or an array axis "
            "(0, 1, 2)."
        )
    return geometry.world_axes.index(PLANES.index(wanted))


def annotation_axis(geometry: Geometry) -> int:
    """Return the array axis across which people draw: the one of the coarsest spacing.

    Two axes that share the coarsest spacing are the rows and columns of square pixels, so slices
    lie across the third. With the same spacing everywhere it is the axis with most slices; but of a
    slab, such as a few B-scans whose distance nobody knows, it is the one across: the slices of
    others are strips, on which nothing can be recognised.
    """
    spacing = np.array(geometry.spacing)
    coarsest = np.flatnonzero(spacing >= spacing.max() * (1 - _SAME_SPACING))
    if len(coarsest) == 1:
        return int(coarsest[0])
    if len(coarsest) == 2:
        return 3 - int(coarsest.sum())
    thinnest, second, _ = np.argsort(geometry.shape, kind="stable")
    if geometry.shape[thinnest] * _SLAB <= geometry.shape[second]:
        return int(thinnest)
    return int(np.argmax(geometry.shape))


def parse_slices(geometry: Geometry, text: str) -> tuple[tuple[int, int], ...]:
    """Parse 'PLANE:INDEX[,INDEX...]' into (array axis, index) pairs; ranges as 3-7 are allowed."""
    plane, colon, indices = text.partition(":")
    axis = plane_axis(geometry, plane)
    try:
        if not colon:
            raise ValueError
        return tuple((axis, index) for item in indices.split(",") for index in _range(item))
    except ValueError:
        raise InputError(
            f"Cannot read {text!r} as slices; write PLANE:INDEX[,INDEX...], such as axial:12,30."
        ) from None


def _range(item: str) -> range:
    first, dash, last = item.strip().partition("-")
    return range(int(first), int(last if dash else first) + 1)
