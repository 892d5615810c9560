"""A ball, and some slices of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.volumes.geometry import Geometry

SHAPE = (20, 22, 24)
GRID = Geometry.from_spacing(SHAPE)


def ball(shape: tuple[int, int, int] = SHAPE, radius: float = 8) -> npt.NDArray[np.uint8]:
    grid = np.indices(shape)
    centre = np.array(shape)[:, None, None, None] // 2
    inside: npt.NDArray[np.bool_] = ((grid - centre) ** 2).sum(axis=0) < radius**2
    return inside.astype(np.uint8)


def only(labels: npt.NDArray[np.uint8], *slices: tuple[int, int]) -> npt.NDArray[np.uint8]:
    sparse = np.zeros_like(labels)
    for axis, index in slices:
        place: list[slice | int] = [slice(None)] * 3
        place[axis] = index
        sparse[tuple(place)] = labels[tuple(place)]
    return sparse
