"""Channels of one scan that come in files of their own, brought onto the grid of the first.

Channels whose voxels are those of the first, however their headers put it, are taken as they are.
Others are interpolated linearly between their voxels, by world coordinates; where they are finer
than the first, they are smoothed before by a Gaussian, so that no detail is missed between voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fewslice.errors import GeometryError, Remark
from fewslice.typing import BoolArray, Float32Array, Float64Array
from fewslice.volumes.geometry import SAME_GRID_TOLERANCE, Geometry
from fewslice.volumes.image import Array, Image
from fewslice.volumes.placement import find_placement
from fewslice.volumes.readings import is_placed


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A channel on the first one's grid. outside: its part beyond the channel's field of view."""

    channels: Array
    outside: float
    remark: Remark | None = None


def composed(images: Sequence[Image], names: Sequence[str]) -> Image:
    """Return scans of the same patient as the channels of one.

    Parameters
    ----------
    images
        One or more channels each, in any order of voxels and with any spacing.
    names
        What they are called in remarks and errors, such as their paths.

    Returns
    -------
    Image
        (channel, i, j, k) on the grid of the first, with all remarks. What lies beyond the field of
        view of a channel gets its lowest value, as background does.

    Raises
    ------
    GeometryError
        If a channel does not overlap the first, or does not say where it lies and has another
        shape.
    """
    first = images[0]
    if len(images) == 1:
        return first
    fitted = [
        _fitted(image, first, name, names[0])
        for image, name in zip(images[1:], names[1:], strict=True)
    ]
    parts = [first.channels, *(each.channels for each in fitted)]
    said = [remark for image in images for remark in image.remarks]
    said += [each.remark for each in fitted if each.remark is not None]
    return Image(np.concatenate(parts), first.geometry, first.stored, tuple(dict.fromkeys(said)))


def _fitted(image: Image, first: Image, name: str, first_name: str) -> _Fitted:
    if image.geometry.same_grid(first.geometry):
        return _Fitted(image.channels, 0.0)
    if not (is_placed(image) and is_placed(first)):
        return _by_shape(image, first, name, first_name)
    placement = find_placement(first.geometry, image.geometry)
    if placement is not None and placement.off <= SAME_GRID_TOLERANCE:
        shape = first.geometry.shape
        inside = np.prod([part.stop - part.start for part in placement.covered(shape)])
        moved = [
            placement.taken(channel, shape, fill=float(channel.min())) for channel in image.channels
        ]
        found = _Fitted(np.stack(moved), 1 - float(inside) / float(np.prod(shape)))
        return _said(found, image, "", name, first_name)
    outside = beyond(image.geometry, first.geometry)
    if outside.all():
        raise GeometryError(
            f"{name} does not overlap {first_name} anywhere, so they do not show the same place "
            "or have lost it; expected channels of one patient in one frame of reference: register "
            "them first, or give the right files."
        )
    sampled = np.stack(
        [_sampled(channel, image.geometry, first.geometry, outside) for channel in image.channels]
    )
    spacing = image.geometry.describe("spacing")
    how = f"has other voxels ({spacing}) and is resampled to those of {first_name}, linearly"
    return _said(_Fitted(sampled, float(outside.mean())), image, how, name, first_name)


def _by_shape(image: Image, first: Image, name: str, first_name: str) -> _Fitted:
    if image.geometry.shape != first.geometry.shape:
        raise GeometryError(
            f"{name} has {image.geometry.describe('shape')} voxels, {first_name} has "
            f"{first.geometry.describe('shape')}, and not both say where they lie; expected the "
            "same shape then: convert them to files that say so."
        )
    remark = Remark(
        "channel-by-shape",
        f"{name} and {first_name} do not both say where they lie; they have the same shape and are "
        "taken voxel by voxel.",
    )
    return _Fitted(image.channels, 0.0, remark)


def _said(found: _Fitted, image: Image, how: str, name: str, first_name: str) -> _Fitted:
    """Add the remark on a channel that was resampled, or that does not cover the first."""
    code, said = "channel-resampled" if how else "channel-padded", [how] if how else []
    if found.outside:
        lowest = ", ".join(f"{float(channel.min()):.6g}" for channel in image.channels)
        whole = "that" if how else first_name
        said.append(
            f"does not show {_percent(found.outside)} of {whole}, which gets its lowest value, "
            f"{lowest}"
        )
    if not said:
        return found
    return replace(found, remark=Remark(code, f"{name} {'; it '.join(said)}."))


def _percent(part: float) -> str:
    return f"{100 * part:.0f} %" if part >= 0.01 else "less than 1 %"


def overlap(one: Geometry, other: Geometry) -> float:
    """Return how much of the smaller of two fields of view the other one shows, 0 to 1.

    One within the other, such as a slab in a scan of the whole head, gives 1.
    """
    if one.same_grid(other):
        return 1.0
    return 1.0 - float(min(beyond(one, other).mean(), beyond(other, one).mean()))


def beyond(grid: Geometry, seen_by: Geometry) -> BoolArray:
    """Return which voxels of `seen_by` have their centre in no voxel of `grid`: (i, j, k)."""
    to_grid = _between(seen_by, grid)
    outside = np.zeros(seen_by.shape, dtype=bool)
    i, j, k = (np.arange(length, dtype=np.float64) for length in seen_by.shape)
    for axis, length in enumerate(grid.shape):
        row = to_grid[axis]
        plane = row[1] * j[:, np.newaxis] + row[2] * k + row[3]
        for at, first in enumerate(row[0] * i):  # a slice at a time, to save memory
            place = plane + first
            outside[at] |= (place < -0.5) | (place > length - 0.5)
    return outside


def _sampled(channel: Array, own: Geometry, wanted: Geometry, outside: BoolArray) -> Float32Array:
    """Return a channel's values at the voxels of another grid, its lowest where it shows none."""
    from scipy import ndimage

    matrix = _between(wanted, own)
    values = channel.astype(np.float32)
    coarser = np.linalg.norm(matrix[:3, :3], axis=1)  # voxels of its own in one that is wanted
    blur = np.clip((coarser - 1) / 2, 0, None)
    if blur.any():
        values = ndimage.gaussian_filter(values, blur, mode="nearest")
    sampled: Float32Array = ndimage.affine_transform(
        values,
        matrix[:3, :3],
        matrix[:3, 3],
        output_shape=wanted.shape,
        output=np.float32,
        order=1,
        mode="nearest",
    )
    sampled[outside] = channel.min()
    return sampled


def _between(grid: Geometry, other: Geometry) -> Float64Array:
    """Return the matrix from voxels of a grid to those of another."""
    matrix: Float64Array = np.linalg.inv(other.affine) @ grid.affine
    matrix[np.abs(matrix) < 1e-9] = 0.0  # rounding, which is no blur
    return matrix
