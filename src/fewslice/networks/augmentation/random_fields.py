"""Smooth random fields: the raw material of deformations, bias fields, surfaces and blobs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fewslice.typing import Float32Array


def spline_basis(length: int, cells: float) -> Float32Array:
    """Return (length, control points) float32: cubic B-splines over `cells` intervals.

    Rows are scaled to unit sum of squares, so that independent normal control points make a field
    of unit variance everywhere.
    """
    position = np.linspace(0.0, max(cells, 1e-3), length, dtype=np.float32)
    knots = np.arange(-1, int(np.ceil(cells)) + 2, dtype=np.float32)
    distance = np.abs(position[:, None] - knots[None, :])
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    basis: Float32Array = np.where(distance < 1, near, far).astype(np.float32)
    basis /= np.sqrt((basis**2).sum(axis=1, keepdims=True))
    return basis


def smooth_field(
    shape: Sequence[int], cells: Sequence[float], rng: np.random.Generator
) -> Float32Array:
    """Return a Gaussian random field (*shape) float32 of mean 0 and variance 1.

    cells: along each axis, how many bumps wide the field is (control-point intervals of a cubic
    B-spline); 1 is nearly linear, `shape[axis] / 4` is as fine as four voxels.
    """
    bases = [spline_basis(n, c) for n, c in zip(shape, cells, strict=True)]
    field = rng.standard_normal([basis.shape[1] for basis in bases], dtype=np.float32)
    for basis in reversed(bases):
        # Contracting the last axis and putting the new one first rotates the axes into place.
        field = np.moveaxis(field @ basis.T, -1, 0)
    return np.ascontiguousarray(field)


def cells_for(shape: Sequence[int], spacing: Sequence[float], length: float) -> tuple[float, ...]:
    """Return the cells that make a field vary over about `length` mm, alike along all axes."""
    return tuple(
        min(max(n * mm / length, 0.5), n / 2) for n, mm in zip(shape, spacing, strict=True)
    )
