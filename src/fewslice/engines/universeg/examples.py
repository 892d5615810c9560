"""Drawn slices as examples: an image and a mask of one structure each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.universeg.squares import Square
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN, LabelArray

_Item = TypeVar("_Item")


@dataclass(frozen=True, eq=False)
class Labelled:
    """A scan of which something is drawn. image: (i, j, k) in [0, 1]; spacing: mm per axis."""

    image: Float32Array
    spacing: tuple[float, float, float]
    annotation: Annotation

    def slices_with(self, axis: int, value: int) -> list[int]:
        """Return the slices across an axis that show a structure, ascending."""
        labels = self.annotation.labels
        return [
            index
            for index in self.annotation.drawn_along(axis)
            if (labels[on_slice(axis, index)] == value).any()
        ]

    def example(self, axis: int, index: int, value: int, side: int) -> Float32Array:
        """Return a slice and the mask of a structure on it: (2, side, side), in [0, 1]."""
        place = on_slice(axis, index)
        square = square_of(self.image, self.spacing, axis, side)
        mask = completed(self.annotation.labels[place]) == value
        return np.stack([square.down(self.image[place]), square.down(mask.astype(np.float32))])


def square_of(
    image: Float32Array, spacing: tuple[float, float, float], axis: int, side: int
) -> Square:
    """Return how slices of a scan (i, j, k) across an axis become squares."""
    rows, columns = inplane_axes(axis)
    shape = image.shape[rows], image.shape[columns]
    return Square(shape, (spacing[rows], spacing[columns]), side)


def completed(labels: LabelArray) -> LabelArray:
    """Return a slice in which pixels not looked at (255) have the label of the nearest known one.

    Examples have no word for "not looked at". A slice of which nothing is known stays as it is.
    """
    unknown: npt.NDArray[np.bool_] = labels == UNKNOWN
    if not unknown.any() or unknown.all():
        return labels
    from scipy.ndimage import distance_transform_edt

    nearest = distance_transform_edt(unknown, return_distances=False, return_indices=True)
    return np.asarray(labels[tuple(nearest)])


def has_unknown(annotation: Annotation) -> bool:
    """Return whether a slice that shows a structure was looked at only in part."""
    return any(
        (annotation.labels[on_slice(*place)] == UNKNOWN).any() for place in annotation.drawn_slices
    )


def examples_of(
    scans: Sequence[Labelled], axis: int, value: int, most: int, side: int
) -> Float32Array:
    """Return examples of a structure (example, 2, side, side), at most so many.

    scans: the one in hand first, whose slices come before all others; where there are too many,
    evenly spread ones are taken. None may be found.
    """
    own = [(scans[0], index) for index in scans[0].slices_with(axis, value)]
    others = [(scan, index) for scan in scans[1:] for index in scan.slices_with(axis, value)]
    chosen = spread(own, most)
    chosen += spread(others, most - len(chosen))
    found = [scan.example(axis, index, value, side) for scan, index in chosen]
    return np.stack(found) if found else np.zeros((0, 2, side, side), dtype=np.float32)


def spread(items: Sequence[_Item], most: int) -> list[_Item]:
    """Return at most so many of the items, evenly spread and in their order."""
    if len(items) <= most:
        return list(items)
    return [items[int((at + 0.5) * len(items) / most)] for at in range(most)]
