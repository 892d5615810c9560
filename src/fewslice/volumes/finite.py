"""Voxels without a value: NaN, infinity, and the huge numbers that stand for them, filled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fewslice.errors import InputError, Remark
from fewslice.volumes.image import Array, Image

LARGEST = 1e30
"""Beyond this, intensities are fill values; no engine could calculate with them in 32 bits."""

_SMALL = 1000  # voxels; larger holes are background rather than damage


def filled(image: Image, name: str = "the image") -> Image:
    """Return a scan in which every voxel has a value, with a remark if that took filling.

    Voxels without a value count as background, as dark as the channel gets, for they mostly lie
    outside of the body. Small holes within it take the value of the nearest voxel that has one.
    Raises InputError if no voxel has a value, or if values are no real numbers.
    """
    array = image.array
    what = name[0].upper() + name[1:]
    if array.dtype.kind not in "buif":
        raise InputError(
            f"{what} holds values of type {array.dtype}; expected one real number per voxel "
            "(colour and complex images are not supported)."
        )
    if array.dtype.kind != "f" or _all_usable(array):
        return image
    usable = np.isfinite(array) & (np.abs(array) <= LARGEST)
    count = int(array.size - np.count_nonzero(usable))
    channels = image.channels.copy()
    for channel, known in zip(channels, usable.reshape(channels.shape), strict=True):
        if not known.any():
            raise InputError(
                f"{what} holds no voxel with a finite value up to 1e30; expected intensities: "
                "scale them, or export it again."
            )
        _fill(channel, known)
    remark = Remark(
        "voxels-filled",
        f"{what} holds {count} voxels without a value (NaN, infinite or beyond 1e30); they are "
        "taken as background.",
    )
    return replace(image, array=channels.reshape(array.shape), remarks=(*image.remarks, remark))


def _all_usable(array: Array) -> bool:
    """Whether there is nothing to fill; a NaN makes both ends NaN."""
    low, high = float(array.min()), float(array.max())
    return bool(low >= -LARGEST and high <= LARGEST)


def _fill(channel: Array, known: Array) -> None:
    from scipy import ndimage

    holes, count = ndimage.label(~known)
    sizes = np.bincount(holes.ravel(), minlength=count + 1)
    edge = np.zeros(count + 1, bool)
    for axis in range(3):
        for end in (0, -1):
            edge[np.unique(np.moveaxis(holes, axis, 0)[end])] = True
    small = (sizes <= _SMALL) & ~edge
    small[0] = False
    channel[~known] = channel[known].min()
    inner = small[holes]
    if inner.any():
        nearest = ndimage.distance_transform_edt(
            ~known, return_distances=False, return_indices=True
        )
        channel[inner] = channel[tuple(index[inner] for index in nearest)]
