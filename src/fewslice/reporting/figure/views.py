"""How a volume is cut and turned for looking at it.

Radiological convention: the patient's right is on the left of axial and coronal views, sagittal
views look from the left side (front on the left). Oblique scans are shown along their own axes,
with the letters of the nearest anatomical directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import on_slice
from fewslice.annotation.counts import slice_counts
from fewslice.segmentation.result import Segmentation
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.image import Array
from fewslice.volumes.region import Region, bounding_region

_MARGIN = 0.35  # around what was found, as a fraction of its side in that direction
_LEAST_MARGIN = 0.2  # and at least this fraction of its largest side
_LONGEST_PANEL = 2.5  # panels that are more elongated are stretched, and say so
_LETTERS = (
    ("R", "L"),
    ("A", "P"),
    ("S", "I"),
)  # per world axis: left or top end of a view, right or bottom end


@dataclass(frozen=True)
class View:
    """One slice as it is shown: which box of the scan, across which array axis, at which index."""

    geometry: Geometry
    box: Region
    axis: int
    index: int

    @property
    def across(self) -> int:
        """The array axis from left to right."""
        return self._inplane[0]

    @property
    def down(self) -> int:
        """The array axis from top to bottom."""
        return self._inplane[1]

    @property
    def _inplane(self) -> list[int]:
        others = list(inplane_axes(self.axis))
        return sorted(others, key=lambda axis: self.geometry.world_axes[axis])

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in mm."""
        width, height = (
            self.box.shape[axis] * self.geometry.spacing[axis] for axis in self._inplane
        )
        return width, height

    @property
    def stretch(self) -> tuple[float, float]:
        """By how much the panel is widened and heightened so that it can be seen at all."""
        width, height = self.size
        longest = max(width, height) / _LONGEST_PANEL
        return max(1.0, longest / width), max(1.0, longest / height)

    def of(self, array: Array) -> Array:
        """Return the shown part of a (i, j, k) array as (down, across)."""
        shown = array[self.box.slices][on_slice(self.axis, self.index - self.box.start[self.axis])]
        if self.across < self.down:
            shown = shown.T
        upright: Array = shown[:: self._step(self.down), :: self._step(self.across)]
        return upright

    def position(self, axis: int, index: int) -> float:
        """Return where a slice across another axis lies, in mm from the left or top."""
        place = index + 0.5 - self.box.start[axis]
        length = self.box.shape[axis]
        return (place if self._step(axis) == 1 else length - place) * self.geometry.spacing[axis]

    def letters(self, axis: int) -> tuple[str, str]:
        """Return the directions at the left or top end and at the other end."""
        return _LETTERS[self.geometry.world_axes[axis]]

    def _step(self, axis: int) -> int:
        """-1 for an axis that grows to the right, front or head: it is shown from its end."""
        return -1 if self.geometry.axis_codes[axis] in "RAS" else 1


def field_of_view(found: npt.NDArray[np.bool_], geometry: Geometry) -> Region:
    """Return the box around what was found, with a margin that is smaller where it is thin."""
    region = bounding_region(found)
    sides = np.array(region.shape) * geometry.spacing
    margin_mm = np.maximum(_MARGIN * sides, _LEAST_MARGIN * sides.max())
    margin = np.ceil(margin_mm / geometry.spacing).astype(int)
    return region.grown([int(n) for n in margin], geometry.shape)


def best_cut(segmentation: Segmentation, box: Region, axis: int) -> int:
    """Return the slice that shows the structures best, off the annotated slices if possible.

    Best: the sum over structures of their share of their own largest cross-section.
    """
    start = box.start[axis]
    labels = segmentation.labels.array[box.slices]
    counts = slice_counts(labels, segmentation.label_values[1:], axis).astype(float)
    score = (counts / np.maximum(counts.max(axis=0), 1.0)).sum(axis=1)
    annotated = segmentation.annotation.whole_slices
    for index in (index for other, index in annotated if other == axis):
        if 0 <= index - start < len(score):
            score[index - start] -= len(segmentation.label_values)
    return start + int(score.argmax())
