"""Distance maps in mm.

SimpleITK's Maurer transform is the fastest exact one among the permissively licensed libraries
(measured in `benchmarks/distance_transforms.py`), and it takes anisotropic spacing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fewslice.typing import Float32Array


def distance_to(
    mask: npt.NDArray[np.bool_], spacing: Sequence[float], farthest: float
) -> Float32Array:
    """Return the distance from each voxel to the nearest True voxel, in mm; 0 inside.

    mask: bool, 2-D or 3-D. spacing: mm per array axis. farthest: the value where the mask is
    empty, and the most that is returned anywhere.
    Method: Maurer, Qi and Raghavan 2003.
    """
    if not mask.any():
        return np.full(mask.shape, farthest, dtype=np.float32)
    import SimpleITK as sitk  # noqa: N813 - the name everybody uses

    image = sitk.GetImageFromArray(np.ascontiguousarray(mask, dtype=np.uint8))
    image.SetSpacing([float(step) for step in reversed(spacing)])
    distance = sitk.SignedMaurerDistanceMap(
        image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )
    result: Float32Array = np.clip(sitk.GetArrayFromImage(distance), 0.0, farthest)
    return result.astype(np.float32, copy=False)


def signed_distance(
    inside: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
    spacing: Sequence[float],
    farthest: float,
) -> Float32Array:
    """Return the signed distance in mm between what is known inside and what is known outside.

    inside, outside: bool masks of the same shape; voxels in neither are unknown. Positive inside.
    With both masks complementary this is the usual signed distance of a region; with unknown
    voxels its sign says which of the two is nearer. Values lie in [-farthest, farthest].
    """
    return distance_to(outside, spacing, farthest) - distance_to(inside, spacing, farthest)
