"""Slices as the squares of pixels that a network of fixed size sees, and the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fewslice.typing import Float32Array
from fewslice.volumes.working_grid import apply_along, resizing_matrix


@dataclass(frozen=True)
class Square:
    """A slice, padded to a square in mm so that nothing is stretched, at `side` x `side` pixels.

    shape: rows and columns of the slice. spacing: mm between them. The slice lies in the middle.
    """

    shape: tuple[int, int]
    spacing: tuple[float, float]
    side: int

    def down(self, image: Float32Array) -> Float32Array:
        """Return a slice as a square; what is beyond its border is 0."""
        for axis, margin in enumerate(self._margins):
            padding = [(0, 0), (0, 0)]
            padding[axis] = (margin, margin)
            image = np.pad(image, padding)
            image = apply_along(image, resizing_matrix(image.shape[axis], self.side), axis)
        return image

    def up(self, square: Float32Array) -> Float32Array:
        """Return a square as the slice, interpolated linearly."""
        for axis, margin in enumerate(self._margins):
            length = self.shape[axis]
            square = apply_along(square, resizing_matrix(self.side, length + 2 * margin), axis)
            square = square.take(range(margin, margin + length), axis)
        return square

    @property
    def _margins(self) -> tuple[int, int]:
        """Rows and columns to add on either side."""
        long = max(length * step for length, step in zip(self.shape, self.spacing, strict=True))
        rows, columns = (
            math.ceil(round((long / step - length) / 2, 6))
            for length, step in zip(self.shape, self.spacing, strict=True)
        )
        return rows, columns
