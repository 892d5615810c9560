"""Small made-up scans with known answers, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Phantom:
    """image (i, j, k) float32, truth (i, j, k) uint8, spacing in mm."""

    image: npt.NDArray[np.float32]
    truth: npt.NDArray[np.uint8]
    spacing: tuple[float, float, float]

    def sparse(self, axis: int, *indices: int) -> npt.NDArray[np.uint8]:
        """The truth on some slices across one axis, 0 elsewhere."""
        labels = np.zeros_like(self.truth)
        for index in indices:
            place: list[Any] = [slice(None)] * 3
            place[axis] = index
            labels[tuple(place)] = self.truth[tuple(place)]
        return labels


def two_organs(noise: float = 0.1, seed: int = 0) -> Phantom:
    """A lopsided pair of ellipsoids, bright and dark, on a grey ground: nothing is symmetric."""
    shape, spacing = (44, 40, 22), (1.0, 1.0, 2.0)
    x, y, z = np.indices(shape)
    first = ((x - 14) / 9) ** 2 + ((y - 17) / 11) ** 2 + ((z - 10) / 7) ** 2 < 1
    second = ((x - 31) / 8) ** 2 + ((y - 23 - (z - 12)) / 7) ** 2 + ((z - 12) / 6) ** 2 < 1
    truth = np.zeros(shape, dtype=np.uint8)
    truth[first] = 1
    truth[second & ~first] = 2
    image = np.array([0.5, 1.0, 0.0])[truth]
    image = image + np.random.default_rng(seed).normal(0, noise, shape)
    return Phantom(image.astype(np.float32), truth, spacing)


def dice(a: npt.NDArray[Any], b: npt.NDArray[Any], value: int) -> float:
    """Dice of one label in two label maps."""
    first, second = a == value, b == value
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))
