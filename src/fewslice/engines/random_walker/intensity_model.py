"""What intensities say of the classes nearby: a Gaussian of each, fitted in a window of a slice.

A relative of the guided filter (He et al. 2013); `fewslice.engines.random_walker.refinement` places
boundaries by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

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

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns around a voxel that what intensities say of it depends on."""
        blurred = int(4 * self.blur + 0.5)  # as far as scipy's gaussian_filter looks
        return self.window[0] // 2 + blurred, self.window[1] // 2 + blurred

    def log_likelihood(
        self, intensities: Float32Array, chances: Float32Array, slices: int, where: BoolArray
    ) -> tuple[Float32Array, Float32Array]:
        """Return the log-likelihood of each class, at most 0, and its share of the window.

        intensities: (channel, slice, row, column). chances: (class, slice, row, column), summing
        to 1 over classes. slices: that a window spans. where: (slice, row, column), the voxels
        asked for. Both results: (class, voxel).
        """
        found = [each for _, *each in self._by_slice(intensities, chances, slices, where)]
        likelihood, share = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
        return likelihood, share

    def _by_slice(
        self, intensities: Float32Array, chances: Float32Array, slices: int, where: BoolArray
    ) -> Iterator[tuple[int, Float32Array, Float32Array]]:
        """Yield each slice that is asked about, and what `log_likelihood` returns of its voxels."""
        classes, channels = len(chances), len(intensities)

        def measured(at: int) -> Iterator[Float32Array]:
            return _moments(intensities[:, at], chances[1:, at])

        for at, means in _window_means(measured, self.window, slices, where):
            # All classes together are the whole window: the first is what the others leave of it,
            # and need not be averaged itself.
            nearby, *moments = np.split(means, range(classes - 1, len(means), 2 * classes))
            share = np.maximum(_with_first(nearby, np.float32(1)), 0) + np.float32(1e-4)
            result = np.zeros_like(share)
            for channel in range(channels):
                first, second = np.split(moments[channel], 2)
                # A class that is nowhere near looks like everything around.
                mean = (_with_first(first[1:], first[0]) + 1e-4 * first[0]) / share
                square = _with_first(second[1:], second[0]) + 1e-4 * first[0] ** 2
                variance = np.maximum(square / share - mean**2, self.spread)
                difference = intensities[channel, at][where[at]] - mean
                result -= 0.5 * (difference**2 / variance + np.log(variance))
            result /= channels
            result -= result.max(axis=0)
            yield at, np.maximum(result, -np.float32(self.decisive)), share

    def prior(
        self, intensities: Float32Array, chances: Float32Array, where: BoolArray
    ) -> Float32Array:
        """Return coarse probabilities times likelihoods where asked for, (class, voxel)."""
        if self.weight == 0:
            return np.stack([one[where] for one in chances])
        parts = []
        for at, likelihood, share in self._by_slice(intensities, chances, 3, where):
            # A class may come up where the coarse answer rules it out, but only if it is near.
            least = np.maximum(FAINT * np.minimum(20 * share, 1), 1e-6)
            asked = np.stack([one[where[at]] for one in chances[:, at]])
            logs = np.log(np.maximum(asked, least)) + np.float32(self.weight) * likelihood
            prior = np.exp(logs - logs.max(axis=0))
            parts.append(prior / prior.sum(axis=0))
        return np.concatenate(parts, axis=1, dtype=np.float32)


def _moments(channels: Float32Array, others: Float32Array) -> Iterator[Float32Array]:
    """Yield what is averaged over windows of a slice, (row, column) each.

    channels: (channel, row, column). others: (class, row, column), all classes but the first. That
    is each of these, and for each channel its intensities, of all together and times each class,
    and their squares likewise.
    """
    yield from others
    for channel in channels:
        held = others * channel
        yield channel
        yield from held
        yield channel**2
        yield from held * channel


def _window_means(
    measured: Callable[[int], Iterable[Float32Array]],
    window: tuple[int, int],
    slices: int,
    where: BoolArray,
) -> Iterator[tuple[int, Float32Array]]:
    """Yield each slice that is asked about, and means around its voxels, (quantity, voxel).

    measured: returns the quantities of a slice, (row, column) each. window: rows and columns.
    slices: that it spans; beyond the outermost slices these stand for their neighbours. where:
    (slice, row, column), the voxels asked for. A slice at a time: what lies between then fits the
    processor's cache, and memory for a whole box takes as long to get as to fill.
    """
    last, half = len(where) - 1, slices // 2
    held: dict[int, list[Float32Array]] = {}
    for at in np.flatnonzero(where.any(axis=(1, 2))).tolist():
        spanned = [min(max(other, 0), last) for other in range(at - half, at + half + 1)]
        held = {
            other: held[other]
            if other in held
            else [averaged(one[None], window).ravel() for one in measured(other)]
            for other in sorted({*spanned})
        }
        asked = np.flatnonzero(where[at])
        sums = np.zeros((len(held[at]), asked.size), dtype=np.float32)
        for other in spanned:
            for total, mean in zip(sums, held[other], strict=True):
                np.add(total, mean[asked], out=total)
        yield at, sums / np.float32(slices)


def _with_first(others: Float32Array, total: Float32Array | np.float32) -> Float32Array:
    """Return values (class, voxel) of all classes from the total and those of all but the first."""
    return np.concatenate([(total - others.sum(axis=0))[None], others])


def averaged(values: Float32Array, sides: tuple[int, ...]) -> Float32Array:
    """Return means over a box around each voxel; axis 0 is kept, sides are of those after it."""
    from scipy.ndimage import uniform_filter1d

    for place, side in enumerate(sides, start=1):
        if side > 1:
            values = uniform_filter1d(values, side, axis=place, mode="nearest")
    return values
