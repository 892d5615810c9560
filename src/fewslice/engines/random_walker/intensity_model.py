"""What intensities say of the classes nearby: a Gaussian of each, fitted in a window of a slice.

A relative of the guided filter (He et al. 2013); `fewslice.engines.random_walker.refinement` places
boundaries by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.typing import BoolArray, Float32Array

FAINT = 0.01
"""Probability a class nearby has at least, and the one above which it is there."""


@dataclass(frozen=True)
class IntensityModel:
    """What intensities say of the classes: measured in windows of (rows, columns) voxels.

    coarse_voxel: (rows, columns) of the window that blurs an answer as the grid does. spread,
    decisive: see `RefineSettings`. weight: of the log-likelihood. blur: of intensities, in voxels.
    """

    window: tuple[int, int]
    coarse_voxel: tuple[int, int]
    spread: float
    decisive: float
    weight: float = 1.0
    blur: float = 0.0

    def log_likelihood(
        self, intensities: Float32Array, chances: Float32Array, slices: int, where: BoolArray
    ) -> tuple[Float32Array, Float32Array]:
        """Return the log-likelihood of each class, at most 0, and its share of the window.

        intensities: (channel, slice, row, column). chances: (class, slice, row, column), summing
        to 1 over classes. slices: that a window spans. where: (slice, row, column), the voxels
        asked for. Both results: (class, voxel).
        """
        nearby = _stacked(where, slices)

        def around(values: Float32Array) -> Float32Array:
            means = averaged(values, (1, *self.window)).reshape(len(values), -1)
            total = np.take(means, nearby[0], axis=1)
            for one in nearby[1:]:
                total += np.take(means, one, axis=1)
            return np.asarray(total / len(nearby), dtype=np.float32)

        # All classes together are the whole window: the first is what the others leave of it, and
        # need not be averaged itself.
        others = chances[1:]
        share = np.maximum(_with_first(around(others), np.float32(1)), 0) + np.float32(1e-4)
        result = np.zeros_like(share)
        for channel in intensities:
            near, near_square = around(np.stack([channel, channel**2]))
            held = others * channel
            # A class that is nowhere near looks like everything around.
            mean = (_with_first(around(held), near) + 1e-4 * near) / share
            held *= channel
            square = _with_first(around(held), near_square) + 1e-4 * near**2
            variance = np.maximum(square / share - mean**2, self.spread)
            difference = channel[where] - mean
            result -= 0.5 * (difference**2 / variance + np.log(variance))
        result /= len(intensities)
        result -= result.max(axis=0)
        return np.maximum(result, -np.float32(self.decisive)), share

    def prior(
        self, intensities: Float32Array, chances: Float32Array, where: BoolArray
    ) -> Float32Array:
        """Return coarse probabilities times likelihoods where asked for, (class, voxel)."""
        asked: Float32Array = chances[:, where]
        if self.weight == 0:
            return asked
        likelihood, share = self.log_likelihood(intensities, chances, 3, where)
        # A class may come up where the coarse answer rules it out, but only if it is near.
        least = np.maximum(FAINT * np.minimum(20 * share, 1), 1e-6)
        logs = np.log(np.maximum(asked, least)) + np.float32(self.weight) * likelihood
        prior = np.exp(logs - logs.max(axis=0))
        prior /= prior.sum(axis=0)
        return np.asarray(prior, dtype=np.float32)


def _stacked(where: BoolArray, slices: int) -> list[npt.NDArray[np.intp]]:
    """Return the places asked for on as many slices around each, as flat indices.

    Beyond the outermost slices these stand for their neighbours.
    """
    slice_of, row, column = np.nonzero(where)
    return [
        np.ravel_multi_index((slice_of + step, row, column), where.shape, mode="clip")
        for step in range(-(slices // 2), slices // 2 + 1)
    ]


def _with_first(others: Float32Array, total: Float32Array | np.float32) -> Float32Array:
    """Return values (class, voxel) of all classes from the total and those of all but the first."""
    return np.concatenate([(total - others.sum(axis=0))[None], others])


def averaged(values: Float32Array, sides: tuple[int, int, int]) -> Float32Array:
    """Return means over a box of (slices, rows, columns) around each voxel; axis 0 is kept."""
    from scipy.ndimage import uniform_filter1d

    for place, side in enumerate(sides, start=1):
        if side > 1:
            values = uniform_filter1d(values, side, axis=place, mode="nearest")
    return values
