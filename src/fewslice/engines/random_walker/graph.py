"""The graph a random walker walks on, and the linear system it solves.

Grady 2006 (random walks for image segmentation) and Grady 2005 (with prior models): the
probability that a walker starting at a voxel reaches a seed of a class first, where the walker
may also end its walk anywhere with rate `pull` and then takes the class the prior gives there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fewslice.typing import Float32Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array


# A voxel is never cut off from its neighbours altogether, or the system could be singular.
_WEAKEST_EDGE = 1e-6


def edge_weights(features: Float32Array, spacing: tuple[float, float, float]) -> list[Float32Array]:
    """Return the weights of the edges between neighbours, along each of the three axes.

    features: (feature, i, j, k), scaled so that a difference of 1 weakens an edge by a factor e.
    spacing: mm. Weights are exp(-|difference|²) in (0, 1], divided by the edge's length in units
    of the finest spacing, so that a walker takes coarse steps less often.
    """
    weights = []
    for axis in range(3):
        difference = np.diff(features, axis=1 + axis)
        weights.append(edge_weight(difference, spacing[axis] / min(spacing)))
    return weights


def edge_weight(difference: Float32Array, length: float) -> Float32Array:
    """Return the weights of edges from differences (feature, ...), see `edge_weights`.

    length: of these edges, in units of the shortest.
    """
    similar = np.exp(-np.einsum("f...,f...->...", difference, difference))
    return np.asarray((similar + _WEAKEST_EDGE) / length, dtype=np.float32)


def laplacian(weights: list[Float32Array], shape: tuple[int, int, int]) -> csr_array:
    """Return the sparse graph Laplacian of a box of voxels, (voxels, voxels), C order."""
    from scipy import sparse

    numbers = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    first = np.concatenate([_without_last(numbers, axis).ravel() for axis in range(3)])
    second = np.concatenate([_without_first(numbers, axis).ravel() for axis in range(3)])
    weight = np.concatenate([values.ravel() for values in weights]).astype(np.float64)
    size = numbers.size
    links = sparse.coo_array(
        (
            np.concatenate([weight, weight]),
            (np.concatenate([first, second]), np.concatenate([second, first])),
        ),
        shape=(size, size),
    ).tocsr()
    return sparse.dia_array((links.sum(axis=1)[None], [0]), shape=(size, size)).tocsr() - links


def _without_last(array: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    return np.take(array, range(array.shape[axis] - 1), axis)


def _without_first(array: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    return np.take(array, range(1, array.shape[axis]), axis)


def walk(
    graph: csr_array, seeds: npt.NDArray[np.intp], prior: Float32Array, pull: Float32Array
) -> Iterator[Float32Array]:
    """Yield the probability of each class but the first, over all voxels.

    graph: Laplacian. seeds: (voxels,) class number, or -1 where unknown. prior: (class, voxels),
    summing to 1 over classes. pull: (voxels,) >= 0, how strongly a voxel keeps to its prior.
    The classes' probabilities sum to 1 as the priors do, so the first follows from the rest.

    One multigrid hierarchy (pyamg, unsmoothed aggregation, which needs no random numbers) serves
    as preconditioner of conjugate gradients for all classes.
    """
    import pyamg
    from scipy import sparse

    unknown = np.flatnonzero(seeds < 0)
    known = np.flatnonzero(seeds >= 0)
    if unknown.size == 0:
        yield from ((seeds == number).astype(np.float32) for number in range(1, len(prior)))
        return
    rows = graph[unknown]
    to_seeds = rows[:, known].tocsr()
    size = unknown.size
    keep = sparse.dia_array((pull[unknown][None].astype(np.float64), [0]), shape=(size, size))
    system = (rows[:, unknown] + keep).tocsr()
    solver = pyamg.smoothed_aggregation_solver(
        sparse.csr_matrix(system), smooth=None, max_coarse=200
    )
    for number in range(1, len(prior)):
        towards = pull[unknown] * prior[number, unknown] - to_seeds @ (
            seeds[known] == number
        ).astype(np.float64)
        solution = solver.solve(
            towards, x0=prior[number, unknown].astype(np.float64), tol=1e-4, maxiter=100, accel="cg"
        )
        result = (seeds == number).astype(np.float32)
        result[unknown] = np.clip(solution, 0.0, 1.0)
        yield result
