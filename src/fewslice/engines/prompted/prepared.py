"""A scan and what is drawn on it as the input of a network of others, and its answer brought back.

A network of volumes is shown what was drawn, where it was drawn. One of slices is asked slice by
slice, and needs a prompt on each: between the drawn ones that is the interpolated outline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction, Progress, Scan, silent
from fewslice.engines.field_of_view import field_of_view
from fewslice.engines.interpolation.engine import Interpolation
from fewslice.engines.logits import ABSENT, NO_EXAMPLE, fused
from fewslice.engines.predictions import slice_of
from fewslice.engines.prompted.description import Description
from fewslice.engines.prompted.network import PromptedNetwork
from fewslice.typing import BoolArray, Float32Array
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.orientation import Turn, turn_towards
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import (
    apply_along,
    averaging_matrix,
    nearest_matrix,
    resizing_matrix,
)

_INPLANE, _REACH = 1.0, 2.0  # of the field of view, see `field_of_view`
_DIRECTIONS = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}


@dataclass(frozen=True, eq=False)
class PreparedPrompted:
    """A scan, and the network that is asked about it.

    image: float32 (i, j, k), scaled as the network expects.
    """

    image: Float32Array
    geometry: Geometry
    network: PromptedNetwork
    remarks: tuple[str, ...] = ()

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities (see `PreparedScan`): structures are asked for one by one."""
        drawn, remarks = annotation.drawn_values, self.remarks
        if set(annotation.values) - set(drawn):
            remarks = (*remarks, NO_EXAMPLE)
        region = self._region(annotation)
        nothing = np.full(region.shape, ABSENT, dtype=np.float32)
        logits = dict.fromkeys(annotation.values, nothing)
        slicewise = self.network.description.dimensions == 2
        answered = self._by_slice if slicewise else self._as_volume
        for number, value in enumerate(drawn, start=1):
            logits[value] = answered(annotation, value, region)
            progress(number / len(drawn))
        return fused(region, annotation.axis, logits, remarks)

    def _region(self, annotation: Annotation) -> Region:
        """Return the box that is asked about: that of a patch at least, as far as the scan goes."""
        shape, spacing = self.geometry.shape, self.geometry.spacing
        if annotation.blank:
            return Region((0, 0, 0), shape)
        near = field_of_view(annotation, spacing, _INPLANE, _REACH)
        sides = self._patch_sides(annotation.axis)
        margins = [
            max(0, int(np.ceil((side - there) / 2)))
            for side, there in zip(sides, near.shape, strict=True)
        ]
        return near.grown(margins, shape)

    def _patch_sides(self, across: int) -> list[float]:
        """Return the sides of a patch in voxels of the scan, 0 across slices."""
        description, spacing = self.network.description, self.geometry.spacing
        axes = inplane_axes(across) if description.dimensions == 2 else self._turn().axes
        sides = [0.0, 0.0, 0.0]
        for to, axis in enumerate(axes):
            step = description.spacing[to] if description.spacing else spacing[axis]
            sides[axis] = description.patch[to] * step / spacing[axis]
        return sides

    def _turn(self) -> Turn:
        """Return how the scan is turned before a network of volumes sees it."""
        axes = self.network.description.axes
        if axes is None:
            return Turn((0, 1, 2), (False, False, False))
        return turn_towards(self.geometry, geometry_along(axes))

    def _as_volume(self, annotation: Annotation, value: int, region: Region) -> Float32Array:
        """Return logits of a structure over a region, asked for as a volume."""
        inside = annotation.labels[region.slices] == value
        known = annotation.known(region)
        turn = self._turn()
        image, inside, outside = (
            turn.array(each)
            for each in (self.image[region.slices], inside & known, known & ~inside)
        )
        spacing = [self.geometry.spacing[axis] for axis in turn.axes]
        found = self._asked(image[None], inside[None], outside[None], spacing)[0]
        return turn.inverse.array(found)

    def _by_slice(self, annotation: Annotation, value: int, region: Region) -> Float32Array:
        """Return logits of a structure over a region, asked for slice by slice."""
        axis = annotation.axis
        scan = Scan(self.image[None], self.geometry)
        outlines = Interpolation().prepare(scan).predict(annotation)
        number = outlines.values.index(value)
        found = np.full(region.shape, ABSENT, dtype=np.float32)
        by_slice, images = np.moveaxis(found, axis, 0), np.moveaxis(self.image, axis, 0)
        cut = tuple(each for at, each in enumerate(region.slices) if at != axis)
        spacing = [self.geometry.spacing[other] for other in inplane_axes(axis)]
        for at, index in enumerate(range(region.start[axis], region.stop[axis])):
            inside = slice_of(outlines, axis, index, region).argmax(axis=0) == number
            if inside.any():
                image = images[index][cut]
                by_slice[at] = self._asked(image[None], inside[None], ~inside[None], spacing)[0]
        return found

    def _asked(
        self, images: Float32Array, inside: BoolArray, outside: BoolArray, spacing: Sequence[float]
    ) -> Float32Array:
        """Return logits on the same grid as images and masks, all (batch, *spatial)."""
        description = self.network.description
        wanted = description.spacing or tuple(spacing)
        shape = [
            max(1, round(length * step / new))
            for length, step, new in zip(images.shape[1:], spacing, wanted, strict=True)
        ]
        asked = self.network.logits(input_of(description, images, inside, outside, shape))
        return resized(asked, images.shape[1:], resizing_matrix)


def input_of(
    description: Description,
    images: Float32Array,
    inside: BoolArray,
    outside: BoolArray,
    shape: Sequence[int],
) -> Float32Array:
    """Return the input of a network (batch, channel, *shape) in the order of its channels.

    images: (batch, *spatial); inside, outside: masks of what is known. On a coarser grid a voxel
    is what most of the known voxels in it are, so that no drawn slice is lost.
    """
    channels = {"image": resized(images, shape, resizing_matrix)}
    inner, outer = (resized(each.astype(np.float32), shape, _kept) for each in (inside, outside))
    channels["inside"] = ((inner > 0) & (inner >= outer)).astype(np.float32)
    channels["outside"] = ((outer > 0) & (outer > inner)).astype(np.float32)
    return np.stack([channels[name] for name in description.channels], axis=1)


def resized(array: Float32Array, shape: Sequence[int], matrix_of: Any) -> Float32Array:
    """Return an array (batch, *spatial) on another grid, each axis by a matrix of (old, new)."""
    for axis, (old, new) in enumerate(zip(array.shape[1:], shape, strict=True), start=1):
        if old != new:
            array = apply_along(array, matrix_of(old, new), axis)
    return array


def _kept(old: int, new: int) -> npt.NDArray[np.float32]:
    """Return a matrix for masks: shares where there is less room, else copies."""
    return averaging_matrix(old, new) if new <= old else nearest_matrix(old, new)


def geometry_along(axes: str) -> Geometry:
    """Return a grid whose axes grow in these directions, such as "RAS" or "LPS"."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for at, letter in enumerate(axes):
        direction, sign = _DIRECTIONS[letter]
        affine[direction, at] = sign
    return Geometry((1, 1, 1), affine)
