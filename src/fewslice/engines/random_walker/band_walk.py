"""A random walk with priors (Grady 2005) among the voxels of a narrow band."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.engines.random_walker.graph import edge_weight
from fewslice.typing import BoolArray, Float32Array


def walk_within(  # noqa: PLR0913, PLR0917 - what is known of a box, and how to walk in it
    features: Float32Array,
    spacing: tuple[float, float, float],
    free: BoolArray,
    chances: Float32Array,
    prior: Float32Array,
    pull: float,
) -> Float32Array:
    """Return the probabilities (class, free voxel) of a walk that ends where voxels are not free.

    features: (feature, slice, row, column), of the edges, as of `edge_weights`. chances: (class,
    slice, row, column), the probabilities outside, in which the walk ends. prior: (class, free
    voxel). pull: rate to the prior. The band is narrow and the pull strong, so plain conjugate
    gradients need few steps. All is written for the free voxels alone, a small part of the box.
    """
    from scipy import sparse
    from scipy.sparse.linalg import cg

    at = np.flatnonzero(free)
    number = np.full(free.size, -1, dtype=np.int32)
    number[at] = np.arange(at.size, dtype=np.int32)
    flat, ends = features.reshape(len(features), -1), chances.reshape(len(chances), -1)
    degree = np.full(at.size, pull, dtype=np.float32)
    towards = np.float32(pull) * prior
    # Neighbours in ascending order, with room for the voxel itself in the middle.
    columns = np.full((at.size, 7), -1, dtype=np.int32)
    values = np.zeros((at.size, 7), dtype=np.float32)
    for axis in range(3):
        for step, place in ((1, 6 - axis), (-1, axis)):
            starts, there = _neighbours(at, free.shape, axis, step)
            other = number[there]
            if step < 0:  # an edge within is done already, from its other end
                rim = other < 0
                starts, there, other = starts[rim], there[rim], other[rim]
            difference = flat[:, at[starts]] - flat[:, there]
            weight = edge_weight(difference, spacing[axis] / min(spacing))
            degree[starts] += weight
            within, out = other >= 0, other < 0
            towards[:, starts[out]] += weight[out] * ends[:, there[out]]
            one, other, weight = starts[within], other[within], weight[within]
            degree[other] += weight
            columns[one, place], values[one, place] = other, -weight
            columns[other, axis], values[other, axis] = one, -weight
    columns[:, 3], values[:, 3] = number[at], degree
    linked = columns >= 0
    rows = np.concatenate([[0], np.cumsum(linked.sum(axis=1))]).astype(np.int32)
    system = sparse.csr_array((values[linked], columns[linked], rows), shape=(at.size, at.size))
    scaling = sparse.dia_array((1 / degree[None], [0]), shape=system.shape)
    result = np.empty(prior.shape, dtype=np.float32)
    for place in range(1, len(prior)):
        solution, _ = cg(system, towards[place], x0=prior[place], rtol=1e-3, M=scaling)
        result[place] = np.clip(solution, 0, 1)
    total = result[1:].sum(axis=0)
    result[0] = np.clip(1 - total, 0, 1)
    result[1:] /= np.maximum(total, 1)
    return result


def _neighbours(
    at: npt.NDArray[np.intp], shape: tuple[int, ...], axis: int, step: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return which of some voxels (flat indices) have a next one along an axis, and that one."""
    stride = int(np.prod(shape[axis + 1 :]))
    position = at // stride % shape[axis]
    starts = np.flatnonzero(position > 0 if step < 0 else position < shape[axis] - 1)
    return starts, at[starts] + step * stride
