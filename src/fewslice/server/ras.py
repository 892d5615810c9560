"""Between a scan's own array axes and those the page sees: the nearest RAS order.

The store keeps slices in the scan's own axes, as everything else in the package does. The page, and
the library it shows volumes with, think in RAS. Whole axes are exchanged and reversed here and
nowhere else, so that JavaScript maps nothing and no voxel is ever interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fewslice.annotation.annotation import SliceIndex
from fewslice.annotation.phrases import slices_text
from fewslice.annotation.planes import PLANES
from fewslice.errors import InputError
from fewslice.typing import Float64Array
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array
from fewslice.volumes.orientation import Turn, turn_towards


@dataclass(frozen=True, eq=False)
class RasView:
    """One scan as the page sees it.

    scan: the scan's own grid. turn: from the scan's own axes to the page's. grid: the page's.
    """

    scan: Geometry
    turn: Turn
    grid: Geometry

    @classmethod
    def of(cls, geometry: Geometry) -> RasView:
        """Return the view of a scan on this grid."""
        turn = turn_towards(geometry, Geometry(geometry.shape, np.eye(4)))
        return cls(geometry, turn, turn.geometry(geometry))

    @classmethod
    def of_affine(cls, shape: tuple[int, int, int], affine: Float64Array) -> RasView:
        """Return the view of a scan with this shape and affine."""
        return cls.of(Geometry(shape, affine))

    def to_page(self, place: SliceIndex) -> SliceIndex:
        """Return (axis, index) of a slice of the scan as the page numbers it."""
        return self._moved(place, self.turn, self.scan.shape)

    def to_scan(self, place: SliceIndex) -> SliceIndex:
        """Return (axis, index) of one of the page's slices in the scan's own axes.

        Raises InputError if there is no such slice.
        """
        axis, index = place
        shape = self.grid.shape
        if axis not in (0, 1, 2) or not 0 <= index < shape[axis]:
            raise InputError(
                f"There is no slice {index} across axis {axis} in a scan of {shape} voxels; axes "
                "are 0, 1 and 2, and slices count from 0."
            )
        return self._moved(place, self.turn.inverse, shape)

    def called(self, places: Sequence[SliceIndex]) -> str:
        """Return slices of the scan as the page calls them, such as 'axial 3, 6'; from 1 on."""
        moved = sorted(self.to_page(place) for place in places)
        return slices_text([(PLANES[axis], index + 1) for axis, index in moved])

    def slice_shape(self, axis: int) -> tuple[int, int]:
        """Return the shape of the page's slices across an axis."""
        first, second = (length for each, length in enumerate(self.grid.shape) if each != axis)
        return first, second

    def slice_to_page(self, labels: Array, axis: int) -> Array:
        """Return a slice across an axis of the scan with the page's rows and columns."""
        return _turned(labels, axis, self.turn)

    def slice_to_scan(self, labels: Array, axis: int) -> Array:
        """Return a slice across one of the page's axes with the scan's own rows and columns."""
        return _turned(labels, axis, self.turn.inverse)

    def volume_to_page(self, array: Array) -> Array:
        """Return an array (..., i, j, k) of the scan with the page's axes."""
        return self.turn.array(array)

    @staticmethod
    def _moved(place: SliceIndex, turn: Turn, shape: tuple[int, int, int]) -> SliceIndex:
        axis, index = place
        to = turn.axes.index(axis)
        return to, shape[axis] - 1 - index if turn.flipped[to] else index


def _turned(labels: Array, axis: int, turn: Turn) -> Array:
    """Turn one slice as a volume of a single one would be."""
    volume = np.expand_dims(labels, axis)
    return np.ascontiguousarray(turn.array(volume).squeeze(turn.axes.index(axis)))
