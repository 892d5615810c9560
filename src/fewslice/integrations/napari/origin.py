"""Where a layer's voxels come from, and how a scan is turned to be seen upright.

napari draws the last axis of an array to the right, the one before it downwards, and has a slider
for the first. Scans are handed to it in that order: feet to head, front to back, right to left, so
that axial slices come up as radiologists look at them. The world of napari is taken to be the same
in all layers: millimetres to the head, the back and the left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fewslice.errors import Remark
from fewslice.typing import Float64Array
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array, Image, LabelMap, StoredGeometry
from fewslice.volumes.orientation import Turn, turn_towards
from fewslice.volumes.segments import Segment

KEY = "fewslice"
"""Of a layer's `metadata`: its `Origin`."""

TO_RAS = np.array(
    [[0.0, 0.0, -1.0, 0.0], [0.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)
"""From napari's world (head, back, left) to RAS+, both in mm."""

_STRAIGHT = 0.5  # degrees that a scan may be oblique by without a word


@dataclass(frozen=True, eq=False)
class Origin:
    """What a layer's file says beside its voxels.

    geometry: the grid as the file has it. turn: from the file's axes to those of the layer.
    stored: what is written back as it was. segments: names of structures.
    """

    geometry: Geometry
    turn: Turn
    stored: StoredGeometry | None = None
    segments: tuple[Segment, ...] = ()

    @classmethod
    def of(cls, volume: Image | LabelMap) -> Origin:
        """Return the origin of a volume that is to be shown."""
        turn = turn_towards(volume.geometry, Geometry((1, 1, 1), TO_RAS))
        segments = volume.segments if isinstance(volume, LabelMap) else ()
        return cls(volume.geometry, turn, volume.stored, segments)

    @property
    def turned(self) -> Geometry:
        """The grid of the layer, with all angles that the scan has."""
        return self.turn.geometry(self.geometry)

    @property
    def spacing(self) -> Float64Array:
        """`scale` of the layer: mm along each of its axes."""
        return np.array(self.turned.spacing)

    @property
    def start(self) -> Float64Array:
        """`translate` of the layer, mm: the middle of the scan is where it lies in the patient."""
        turned = self.turned
        middle = (np.array(turned.shape) - 1) / 2
        world: Float64Array = (self._shown @ np.append(middle, 1.0))[:3] - self.spacing * middle
        return world

    @property
    def matrix(self) -> Float64Array:
        """(4, 4), from the layer's voxels to napari's world as they are shown: without angles."""
        matrix = np.diag(np.append(self.spacing, 1.0))
        matrix[:3, 3] = self.start
        return matrix

    @property
    def angle(self) -> float:
        """Degrees by which the scan is shown straighter than it lies."""
        steps = self._shown[:3, :3] / self.spacing
        return float(np.degrees(np.arccos(np.clip(np.diag(steps).min(), -1.0, 1.0))))

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Say so if the scan lies obliquely, which slices of napari cannot show."""
        if self.angle <= _STRAIGHT:
            return ()
        return (
            Remark(
                "shown-straight",
                f"The scan lies {self.angle:.0f} degrees oblique in the patient; it is shown "
                "straight, and saved as it lies.",
            ),
        )

    def back(self, array: Array) -> Array:
        """Return a layer's array (..., i, j, k) in the order of the file."""
        return self.turn.inverse.array(array)

    @property
    def _shown(self) -> Float64Array:
        return np.asarray(np.linalg.inv(TO_RAS) @ self.turned.affine)
