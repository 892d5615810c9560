"""The grids that a header can be read as: by each of its parts, and without a gantry's tilt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.image import Image, LabelMap
from fewslice.volumes.respacing import own_geometry

OWN = "own"
UNTILTED = "untilted"

_RIGHT_ANGLE = 1e-3  # of a cosine: less is rounding, not a tilt


def readings(volume: Image | LabelMap) -> dict[str, Geometry]:
    """Return the grids a volume's header can be read as, by name; first the one that is used."""
    stored = volume.stored
    return {OWN: own_geometry(volume), **({} if stored is None else stored.readings)}


def contradicts_itself(volume: Image | LabelMap) -> bool:
    """Whether programs differ in where a volume lies."""
    return volume.stored is not None and bool(volume.stored.readings)


def is_placed(volume: Image | LabelMap) -> bool:
    """Whether a volume's header says where it lies; an array in memory counts as saying so."""
    return volume.stored is None or volume.stored.placed


def without_tilt(geometry: Geometry) -> tuple[Geometry, ...]:
    """Return how programs read slices that a tilted gantry shifts, if they know no shear.

    They keep the place of the first or of the last slice, and as distance between slices the one
    between their planes or the one between their corners. Empty if nothing is tilted.
    """
    return tuple(each for axis in _tilted_axes(geometry) for each in _upright(geometry, axis))


def _upright(geometry: Geometry, axis: int) -> Iterator[Geometry]:
    step = geometry.affine[:3, axis]
    rows, columns = (geometry.affine[:3, other] for other in inplane_axes(axis))
    normal = np.cross(rows, columns)
    normal *= np.sign(normal @ step) / np.linalg.norm(normal)
    for straight in (normal * (normal @ step), normal * np.linalg.norm(step)):
        for kept in (0, geometry.shape[axis] - 1):
            affine = geometry.affine.copy()
            affine[:3, axis] = straight
            affine[:3, 3] += kept * (step - straight)
            yield Geometry(geometry.shape, affine)


def _tilted_axes(geometry: Geometry) -> list[int]:
    """Return the axes that are not at right angles to the two others, which are to each other.

    A tilt about one axis of the slices leaves two to choose from.
    """
    unit = geometry.affine[:3, :3] / np.array(geometry.spacing)
    cosines = np.abs(unit.T @ unit)
    found = []
    for axis in range(3):
        rows, columns = inplane_axes(axis)
        tilt = max(cosines[axis, rows], cosines[axis, columns])
        if cosines[rows, columns] <= _RIGHT_ANGLE < tilt:
            found.append(axis)
    return found
