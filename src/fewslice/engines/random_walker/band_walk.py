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
    from scipy.sparse.linalg import LinearOperator, cg

    at = np.flatnonzero(free)
    number = np.full(free.size, -1, dtype=np.int32)
    number[at] = np.arange(at.size, dtype=np.int32)
    flat, ends = features.reshape(len(features), -1), chances.reshape(len(chances), -1)
    mine = flat[:, at]
    degree = np.full(at.size, pull, dtype=np.float32)
    towards = np.float32(pull) * prior
    # Seven entries a row, in ascending order, the voxel itself in the middle. A neighbour that is
    # missing or not free leaves an entry of 0 for the voxel itself.
    columns = np.empty((at.size, 7), dtype=np.int32)
    values = np.empty((at.size, 7), dtype=np.float32)
    for axis in range(3):
        for step, place in ((1, 6 - axis), (-1, axis)):
            there, missing = _neighbours(at, number.reshape(free.shape), axis, step)
            weight = edge_weight(mine - flat[:, there], spacing[axis] / min(spacing))
            weight[missing] = 0
            degree += weight
            other = number[there]
            rim = np.flatnonzero(other < 0)
            towards[:, rim] += weight[rim] * ends[:, there[rim]]
            other[rim], weight[rim] = rim, 0
            columns[:, place], values[:, place] = other, -weight
    columns[:, 3], values[:, 3] = number[at], degree
    rows = np.arange(0, columns.size + 1, 7, dtype=np.int32)
    system = sparse.csr_array((values.ravel(), columns.ravel(), rows), shape=(at.size, at.size))
    inverse = 1 / degree
    scaling = LinearOperator(system.shape, matvec=lambda rest: inverse * rest, dtype=np.float32)
    result = np.empty(prior.shape, dtype=np.float32)
    for place in range(1, len(prior)):
        solution, _ = cg(system, towards[place], x0=prior[place], rtol=1e-3, M=scaling)
        result[place] = np.clip(solution, 0, 1)
    total = result[1:].sum(axis=0)
    result[0] = np.clip(1 - total, 0, 1)
    result[1:] /= np.maximum(total, 1)
    return result


def _neighbours(
    at: npt.NDArray[np.intp], numbers: npt.NDArray[np.int32], axis: int, step: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int32]]:
    """Return the next voxel of each along an axis (flat indices), and the numbers of those without.

    at: flat indices of voxels. numbers: (slice, row, column), of these, -1 elsewhere. A voxel
    without a next one stands in for it.
    """
    last = np.take(numbers, -1 if step > 0 else 0, axis)
    missing = last[last >= 0]
    there = at + step * int(np.prod(numbers.shape[axis + 1 :]))
    there[missing] = at[missing]
    return there, missing
