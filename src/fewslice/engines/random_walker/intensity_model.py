"""What intensities say of the classes nearby: a Gaussian of each, fitted in a window of a slice.

A relative of the guided filter (He et al. 2013); `fewslice.engines.random_walker.refinement` places
boundaries by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fewslice.typing import Float32Array

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
        self, intensities: Float32Array, chances: Float32Array, slices: int
    ) -> tuple[Float32Array, Float32Array]:
        """Return the log-likelihood of each class, at most 0, and its share of the window.

        intensities: (channel, slice, row, column). chances: (class, slice, row, column). slices:
        that a window spans. Both results: (class, slice, row, column).
        """
        sides = (slices, *self.window)
        share = averaged(chances, sides) + np.float32(1e-4)
        result = np.zeros_like(chances)
        for channel in intensities:
            around = averaged(channel[None], sides)
            # A class that is nowhere near looks like everything around.
            mean = (averaged(chances * channel, sides) + 1e-4 * around) / share
            square = averaged(chances * channel**2, sides) + 1e-4 * around**2
            variance = np.maximum(square / share - mean**2, self.spread)
            result -= 0.5 * ((channel - mean) ** 2 / variance + np.log(variance))
        result /= len(intensities)
        result -= result.max(axis=0)
        return np.maximum(result, -np.float32(self.decisive)), share

    def prior(self, intensities: Float32Array, chances: Float32Array) -> Float32Array:
        """Return the coarse probabilities times the likelihoods, (class, slice, row, column)."""
        if self.weight == 0:
            return chances
        likelihood, share = self.log_likelihood(intensities, chances, 3)
        # A class may come up where the coarse answer rules it out, but only if it is near.
        least = np.maximum(FAINT * np.minimum(20 * share, 1), 1e-6)
        logs = np.log(np.maximum(chances, least)) + np.float32(self.weight) * likelihood
        prior = np.exp(logs - logs.max(axis=0))
        prior /= prior.sum(axis=0)
        return np.asarray(prior, dtype=np.float32)


def averaged(values: Float32Array, sides: tuple[int, int, int]) -> Float32Array:
    """Return means over a box of (slices, rows, columns) around each voxel; axis 0 is kept."""
    from scipy.ndimage import uniform_filter1d

    for place, side in enumerate(sides, start=1):
        if side > 1:
            values = uniform_filter1d(values, side, axis=place, mode="nearest")
    return values
