"""Volumes, affines and strategies that the tests of this folder share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from fewslice.io.formats import FORMATS, VOLUME_SUFFIXES
from fewslice.volumes import Geometry, Image

SUFFIXES = VOLUME_SUFFIXES
ITK_SUFFIXES = tuple(each.suffix for each in FORMATS if each.writer in ("metaimage", "nrrd"))

AFFINES: dict[str, npt.NDArray[np.float64]] = {
    "plain": np.diag([1.0, 1.0, 1.0, 1.0]),
    "flipped": np.array([[-1.0, 0, 0, 90], [0, -1, 0, 126], [0, 0, 1, -72], [0, 0, 0, 1]]),
    "permuted": np.array([[0.0, 0, 2, 5], [1, 0, 0, -3], [0, -1.5, 0, 8], [0, 0, 0, 1]]),
    "anisotropic": np.array([[0.5, 0, 0, 1], [0, 0.7, 0, 2], [0, 0, 5, 3], [0, 0, 0, 1]]),
}


def rotation(angles: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Return a rotation about x, then y, then z; angles in radians."""
    turn = np.eye(3)
    for (a, b), angle in zip(((1, 2), (2, 0), (0, 1)), angles, strict=True):
        step = np.eye(3)
        step[a, a] = step[b, b] = np.cos(angle)
        step[a, b], step[b, a] = -np.sin(angle), np.sin(angle)
        turn = step @ turn
    return turn


def oblique(
    angles: tuple[float, float, float] = (0.2, -0.4, 0.1),
    spacing: tuple[float, float, float] = (0.8, 1.1, 3.0),
    origin: tuple[float, float, float] = (-31.4, 15.9, 265.3),
) -> npt.NDArray[np.float64]:
    """Return an affine with tilted axes at right angles."""
    affine = np.eye(4)
    affine[:3, :3] = rotation(angles) * spacing
    affine[:3, 3] = origin
    return affine


AFFINES["oblique"] = oblique()


@st.composite
def affines(draw: st.DrawFn) -> npt.NDArray[np.float64]:
    """Draw affines: any rotation, axes permuted and flipped, spacing 0.05 to 20 mm."""
    angle, size = st.floats(-3.1, 3.1), st.floats(0.05, 20)
    place = st.floats(-500, 500)
    affine = oblique(
        (draw(angle), draw(angle), draw(angle)),
        (draw(size), draw(size), draw(size)),
        (draw(place), draw(place), draw(place)),
    )
    signs = np.array([draw(st.sampled_from([-1.0, 1.0])) for _ in range(3)])
    affine[:3, :3] = affine[:3, draw(st.permutations([0, 1, 2]))] * signs
    return affine


def image(
    affine: npt.NDArray[np.float64] | None = None,
    shape: tuple[int, ...] = (5, 6, 7),
    dtype: str = "int16",
) -> Image:
    """Return a small image with a different value at nearly every voxel."""
    rng = np.random.default_rng(3)
    array = rng.integers(0, 120, shape).astype(dtype)
    grid = Geometry(
        (shape[-3], shape[-2], shape[-1]), AFFINES["oblique"] if affine is None else affine
    )
    return Image(array, grid)
